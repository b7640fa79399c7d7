"""Sequences for the search of tracker settings: recorded detections with ground truth, tracked and scored per trial."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from idfree.core.boxes import xywh_to_xyxy, xyxy_to_xywh
from idfree.core.errors import UserError
from idfree.core.progress import progress
from idfree.core.types import Annotation, Floats, Frame, Sequence, View
from idfree.evaluation.classes import classes_compared, describe_classes
from idfree.evaluation.frame_subset import select_half
from idfree.evaluation.tracking import Scores, evaluate
from idfree.pipelines.tracking.tracking_run import TrackingRun, concatenate_tracks
from idfree.sequences.motchallenge import candidate_names, read_ground_truth
from idfree.trackers.registry import TRACKERS

LOG = logging.getLogger("idfree")

Half = Literal["none", "train", "val"]
DECIMALS = 2  # of boxes in a file of results


@dataclass(frozen=True)
class TuningSequence:
    """Recorded detections of a sequence, without images, and the ground truth of all of it or of one half.

    views: (frame number, view) of each frame that is tracked. rate: frames per second. ground_truth: of the frames that
    are scored, renumbered from 1; `frames` is their number. length: of the whole sequence. file: of the ground truth.
    """

    name: str
    views: list[tuple[int, View]]
    rate: float
    ground_truth: Annotation
    length: int
    frames: int
    file: Path
    half: Half = "none"

    def select_half(self, half: Half) -> "TuningSequence":
        """The same with one half's ground truth. For the second half, the first is tracked as well, but not scored."""
        if half == "none":
            return self
        ground_truth, frames = select_half(self.ground_truth, self.length, half)
        views = [(number, view) for number, view in self.views if half == "val" or number <= frames]
        return replace(self, views=views, ground_truth=ground_truth, frames=frames, half=half)

    def track(self, tracker: str, settings: Any) -> Annotation:
        """Track all views; boxes are rounded as in the files that `idfree track` writes."""
        instance = TRACKERS[tracker].tracker(settings, self.rate)
        results = concatenate_tracks([(number, instance.update(view)) for number, view in self.views])
        return replace(results, xyxy=xywh_to_xyxy(xyxy_to_xywh(results.xyxy).round(DECIMALS)))

    def score(self, tracker: str, settings: Any) -> Scores:
        """Track and count errors."""
        results = self.track(tracker, settings)
        if self.half != "none":
            results, _ = select_half(results, self.length, self.half)
        return evaluate(self.ground_truth, results, frames=self.frames, names=(str(self.file), tracker))


def record_detections(run: TrackingRun, quiet: bool = True) -> TuningSequence:
    """Run the detector of a run on every frame. Raises UserError if the sequence has no ground truth."""
    sequence = run.sequence
    file = ground_truth_file(sequence)
    ground_truth = read_ground_truth(file)
    frames = progress(sequence, f"{sequence.name}: detecting", sequence.count, quiet)
    views = [(frame.number, without_image(run.make_view(frame))) for frame in frames]
    length = sequence.length or len(views)
    return TuningSequence(sequence.name, views, run.tracker.frame_rate, ground_truth, length, length, file)


def warn_about_classes(sequences: Iterable[TuningSequence]) -> None:
    """Warn if detections and ground truth number their classes differently."""
    classes = [
        classes_compared(
            sequence.ground_truth,
            np.concatenate([view.detections.class_id for _, view in sequence.views] or [np.zeros(0, dtype=np.int64)]),
            name=str(sequence.file),
        )
        for sequence in sequences
    ]
    if oddity := describe_classes(classes):
        LOG.warning("detections: %s", oddity)


def ground_truth_file(sequence: Sequence) -> Path:
    """The sequence's gt/gt.txt. Raises UserError if it has none."""
    file = (sequence.folder or Path(sequence.name)) / "gt" / "gt.txt"
    if sequence.folder is None or not file.is_file():
        raise UserError(f"{sequence.name}: has no gt/gt.txt; settings can only be judged on sequences with truth")
    return file


def without_image(view: View) -> View:
    """The view without its image, embedder and refiner."""
    frame = view.frame and Frame(view.frame.number, time=view.frame.time)
    return replace(view, frame=frame, embedder=None, refiner=None)


def detection_scores(sequences: Iterable[TuningSequence]) -> Floats:
    """(N,) scores of all detections."""
    return np.concatenate([view.detections.score for sequence in sequences for _, view in sequence.views])


def same_footage(names: Iterable[str], others: Iterable[str]) -> list[str]:
    """Those of `names` with the images of one of `others`: MOT17-04-SDP and MOT17-04-FRCNN share theirs."""
    base_names = {candidate_names(other)[-1] for other in others}
    return [name for name in names if candidate_names(name)[-1] in base_names]
