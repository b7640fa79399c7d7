"""How well a detector with looks tracks footage of which the truth is known: as users track, and as papers measure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from idfree.appearance.calibrate import Calibration, calibrate
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Detector, Frame
from idfree.core.types import Sequence as Video
from idfree.datasets.footage import Footage
from idfree.detectors import PrecomputedDetector
from idfree.evaluation.detection import PrecisionRecall, by_size
from idfree.evaluation.tracking import Scores, evaluate, figures
from idfree.pipelines.detect import detect, looks_of_tracklets
from idfree.pipelines.track import prepare
from idfree.sequences.motchallenge import read_truth

MEASURES = ("HOTA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")  # of TrackEval's names


@dataclass(frozen=True)
class DetectedFootage:
    """What a detector saw: of each footage, its boxes, with embeddings or without."""

    footages: Sequence[Footage]
    boxes: Sequence[Annotation]

    @cached_property
    def calibration(self) -> Calibration | None:
        """How far apart embeddings of one person and of two lie; None where there are too few.

        It is found without a label, from tracklets that motion links.
        """
        return calibration_of([video_of(footage) for footage in self.footages], self.boxes)

    def tracked(self, tracker: str) -> dict[str, float]:
        """MEASURES of all footages together, as a tracker, by its name, makes of it once calibrated.

        Raises UserError where the truth does not say who is who.
        """
        total, found = Scores(), self.calibration
        limit, upper_threshold = (found.match_threshold, found.upper_threshold) if found else (None, None)
        for footage, boxes in zip(self.footages, self.boxes, strict=True):
            video, truth = video_of(footage), truth_of(footage)
            given = PrecomputedDetector(boxes, match_threshold=limit, upper_threshold=upper_threshold, scores=None)
            run = prepare(video, given, tracker, images=False)
            for _ in run:
                pass
            total = total + evaluate(truth, run.result(), "auto", footage.length, (str(footage.source), video.name))
        return {name: float(value) for name, value in figures(total).items() if name in MEASURES}

    @property
    def precision(self) -> float:
        """Average precision of the boxes, of all footages together."""
        parts = [by_size(boxes, truth_of(footage)) for footage, boxes in zip(self.footages, self.boxes, strict=True)]
        return sum((part["all"] for part in parts), PrecisionRecall()).ap


def detect_footage(detector: Detector, footages: Sequence[Footage]) -> DetectedFootage:
    """Look at footages once. Raises UserError where a picture cannot be read."""
    return DetectedFootage(footages, [detect(video_of(footage), detector).boxes for footage in footages])


def validate(detector: Detector, footages: Sequence[Footage], tracker: str) -> dict[str, float]:
    """MEASURES of all footages together, and the "limit" and "farthest" of View, if they could be found.

    tracker: by its name. Raises UserError where a picture cannot be read, or the truth does not say who is who.
    """
    for footage in footages:
        truth_of(footage)  # before all the looking
    seen = detect_footage(detector, footages)
    said, found = seen.tracked(tracker), seen.calibration
    return {**said, "limit": found.match_threshold, "farthest": found.upper_threshold} if found else said


def video_of(footage: Footage) -> Video:
    """A footage as a video to be tracked."""

    def read() -> Iterator[Frame]:
        numbers = range(1, footage.length + 1)
        return (Frame(n, footage.image(n), (n - 1) / footage.frame_rate) for n in numbers)

    return Video(footage.name, read, footage.length, footage.frame_rate, footage.size_hw)


def truth_of(footage: Footage) -> Annotation:
    """What a footage is measured by: of MOTChallenge sequences all that stands in gt.txt, else the boxes that count.

    Raises UserError where these do not say who is who.
    """
    if footage.source is not None and footage.source.name == "gt.txt":
        truth = read_truth(footage.source)
        frame = truth.frame - footage.offset
        return replace(truth, frame=frame)[(frame >= 1) & (frame <= footage.length)]
    truth = footage.boxes[footage.boxes.score != 0]
    if not footage.moving or (truth.id < 0).any():
        what = "has boxes of which nobody says whose they are" if footage.moving else "is no video"
        raise UserError(f"{footage.name}: {what}, so that tracking cannot be validated on it")
    return truth


def calibration_of(videos: Sequence[Video], seen: Sequence[Annotation]) -> Calibration | None:
    """How far apart the embeddings of what was seen lie; None where there is too little."""
    looks = [
        looks_of_tracklets(video, PrecomputedDetector(boxes, scores=None))
        for video, boxes in zip(videos, seen, strict=True)
        if boxes.embedding is not None
    ]
    if not looks:
        return None
    embedding = np.concatenate([unit_rows for _, unit_rows in looks])
    identity, frame = (np.concatenate([getattr(people, name) for people, _ in looks]) for name in ("id", "frame"))
    which = np.repeat(np.arange(len(looks)), [len(people) for people, _ in looks])
    try:
        return calibrate(embedding, identity, frame, which)
    except UserError:  # no two people at a time
        return None
