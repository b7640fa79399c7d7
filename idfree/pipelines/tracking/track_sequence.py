"""Track one of the sequences of `track_videos`: what all of them share, and the steps from its task to its summary."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.core.types import Sequence
from idfree.core.workers import PicklableFactory
from idfree.detectors.classes import reported_class_names
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.pipelines.count import count_file
from idfree.pipelines.detection.open_detector import OpenedDetector
from idfree.pipelines.detection.stored_detections import load_public
from idfree.pipelines.first_image import first_image
from idfree.pipelines.refine import refine_written
from idfree.pipelines.tracking.camera_motion import KeptCameraMotion
from idfree.pipelines.tracking.finished_tracks import describe_request, file_sizes, is_of_request
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.replaced_results import warn_of_earlier
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.tracking.track_tasks import Outcome, SequenceTask, Summary
from idfree.pipelines.tracking.tracking_run import TrackingRun
from idfree.pipelines.tracking.write_tracks import Outputs, write_tracks

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder


@dataclass(frozen=True)
class TrackingJob:
    """How sequences are tracked, and what is written of each; picklable, for other processes.

    tracker: its name, None for the default. assignments: `name=value` of its settings. encoder: opened from
    `selection.appearance`. skips_finished: not to track again what an earlier run has finished for the same request.
    The others are as arguments of `track_videos`.
    """

    detector: OpenedDetector
    tracker: str | None
    assignments: tuple[str, ...]
    encoder: "PicklableFactory[Encoder | None]"
    selection: Selection
    camera: str
    public: str | None
    frame_rate: float | None
    outputs: Outputs
    skips_finished: bool

    def make_run(self, sequence: Sequence) -> TrackingRun:
        """The tracking run of a sequence. Raises UserError, also for detections in files that do not fit it."""
        sequence = sequence if self.frame_rate is None else sequence.at_rate(self.frame_rate)
        run = make_tracking_run(
            sequence,
            self.detector.for_sequence(sequence),
            self.tracker,
            self.assignments,
            self.selection,
            images=self.outputs.video or self.outputs.show,
            camera=self.camera,
            encoder=self.encoder.instance,
            public=load_public(self.public, sequence),
        )
        if self.outputs.offline:
            run.kept_embeddings = KeptEmbeddings()
            run.camera = None if run.camera is None else KeptCameraMotion(run.camera)
        return run

    def describe_request(self, run: TrackingRun) -> dict[str, Any]:
        """Everything that the results of a run depend on, ready for JSON."""
        outputs, settings = self.outputs, self.outputs.video_settings
        request = describe_request(run, self.detector.config, self.camera, self.public, outputs.describe())
        request |= {"count": settings.count.to_json()} if settings.count else {}
        return request | ({"video_height": settings.height} if settings.height and outputs.video else {})

    def inputs(self, sequences: Iterable[Sequence]) -> list[Path | str]:
        """What tracking the sequences reads: files, folders, and keywords such as `colour`."""
        opened = [path for sequence in sequences for path in (sequence.source, sequence.folder) if path is not None]
        public = [] if self.public is None else [self.public]
        return [*opened, *self.detector.config.inputs(), self.selection.appearance, self.camera, *public]


def track_sequence(task: SequenceTask, job: TrackingJob) -> Outcome:
    """Track one sequence and write its files, unless an earlier run has done so for the same request."""
    sequence, earlier, outputs = task.sequence, task.earlier, job.outputs
    run, files = job.make_run(sequence), outputs.files(sequence.name)
    request = job.describe_request(run)
    is_repeated = is_of_request(earlier, request, files)
    if earlier is not None and is_repeated and earlier.get("complete") is True and job.skips_finished:
        return Outcome({**earlier, "skipped": True})
    if not is_repeated:
        warn_of_earlier(outputs.results_file(sequence.name), outputs.all_files([sequence]), job.inputs([sequence]))
    summary, error = write_tracks(run, outputs)
    if summary is None:
        return Outcome(None, error)
    if error is None:
        summary |= refine_results(run, outputs) | count_results(run, sequence, outputs)
    return Outcome({**summary, "skipped": False, "request": request, "bytes": file_sizes(files)}, error)


def refine_results(run: TrackingRun, outputs: Outputs) -> Summary:
    """With `offline`, refine the results of a run that has ended, and draw them; counts for its summary."""
    if not outputs.offline:
        return {}
    sequence, names, name = run.sequence, reported_class_names(run.detector), run.sequence.name
    maps = run.camera.all_maps() if isinstance(run.camera, KeptCameraMotion) else None
    results, video = outputs.results_file(name), outputs.video_file(name)
    return refine_written(
        results, sequence, names, run.kept_embeddings, maps, video, outputs.quiet, outputs.video_settings
    )


def count_results(run: TrackingRun, sequence: Sequence, outputs: Outputs) -> Summary:
    """What is to be counted in the results of a run that has ended, for its summary. sequence: with its images."""
    request, results = outputs.video_settings.count, outputs.results_file(sequence.name)
    if not request:
        return {}
    names, image = reported_class_names(run.detector), first_image(sequence)
    return {"count": count_file(results, run.sequence, request, outputs.folder, image=image, class_names=names)}
