"""Write annotated frames to a video file, a window, or both."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING

from idfree.core.types import Frame, Image, Tracks

if TYPE_CHECKING:
    from idfree.show.video_writer import VideoWriter
    from idfree.show.window import Window


class VideoOutput:
    """A context manager: `add` draws the tracks of each frame and writes the image to the outputs.

    path: of the .mp4, which is written only if the block ends without an exception; None for no file. window: title of
    the window; None for no window. timed: frames have irregular times, which the video keeps (see VideoWriter).
    class_names: by class id, for the labels (see Drawing).
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
        self.outputs: list[VideoWriter | Window] = []

    def __enter__(self) -> "VideoOutput":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stack.__exit__(kind, error, trace)

    def add(self, frame: Frame, tracks: Tracks) -> Image | None:
        """Draw the tracks on the frame and output the image; return it, or None if there is no output."""
        if (self.path is None and self.window is None) or frame.image is None:
            return None
        image = self.drawing.draw(frame.image, tracks, frame.number)
        if not self.outputs:
            self.open(image)
        for output in self.outputs:
            output.write(image, frame.time)
        return image

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
