"""Write annotated frames to a video file, a window, or both; drawing and encoding have threads of their own."""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING

import numpy as np

from idfree.core.background import Background
from idfree.core.types import Floats, Frame, Image, Tracks
from idfree.show.drawing import Drawing
from idfree.show.outlines import Outline

if TYPE_CHECKING:
    from idfree.show.video_writer import VideoWriter
    from idfree.show.window import Window

LOG = logging.getLogger("idfree")


@dataclass(frozen=True)
class AnnotatedFrame:
    """A frame, and what is drawn on it; see `Drawing.draw`."""

    frame: Frame
    tracks: Tracks
    camera: Floats | None = None
    points: Floats | None = None
    outlines: Sequence[Outline] = ()

    def scaled(self, scale: float) -> "AnnotatedFrame":
        """The same, for an image of another size."""
        if scale == 1:
            return self
        tracks = replace(self.tracks, xyxy=self.tracks.xyxy * scale)
        camera = None if self.camera is None else self.camera * [1, 1, scale]
        points = None if self.points is None else self.points * scale
        outlines = [replace(each, points=each.points * scale) for each in self.outlines]
        return AnnotatedFrame(self.frame, tracks, camera, points, outlines)


class VideoOutput:
    """A context manager: `add` draws the tracks of each frame and writes the image to the outputs.

    path: of the .mp4, which is written only if there is a frame and the block ends without an exception; None for no
    file. window: title of the window; None for no window. timed: frames have irregular times, which the video keeps
    (see VideoWriter). class_names: by class id, for the labels (see Drawing). height: of the image in pixels, if that
    is less than the frames'. time: a context manager for the stages "drawing" and "encoding", to measure them.
    """

    def __init__(
        self,
        path: Path | None,
        frame_rate: float,
        window: str | None = None,
        timed: bool = False,
        class_names: Mapping[int, str] = MappingProxyType({}),
        height: int | None = None,
        time: Callable[[str], AbstractContextManager[None]] = lambda stage: nullcontext(),
    ):
        self.path, self.frame_rate, self.title, self.timed = path, frame_rate, window, timed
        self.height, self.time = height, time
        self.drawing = Drawing(class_names=class_names)
        self.stack = ExitStack()
        self.size_hw, self.warned = (0, 0), False
        self.count = 0  # of frames added
        self.free: deque[Image] = deque()  # images that can be drawn on again
        self.writer: VideoWriter | None = None
        self.window: Window | None = None
        self.encoder = Background(self.encode, name="encoding")
        self.artist = Background(self.draw, name="drawing")

    def __enter__(self) -> "VideoOutput":
        """Nothing is opened before the first frame."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the video; after an exception, and without a frame, leave no file."""
        if kind is None and not self.count:  # interrupted before the first was added: leave no file
            kind, error = KeyboardInterrupt, KeyboardInterrupt()
        self.stack.__exit__(kind, error, trace)

    def add(
        self,
        frame: Frame,
        tracks: Tracks,
        camera: Floats | None = None,
        points: Floats | None = None,
        outlines: Sequence[Outline] = (),
    ) -> None:
        """Draw the tracks on the frame and output the image, later if there is no window.

        camera, points, outlines: as in `Drawing.draw`, in pixels of the frame. Raises errors of earlier frames, too.
        """
        if (self.path is None and self.title is None) or frame.image is None:
            return
        if self.size_hw == (0, 0):
            self.open(frame.image)
        self.count += 1
        annotated = AnnotatedFrame(frame, tracks, camera, points, outlines)
        if self.title is None:
            self.artist.put(annotated)
        else:  # windows belong to this thread
            self.draw(annotated)

    def open(self, image: Image) -> None:
        """Open the video file, with the size of its first image, the window, and the threads."""
        height, width = image.shape[:2]
        scale = min(1.0, (self.height or height) / height)
        self.size_hw = (height, width) if scale == 1 else (round(height * scale), max(1, round(width * scale)))
        if self.path is not None:
            from idfree.show.video_writer import VideoWriter

            video = VideoWriter(self.path, self.frame_rate, self.size_hw, timed=self.timed)
            self.writer = self.stack.enter_context(video)
            self.stack.enter_context(self.encoder)
        if self.title is None:
            self.stack.enter_context(self.artist)
        else:
            from idfree.show.window import Window

            self.window = self.stack.enter_context(Window(self.title))

    def draw(self, annotated: AnnotatedFrame) -> None:
        """Draw one frame; show it in the window, and hand it to the encoder."""
        with self.time("drawing"):
            canvas = self.draw_frame(annotated)
        if self.window is not None:
            self.window.write(canvas)
        if self.writer is None:
            self.free.append(canvas)
        else:
            self.encoder.put((canvas, annotated.frame.time))

    def encode(self, image_and_time: tuple[Image, float | None]) -> None:
        """Write one image to the file; it can be drawn on again."""
        assert self.writer is not None
        with self.time("encoding"):
            self.writer.write(*image_and_time)
        self.free.append(image_and_time[0])

    def draw_frame(self, annotated: AnnotatedFrame) -> Image:
        """The frame in the size of the outputs, drawn on."""
        import cv2

        image = annotated.frame.image
        assert image is not None
        height, width = image.shape[:2]
        scale = self.size_hw[0] / height
        if round(width * scale) != self.size_hw[1]:  # another size than the first
            self.warn_of_size(image, annotated.frame.number)
            return letterbox(self.draw_on(image.copy(), annotated), self.size_hw)
        canvas = self.free.pop() if self.free else np.empty((*self.size_hw, 3), dtype=np.uint8)
        if scale == 1:
            np.copyto(canvas, image)
        else:  # up to half the size, bilinear is as sharp as by area, and several times as fast
            method = cv2.INTER_LINEAR if scale >= 0.5 else cv2.INTER_AREA
            cv2.resize(image, self.size_hw[::-1], dst=canvas, interpolation=method)
        return self.draw_on(canvas, annotated.scaled(scale))

    def draw_on(self, canvas: Image, annotated: AnnotatedFrame) -> Image:
        """Draw on an image in place; return it."""
        marks = (annotated.camera, annotated.points, annotated.outlines)
        return self.drawing.draw(canvas, annotated.tracks, annotated.frame.number, "", *marks, in_place=True)

    def warn_of_size(self, image: Image, frame_number: int) -> None:
        """Warn, once, of images of another size than the first."""
        if not self.warned:
            (height, width), (first_height, first_width) = image.shape[:2], self.size_hw
            sizes = f"{width}×{height} from frame {frame_number} on, {first_width}×{first_height} before"
            LOG.warning("the size of the images changes (%s): the video keeps the first, with black bars", sizes)
            self.warned = True


def letterbox(image: Image, size_hw: tuple[int, int]) -> Image:
    """The image (H, W, 3) scaled to fit (height, width), its aspect ratio kept, with black bars."""
    import cv2

    scale = min(size_hw[0] / image.shape[0], size_hw[1] / image.shape[1])
    height, width = (min(max(1, round(side * scale)), most) for side, most in zip(image.shape, size_hw, strict=False))
    canvas = np.zeros((*size_hw, image.shape[2]), dtype=image.dtype)
    top, left = (size_hw[0] - height) // 2, (size_hw[1] - width) // 2
    canvas[top : top + height, left : left + width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return canvas
