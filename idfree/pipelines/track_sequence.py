"""Track one of the sequences of `track_videos`: what all of them share, and the steps from its task to its summary."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from idfree.core.types import Sequence
from idfree.core.workers import PicklableFactory
from idfree.detectors.classes import drawn_class_names
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.pipelines.camera_motion import KeptCameraMotion
from idfree.pipelines.count import count_file
from idfree.pipelines.finished_tracks import describe_request, file_sizes, is_of_request
from idfree.pipelines.first_image import first_image
from idfree.pipelines.open_detector import DetectorConfig, DetectorOf
from idfree.pipelines.prepare import prepare
from idfree.pipelines.refine import refine_written
from idfree.pipelines.replaced_results import warn_of_earlier
from idfree.pipelines.selection import Selection
from idfree.pipelines.stored_detections import load_public
from idfree.pipelines.track_tasks import Outcome, SequenceTask, Summary
from idfree.pipelines.tracking_run import TrackingRun
from idfree.pipelines.write_tracks import Outputs, write_tracks

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder


@dataclass(frozen=True)
class TrackingJob:
    """How sequences are tracked, and what is written of each; picklable, for other processes.

    config, detector_of: of the detector, and opened. tracker, assignments: its name, None for the default, and
    `name=value` of its settings. encoder: opened from `appearance`. skips_finished: not to track again what an earlier
    run has finished for the same request. The others are as arguments of `track_videos`.
    """

    config: DetectorConfig
    detector_of: PicklableFactory[DetectorOf]
    tracker: str | None
    assignments: tuple[str, ...]
    selection: Selection
    appearance: str
    encoder: "PicklableFactory[Encoder | None]"
    camera: str
    public: str | None
    frame_rate: float | None
    outputs: Outputs
    skips_finished: bool

    def prepare(self, sequence: Sequence) -> TrackingRun:
        """The tracking run of a sequence."""
        sequence = sequence if self.frame_rate is None else sequence.at_rate(self.frame_rate)
        detector, public = self.detector_of.instance(sequence), load_public(self.public, sequence)
        images, encoder = self.outputs.video or self.outputs.show, self.encoder.instance
        choices = (self.tracker, self.assignments, self.selection, images, self.camera, encoder, public)
        run = prepare(sequence, detector, *choices)
        if self.outputs.offline:
            run.kept = KeptEmbeddings()
            run.camera = None if run.camera is None else KeptCameraMotion(run.camera)
        return run

    def describe_request(self, run: TrackingRun) -> dict[str, Any]:
        """Everything that the results of a run depend on, ready for JSON."""
        outputs, settings = self.outputs, self.outputs.video_settings
        request = describe_request(run, self.config, self.appearance, self.camera, self.public, outputs.describe())
        request |= {"count": settings.count.to_json()} if settings.count else {}
        return request | ({"video_height": settings.height} if settings.height and outputs.video else {})

    def warn_of_earlier(self, sequence: Sequence) -> None:
        """Warn of earlier results of a sequence, which are about to be replaced."""
        read = [*self.config.inputs(), *(path for path in (sequence.source, sequence.folder) if path is not None)]
        warn_of_earlier(self.outputs.results_file(sequence.name), self.outputs.all_files([sequence]), read)


def track_sequence(task: SequenceTask, job: TrackingJob) -> Outcome:
    """Track one sequence and write its files, unless an earlier run has done so for the same request."""
    run, files = job.prepare(task.sequence), job.outputs.files(task.sequence.name)
    request = job.describe_request(run)
    is_repeated = is_of_request(task.earlier, request, files)
    if task.earlier is not None and is_repeated and task.earlier.get("complete") is True and job.skips_finished:
        return {**task.earlier, "skipped": True}, None
    if not is_repeated:
        job.warn_of_earlier(task.sequence)
    summary, failure = write_tracks(run, job.outputs)
    if summary is None:
        return None, failure
    if failure is None:
        summary |= refine_results(run, job.outputs) | count_results(run, task.sequence, job.outputs)
    return {**summary, "skipped": False, "request": request, "bytes": file_sizes(files)}, failure


def refine_results(run: TrackingRun, outputs: Outputs) -> Summary:
    """With `offline`, refine the results of a run that has ended, and draw them; counts for its summary."""
    if not outputs.offline:
        return {}
    sequence, names, name = run.sequence, drawn_class_names(run.detector), run.sequence.name
    maps = run.camera.all_maps() if isinstance(run.camera, KeptCameraMotion) else None
    results, video = outputs.results_file(name), outputs.video_file(name)
    return refine_written(results, sequence, names, run.kept, maps, video, outputs.quiet, outputs.video_settings)


def count_results(run: TrackingRun, sequence: Sequence, outputs: Outputs) -> Summary:
    """What is to be counted in the results of a run that has ended, for its summary. sequence: with its images."""
    request, results = outputs.video_settings.count, outputs.results_file(sequence.name)
    if not request:
        return {}
    names, image = drawn_class_names(run.detector), first_image(sequence)
    return {"count": count_file(results, run.sequence, request, outputs.folder, image=image, class_names=names)}
