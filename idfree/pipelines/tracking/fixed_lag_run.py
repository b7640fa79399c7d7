"""A tracking run whose tracks are refined with a fixed lag, as `track --lag SECONDS`."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from idfree.core.errors import UserError
from idfree.core.types import Floats, Frame, Tracks
from idfree.offline.fixed_lag import FixedLag
from idfree.offline.track_rows import FILLED_SCORE
from idfree.offline.whole_video import Video
from idfree.pipelines.tracking.run_counts import TrackCounts
from idfree.pipelines.tracking.tracking_run import TrackingRun

LONGEST = 600.0  # s: frames of a longer delay may not fit in memory


class FixedLagRun:
    """Iterate for (frame, tracks) of a run, each frame at most `lag` seconds late; then for `rest`.

    keeps_images: whether the frames that wait keep their images. motion, occlusions: as of the run, of the frame that
    was given last. counts: of what was given.
    """

    def __init__(self, run: TrackingRun, lag: float, keeps_images: bool):
        self.run, self.lag, self.keeps_images = run, lag, keeps_images
        sequence = run.sequence  # its frame numbers are those of the source
        self.fixed_lag = FixedLag(lag, Video(sequence.frame_rate * sequence.step, sequence.size_hw))
        self.waiting: deque[tuple[Frame, Floats | None, Floats | None]] = deque()  # with its motion and occlusions
        self.motion: Floats | None = None
        self.occlusions: Floats | None = None
        self.final: deque[tuple[int, Tracks]] = deque()
        self.counts, self.filled = TrackCounts(), 0

    def __iter__(self) -> Iterator[tuple[Frame, Tracks]]:
        for frame, tracks in self.run:
            with self.run.timer.time("associating"):
                self.add(frame, tracks)
            yield from self.give()
        yield from self.rest()

    def add(self, frame: Frame, tracks: Tracks) -> None:
        """Let a frame wait."""
        run, video = self.run, self.fixed_lag.video
        if video.size_hw is None and frame.image is not None:  # of a live camera
            self.fixed_lag.video = replace(video, size_hw=frame.image.shape[:2])
        kept = frame if self.keeps_images else replace(frame, image=None)
        self.waiting.append((kept, run.motion, run.occlusions))
        self.final.extend(self.fixed_lag.add(frame.number, tracks, frame.time, run.motion, run.detections))

    def rest(self) -> Iterator[tuple[Frame, Tracks]]:
        """The frames that wait: at the end, or what was tracked before an interruption."""
        self.final.extend(self.fixed_lag.finish())
        yield from self.give()

    def give(self) -> Iterator[tuple[Frame, Tracks]]:
        """Count and yield frames that are final."""
        while self.final:
            number, tracks = self.final.popleft()
            while self.waiting[0][0].number < number:  # an interruption may lose frames
                self.waiting.popleft()
            frame, self.motion, self.occlusions = self.waiting.popleft()
            self.counts.add(tracks)
            self.filled += int((tracks.score == FILLED_SCORE).sum())
            yield frame, tracks

    def describe(self) -> dict[str, Any]:
        """For summaries: counts before and after. filled: rows that were filled in."""
        before, after = self.run.counts, self.counts
        return {
            "lag": self.lag,
            "tracks_before": before.tracks,
            "tracks": after.tracks,
            "boxes_before": before.boxes,
            "boxes": after.boxes,
            "filled": self.filled,
        }


def check_lag(lag: float | None, offline: bool = False) -> None:
    """Raises UserError for a delay that cannot be, or if the whole video is asked for, too."""
    if lag is not None and not 0 < lag <= LONGEST:  # also for NaN
        raise UserError(f"--lag {lag:g}: expected seconds, more than 0, {LONGEST:.0f} at most")
    if lag is not None and offline:
        raise UserError(f"--lag {lag:g} --offline: refine with a delay or at the end; leave out one of them")
