"""Validate a detector with embeddings by tracking labelled footage, and score it as MOTChallenge does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from idfree.appearance.calibrate import Calibration, calibrate
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.encoder import Embedding
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Detector, Frame, View
from idfree.core.types import Sequence as Video
from idfree.datasets.footage import PEOPLE, Footage
from idfree.datasets.motchallenge_classes import has_own_classes
from idfree.detectors import PrecomputedDetector
from idfree.evaluation.detection import PrecisionRecall, evaluate_detections
from idfree.evaluation.tracking import Scores, compute_metrics, evaluate
from idfree.pipelines.detection.detect_sequence import detect_sequence
from idfree.pipelines.labelling.motion_tracklets import embeddings_of_tracklets
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.tracking_run import TrackingRun
from idfree.sequences.motchallenge import read_ground_truth
from idfree.trackers.registry import make_tracker

METRICS = ("HOTA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")  # TrackEval's names
COLOUR = "IDF1 colour"  # with colour histograms in place of the network's embeddings


@dataclass(frozen=True)
class DetectedFootage:
    """Labelled footages and a detector's boxes in each, with embeddings if the detector gives them."""

    footages: Sequence[Footage]
    boxes: Sequence[Annotation]

    @cached_property
    def calibration(self) -> Calibration | None:
        """Match threshold of the embeddings, from tracklets of motion-only tracking; None if there are too few."""
        return calibrate_on_tracklets([footage_as_sequence(footage) for footage in self.footages], self.boxes)

    @property
    def thresholds(self) -> dict[str, float]:
        """The match threshold ("limit") and upper threshold ("farthest"); {} if there are too few tracklets."""
        found = self.calibration
        return {} if found is None else {"limit": found.match_threshold, "farthest": found.upper_threshold}

    def tracking_metrics(self, tracker: str, texts: Sequence[str] = ()) -> dict[str, float]:
        """METRICS over all footages with the tracker of that name and the calibrated match threshold.

        texts: `name=value` settings of the tracker. Raises UserError if the ground truth has no identities.
        """
        pairs = zip(self.footages, self.boxes, strict=True)
        scores = (self.score(footage, boxes, tracker, texts) for footage, boxes in pairs)
        metrics = compute_metrics(sum(scores, Scores()))
        return {name: float(value) for name, value in metrics.items() if name in METRICS}

    def score(self, footage: Footage, boxes: Annotation, tracker: str, texts: Sequence[str] = ()) -> Scores:
        """Track one footage and count its errors. Raises UserError if the ground truth has no identities."""
        sequence = footage_as_sequence(footage)
        thresholds = self.calibration and (self.calibration.match_threshold, self.calibration.upper_threshold)
        match_threshold, upper_threshold = thresholds or (None, None)
        detector = PrecomputedDetector(
            boxes, match_threshold=match_threshold, upper_threshold=upper_threshold, score_range=None
        )
        return score_run(footage, make_tracking_run(sequence, detector, tracker, texts, images=False))

    @property
    def average_precision(self) -> float:
        """Average precision of the boxes at IoU 0.5, over all footages."""
        parts = [
            evaluate_detections(boxes, ground_truth_of(footage))
            for footage, boxes in zip(self.footages, self.boxes, strict=True)
        ]
        return sum((part["all"] for part in parts), PrecisionRecall()).ap


def score_run(footage: Footage, run: TrackingRun) -> Scores:
    """Track a footage and count the errors. Raises UserError, before tracking, if the truth has no identities."""
    ground_truth = ground_truth_of(footage)
    return evaluate(ground_truth, run.track_all(), "auto", footage.length, (str(footage.source), footage.name))


def detect_footage(detector: Detector, footages: Sequence[Footage]) -> DetectedFootage:
    """Run a detector on every image of the footages. Raises UserError if an image cannot be read."""
    return DetectedFootage(
        footages, [detect_sequence(footage_as_sequence(footage), detector).boxes for footage in footages]
    )


def detect_with_colour(detector: Detector, footages: Sequence[Footage]) -> tuple[DetectedFootage, DetectedFootage]:
    """As `detect_footage`, and the same boxes with colour histograms as embeddings; each image is read once."""
    detected, coloured = [], []
    for footage in footages:
        recorder = ColourRecorder(detector)
        boxes = detect_sequence(footage_as_sequence(footage), recorder).boxes
        detected.append(boxes)
        coloured.append(replace(boxes, embedding=np.concatenate(recorder.histograms)))
    return DetectedFootage(footages, detected), DetectedFootage(footages, coloured)


class ColourRecorder:
    """A detector that reports the valid detections of another one, and keeps their colour histograms.

    histograms: an array (N, D) per frame, in the order of the detections.
    """

    needs_images = True

    def __init__(self, detector: Detector):
        self.detector, self.encoder = detector, ColourHistogram()
        self.name, self.has_embeddings = detector.name, detector.has_embeddings
        self.histograms: list[Embedding] = []

    def __call__(self, frame: Frame) -> View:
        view = self.detector(frame)
        detections = view.detections.select(view.detections.valid_mask(view.size_hw))
        assert frame.image is not None
        self.histograms.append(self.encoder(frame.image, detections.xyxy))
        return replace(view, detections=detections)


def validate(detector: Detector, footages: Sequence[Footage], tracker: str) -> dict[str, float]:
    """METRICS over all footages and, if calibrated, the match threshold ("limit") and upper threshold ("farthest").

    Also, for comparison, COLOUR, if the detector gives embeddings and the tracker uses them. tracker: its name. Raises
    UserError if an image cannot be read, or if the ground truth has no identities.
    """
    for footage in footages:
        ground_truth_of(footage)  # reports missing identities before detection, which takes long
    if not (detector.has_embeddings and make_tracker(tracker).uses_embeddings):
        detected = detect_footage(detector, footages)
        return {**detected.tracking_metrics(tracker), **detected.thresholds}
    detected, coloured = detect_with_colour(detector, footages)
    metrics = {**detected.tracking_metrics(tracker), **detected.thresholds}
    return {**metrics, COLOUR: coloured.tracking_metrics(tracker)["IDF1"]}


def footage_as_sequence(footage: Footage) -> Video:
    """The images of a footage as a `Sequence`, the input of trackers."""

    def read() -> Iterator[Frame]:
        images = footage.readable(range(1, footage.length + 1))
        return (Frame(number, image, (number - 1) / footage.frame_rate) for number, image in images)

    return Video(footage.name, read, footage.length, footage.frame_rate, footage.size_hw)


def ground_truth_of(footage: Footage) -> Annotation:
    """The ground truth for evaluation: the boxes that are not ignored; for MOTChallenge's rules, all rows of gt.txt.

    Raises UserError if boxes have no identity, or if the footage is not a video.
    """
    if footage.source is not None and footage.source.name == "gt.txt" and footage.classes == PEOPLE:
        ground_truth = read_ground_truth(footage.source)
        if not has_own_classes(ground_truth):
            frame = ground_truth.frame - footage.offset
            return replace(ground_truth, frame=frame)[(frame >= 1) & (frame <= footage.length)]
    ground_truth = footage.boxes[footage.boxes.score != 0]
    if not footage.is_sequence or (ground_truth.id < 0).any():
        reason = "has boxes without an identity" if footage.is_sequence else "is not a video"
        raise UserError(f"{footage.name}: {reason}, so that tracking cannot be validated on it")
    return ground_truth


def calibrate_on_tracklets(sequences: Sequence[Video], boxes: Sequence[Annotation]) -> Calibration | None:
    """Match threshold of the embeddings of detected boxes, from tracklets of motion-only tracking.

    None without embeddings, or if no two tracklets coexist.
    """
    tracklets = [
        embeddings_of_tracklets(sequence, PrecomputedDetector(detected, score_range=None))
        for sequence, detected in zip(sequences, boxes, strict=True)
        if detected.embedding is not None
    ]
    if not tracklets:
        return None
    embedding = np.concatenate([embeddings for _, embeddings in tracklets])
    identity, frame = (
        np.concatenate([getattr(annotation, column) for annotation, _ in tracklets]) for column in ("id", "frame")
    )
    video = np.repeat(np.arange(len(tracklets)), [len(annotation) for annotation, _ in tracklets])
    try:
        return calibrate(embedding, identity, frame, video)
    except UserError:  # no coexisting tracklets
        return None
