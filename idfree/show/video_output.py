"""Annotated pictures, as they come, into a video file, a window, or both."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from idfree.core.types import Frame, Image, Tracks

if TYPE_CHECKING:
    from idfree.show.video_writer import VideoWriter
    from idfree.show.window import Window


class VideoOutput:
    """A context manager; `add` each frame with its tracks. The video appears whole when the block ends well.

    path: the .mp4 to write, or None. window: also show it, titled so, or None.
    """

    def __init__(self, path: Path | None, frame_rate: float, window: str | None = None):
        from idfree.show.drawing import Drawing

        self.path, self.frame_rate, self.window = path, frame_rate, window
        self.drawing = Drawing()
        self.stack = ExitStack()
        self.screens: list[VideoWriter | Window] = []

    def __enter__(self) -> "VideoOutput":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stack.__exit__(kind, error, trace)

    def add(self, frame: Frame, tracks: Tracks) -> Image | None:
        """Draw the tracks on the frame and pass the picture on; gives it, None if nobody wants it."""
        if (self.path is None and self.window is None) or frame.image is None:
            return None
        picture = self.drawing.draw(frame.image, tracks, frame.number)
        if not self.screens:
            self.open(picture)
        for screen in self.screens:
            screen.write(picture)
        return picture

    def open(self, first: Image) -> None:
        """The video and the window, which want to know the size of their pictures."""
        if self.path is not None:
            from idfree.show.video_writer import VideoWriter

            size_hw = (first.shape[0], first.shape[1])
            self.screens.append(self.stack.enter_context(VideoWriter(self.path, self.frame_rate, size_hw)))
        if self.window is not None:
            from idfree.show.window import Window

            self.screens.append(self.stack.enter_context(Window(self.window)))
