"""Write the tracks of a run while they come: the file of results, the annotated video, the window."""

from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.progress import progress
from idfree.core.types import Frame, Sequence, Tracks
from idfree.detectors.classes import reported_class_names
from idfree.pipelines.count_report import paths_of as count_paths
from idfree.pipelines.tracking.annotated_video import AS_SOURCE, AnnotatedVideo, VideoSettings
from idfree.pipelines.tracking.finished_tracks import SUMMARY
from idfree.pipelines.tracking.fixed_lag_run import FixedLagRun
from idfree.pipelines.tracking.results_stream import SUFFIXES, Format, ResultsStream
from idfree.pipelines.tracking.run_summary import summarise
from idfree.pipelines.tracking.track_tasks import Outcome, Summary
from idfree.pipelines.tracking.tracking_run import TrackingRun
from idfree.trackers.lost_tracks import layers
from idfree.trackers.refinding import Refinding

FramesWithTracks = Iterable[tuple[Frame, Tracks]]


@dataclass(frozen=True)
class Outputs:
    """What is written of each sequence into `folder`, or shown; the fields are arguments of `track_videos`.

    video_settings: its size, and what is counted. offline: its tracks are refined after the last frame. lag: they are
    refined while frames come, so many seconds late.
    """

    folder: Path
    format: Format = "mot"
    video: bool = False
    show: bool = False
    video_settings: VideoSettings = AS_SOURCE
    offline: bool = False
    lag: float | None = None
    quiet: bool = True

    def results_file(self, name: str) -> Path:
        """The file of the tracks of a sequence."""
        return self.folder / f"{name}.{SUFFIXES[self.format]}"

    def video_file(self, name: str) -> Path | None:
        """The annotated video of a sequence; None if there is none."""
        return self.folder / f"{name}.mp4" if self.video else None

    def files(self, name: str) -> list[Path]:
        """The file of the tracks of a sequence, and its video if there is one."""
        return [path for path in (self.results_file(name), self.video_file(name)) if path is not None]

    def all_files(self, sequences: Iterable[Sequence]) -> list[Path]:
        """All files that tracking the sequences writes."""
        counts = [path for s in sequences if self.video_settings.count for path in count_paths(self.folder, s.name)]
        return [*(file for s in sequences for file in self.files(s.name)), *counts, self.folder / SUMMARY]

    def describe(self) -> list[str]:
        """For requests (see `describe_request`): suffixes of the files, and how tracks are refined."""
        suffixes = [SUFFIXES[self.format], *["mp4"] * self.video]
        return [*suffixes, *["offline"] * self.offline, *[f"lag {self.lag}"] * (self.lag is not None)]


def write_tracks(run: TrackingRun, outputs: Outputs) -> Outcome:
    """Track one sequence and write its results as they come.

    What was tracked before an error or Ctrl-C is written, and "complete" is False. A live camera (of unknown length) is
    complete when Ctrl-C ends it, without an error.
    """
    writer = TrackWriter(run, outputs)
    error = writer.write_all()
    return Outcome(writer.summarise(error), error)


class TrackWriter:
    """Runs a TrackingRun, and writes its frames and tracks."""

    def __init__(self, run: TrackingRun, outputs: Outputs):
        self.run, self.outputs = run, outputs
        self.name, self.length = run.sequence.name, run.sequence.count
        self.loop: TrackingRun | FixedLagRun = run
        self.rest: FramesWithTracks = ()  # that are still waiting when an error ends the loop
        if outputs.lag is not None:
            lagged = FixedLagRun(run, outputs.lag, keeps_images=outputs.video or outputs.show)
            self.loop, self.rest = lagged, lagged.rest()
        self.refinds = any(isinstance(each, Refinding) for each in layers(run.tracker)[1])
        self.interrupted = False
        names = reported_class_names(run.detector)  # the file is opened last: `write_all` finishes or deletes it
        self.results = ResultsStream(outputs.results_file(self.name), outputs.format, names)

    def write_all(self) -> BaseException | None:
        """Track and write everything; the error that ended it early, or None."""
        try:
            with self.open_video() as video:
                try:
                    self.write(progress(self.loop, f"{self.name}: tracking", self.length, self.outputs.quiet), video)
                except KeyboardInterrupt:  # the video is finished, too
                    self.interrupted = True
                    if self.length is not None and not self.run.counts.frames:
                        raise KeyboardInterrupt(f"nothing of {self.name} was tracked yet") from None
                self.write(self.rest, video)
            with self.run.timer.time("writing"):
                self.results.finish()
        except BaseException as error:
            self.keep_results()
            return error
        if not self.interrupted or self.length is None:
            return None
        return KeyboardInterrupt(
            f"the {self.run.counts.frames} frames of {self.name} until then are in {self.results.path}"
        )

    def open_video(self) -> AnnotatedVideo:
        """The video and the window. A video of refined tracks (`offline`) is drawn when they are."""
        outputs, run = self.outputs, self.run
        path = None if outputs.offline else outputs.video_file(self.name)
        title = self.name if outputs.show else None
        return AnnotatedVideo(
            run.sequence, path, title, reported_class_names(run.detector), outputs.video_settings, run.timer.time
        )

    def write(self, frames: FramesWithTracks, video: AnnotatedVideo) -> None:
        """Write these frames; occlusions are drawn if lost tracks are found again by them."""
        iterator = iter(frames)
        try:
            for frame, tracks in iterator:
                with self.run.timer.time("writing"):
                    self.results.add(frame, tracks)
                    video.add(frame, tracks, self.loop.motion, self.loop.occlusions if self.refinds else None)
        finally:  # the threads of a run that is left behind would abort the process when it ends
            if isinstance(iterator, Generator):
                iterator.close()

    def keep_results(self) -> None:
        """After an error: write the tracks so far, as far as that is possible."""
        with suppress(UserError):
            for frame, tracks in self.rest:
                self.results.add(frame, tracks)
        self.results.finish_after_failure(can_be_repeated=self.length is not None)

    def summarise(self, error: BaseException | None) -> Summary | None:
        """The summary of what was written, until the error if there was one; None if nothing was."""
        if not self.results.is_finished:
            return None
        lag = self.loop.describe() if isinstance(self.loop, FixedLagRun) else {}
        was_interrupted = self.interrupted or isinstance(error, KeyboardInterrupt)
        return {**summarise(self.run), **lag, "interrupted": was_interrupted, "complete": error is None}
