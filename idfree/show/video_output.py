"""Write annotated frames to a video file, a window, or both."""

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING

import numpy as np

from idfree.core.types import Floats, Frame, Image, Tracks

if TYPE_CHECKING:
    from idfree.show.video_writer import VideoWriter
    from idfree.show.window import Window

LOG = logging.getLogger("idfree")


class VideoOutput:
    """A context manager: `add` draws the tracks of each frame and writes the image to the outputs.

    path: of the .mp4, which is written only if there is a frame and the block ends without an exception; None for no
    file. window: title of the window; None for no window. timed: frames have irregular times, which the video keeps
    (see VideoWriter). class_names: by class id, for the labels (see Drawing).
    """

    def __init__(
        self,
        path: Path | None,
        frame_rate: float,
        window: str | None = None,
        timed: bool = False,
        class_names: Mapping[int, str] = MappingProxyType({}),
    ):
        from idfree.show.drawing import Drawing

        self.path, self.frame_rate, self.window, self.timed = path, frame_rate, window, timed
        self.drawing = Drawing(class_names=class_names)
        self.stack = ExitStack()
        self.size_hw, self.warned = (0, 0), False
        self.outputs: list[VideoWriter | Window] = []

    def __enter__(self) -> "VideoOutput":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self.is_without_frames():  # interrupted before the first was written: leave no file
            kind, error = KeyboardInterrupt, KeyboardInterrupt()
        self.stack.__exit__(kind, error, trace)

    def is_without_frames(self) -> bool:
        """Whether a video file was opened and no frame written to it."""
        return any(getattr(output, "written", 1) == 0 for output in self.outputs)

    def add(
        self, frame: Frame, tracks: Tracks, camera: Floats | None = None, points: Floats | None = None
    ) -> Image | None:
        """Draw the tracks on the frame and output the image; return it, or None if there is no output.

        camera, points: as in `Drawing.draw`.
        """
        if (self.path is None and self.window is None) or frame.image is None:
            return None
        image = self.drawing.draw(frame.image, tracks, frame.number, camera=camera, points=points)
        if not self.outputs:
            self.open(image)
            self.size_hw = (image.shape[0], image.shape[1])
        if image.shape[:2] != self.size_hw:
            image = self.fit_to_first(image, frame.number)
        for output in self.outputs:
            output.write(image, frame.time)
        return image

    def fit_to_first(self, image: Image, frame_number: int) -> Image:
        """An image of another size than the first, enlarged or reduced and with black bars, with a warning once."""
        if not self.warned:
            (height, width), (first_height, first_width) = image.shape[:2], self.size_hw
            sizes = f"{width}×{height} from frame {frame_number} on, {first_width}×{first_height} before"
            LOG.warning("the size of the images changes (%s): the video keeps the first, with black bars", sizes)
            self.warned = True
        return fit(image, self.size_hw)

    def open(self, image: Image) -> None:
        """Open the video file, with the size of its first image, and the window."""
        if self.path is not None:
            from idfree.show.video_writer import VideoWriter

            size_hw = (image.shape[0], image.shape[1])
            video = VideoWriter(self.path, self.frame_rate, size_hw, timed=self.timed)
            self.outputs.append(self.stack.enter_context(video))
        if self.window is not None:
            from idfree.show.window import Window

            self.outputs.append(self.stack.enter_context(Window(self.window)))


def fit(image: Image, size_hw: tuple[int, int]) -> Image:
    """The image (H, W, 3) in another size, its proportions kept, in the middle of a black one."""
    import cv2

    scale = min(size_hw[0] / image.shape[0], size_hw[1] / image.shape[1])
    height, width = (min(max(1, round(side * scale)), most) for side, most in zip(image.shape, size_hw, strict=False))
    canvas = np.zeros((*size_hw, image.shape[2]), dtype=image.dtype)
    top, left = (size_hw[0] - height) // 2, (size_hw[1] - width) // 2
    canvas[top : top + height, left : left + width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return canvas
