"""The annotated video of a run: its tracks, and what is counted so far at lines and in zones."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType

from idfree.core.errors import UserError
from idfree.core.types import Floats, Frame, Sequence, Tracks
from idfree.counting.request import CountRequest
from idfree.pipelines.tracking.live_count import LiveCount
from idfree.show.video_output import VideoOutput

LEAST_HEIGHT = 16  # px, of a video


@dataclass(frozen=True)
class VideoSettings:
    """Height of the video in pixels, None for that of the source, and what is counted. Raises UserError."""

    height: int | None = None
    count: CountRequest = field(default_factory=CountRequest)

    def __post_init__(self) -> None:
        if self.height is not None and self.height < LEAST_HEIGHT:
            raise UserError(f"--video-height {self.height}: expected pixels, {LEAST_HEIGHT} or more")


AS_SOURCE = VideoSettings()


class AnnotatedVideo:
    """A context manager: `add` draws the tracks of each frame into a video file, a window, or both.

    path: of the .mp4, None for no file; title: of the window, None for no window. class_names, time: see VideoOutput.
    """

    def __init__(
        self,
        sequence: Sequence,
        path: Path | None,
        title: str | None = None,
        class_names: Mapping[int, str] = MappingProxyType({}),
        settings: VideoSettings = AS_SOURCE,
        time: Callable[[str], AbstractContextManager[None]] = lambda stage: nullcontext(),
    ):
        marks = (sequence.is_irregular, class_names, settings.height, time)
        self.output = VideoOutput(path, sequence.frame_rate, title, *marks)
        is_counted = bool(settings.count.lines or settings.count.zones) and (path is not None or title is not None)
        rate = sequence.frame_rate * sequence.step  # of frame numbers
        self.count = LiveCount(settings.count, rate) if is_counted else None

    def __enter__(self) -> "AnnotatedVideo":
        self.output.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.output.__exit__(kind, error, trace)

    def add(self, frame: Frame, tracks: Tracks, camera: Floats | None = None, points: Floats | None = None) -> None:
        """Draw the tracks of the next frame; camera, points: as in `Drawing.draw`."""
        outlines = () if self.count is None else self.count.add(frame.number, tracks)
        self.output.add(frame, tracks, camera, points, outlines)
