"""Detections and how each of them looks, found once and kept, so that trackers can be compared without any network.

DIR/NAME.npy holds the boxes and embeddings of a sequence (DIR/NAME.txt, where there are none), DIR/NAME.json what is
known of them. `idfree.detections.given` reads it all.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from idfree.appearance.calibrate import Calibration, calibrate
from idfree.core.boxes import xyxy_to_xywh
from idfree.core.errors import UserError
from idfree.core.files import whole, write_text
from idfree.core.progress import progress
from idfree.core.types import Annotation, Detections, Detector, Integers, Sequence
from idfree.detectors import PrecomputedDetector
from idfree.detectors.precomputed import ALL
from idfree.pipelines.label import label
from idfree.pipelines.open_detector import classes_file
from idfree.pipelines.selection import Selection
from idfree.trackers.embeddings import Embedding, unit

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder

LIMITS = ("auto", "tracklets", "none")


@dataclass(frozen=True)
class DetectionResult:
    """What was seen in a sequence.

    boxes: of the selected frames, with embeddings or without; those that no tracker would take, `dropped` of them, are
    left out. frames: how many were looked at; looked: which they were (see PrecomputedDetector). detector, encoder: who looked.
    limit, upper_threshold: what is known of these embeddings, as View has it.
    """

    boxes: Annotation
    frames: int
    looked: range
    dropped: int
    detector: Detector
    encoder: "Encoder | None"
    match_threshold: float | None
    upper_threshold: float | None


def detect(
    sequence: Sequence,
    detector: Detector,
    encoder: "Encoder | None" = None,
    selection: Selection | None = None,
    quiet: bool = True,
) -> DetectionResult:
    """Look at a sequence once. encoder: of the detections' looks, in place of their own; selection: what counts."""
    selection = selection or Selection()
    if not detector.needs_images and encoder is None:
        sequence = sequence.without_images()
    chosen = selection.of_frames(sequence)
    numbers, found, dropped, limit, upper_threshold = [], [], 0, None, None
    for frame in progress(chosen, sequence.name, chosen.length, quiet):
        view = detector(frame)
        detections = selection.of_detections(view.detections)
        if encoder is not None:
            detections = replace(detections, embedding=None)
        sane = detections.sane(view.size_hw)
        dropped += len(sane) - int(np.count_nonzero(sane))
        detections = detections.only(sane)
        if encoder is not None and frame.image is not None:
            detections = replace(detections, embedding=encoder(frame.image, detections.xyxy))
        numbers.append(frame.number)
        found.append(detections)
        limit, upper_threshold = view.match_threshold, view.upper_threshold
    if encoder is not None:
        limit, upper_threshold = encoder.match_threshold, encoder.upper_threshold
    stop = ALL.stop if selection.frames is None else max(numbers, default=0) + 1
    looked = range(selection.start, stop, selection.every)
    return DetectionResult(
        gathered(numbers, found), len(numbers), looked, dropped, detector, encoder, limit, upper_threshold
    )


def gathered(numbers: list[int], found: list[Detections]) -> Annotation:
    """The detections of many frames, by the frames' numbers, as one table."""
    every = [Detections(np.zeros((0, 4))), *found]
    embeddings = [one.embedding for one in found if one.embedding is not None]
    frame = np.repeat(np.asarray(numbers, dtype=np.int64), [len(one) for one in found])
    return Annotation(
        frame=frame,
        id=np.full(len(frame), -1),
        xyxy=np.concatenate([one.xyxy for one in every]),
        score=np.concatenate([one.score for one in every]),
        class_id=np.concatenate([one.class_id for one in every]),
        visibility=np.ones(len(frame)),
        embedding=np.concatenate(embeddings) if embeddings else None,
    )


def report_of(sequence: Sequence, found: DetectionResult, limit: str) -> dict[str, Any]:
    """What is to be known of what was found, ready for JSON. limit: one of `LIMITS`, or a number."""
    scores = found.detector.score_range if isinstance(found.detector, PrecomputedDetector) else None
    report = {
        "frames": found.frames,
        "detections": len(found.boxes),
        "dropped": found.dropped,
        "detector": found.detector.name,
        "start": found.looked.start,
        "every": found.looked.step,
        "stop": found.looked.stop if found.looked.stop < ALL.stop else None,
        "score_range": scores,
        "appearance": None,
    }
    if found.boxes.embedding is None:
        return report
    boxes = PrecomputedDetector(found.boxes, sequence.size_hw, looked=found.looked, scores=scores)
    looks = {
        "name": found.encoder.name if found.encoder else "own",
        "dimension": found.boxes.embedding.shape[1],
        "dtype": str(found.boxes.embedding.dtype),
    }
    return {**report, "appearance": {**looks, **limit_of(limit, found, sequence, boxes)}}


def limit_of(asked: str, known: DetectionResult, sequence: Sequence, boxes: PrecomputedDetector) -> dict[str, Any]:
    """The distances that matter for the embeddings of boxes: `limit` and `upper_threshold` (see View), None where unknown, and
    `limit_by` model, tracklets or user; where they were to be measured, `error` is the share of mistakes where both
    kinds are equally likely, and where they could not be, `fault` is why.
    """
    if asked not in LIMITS:
        return {"limit": float(asked), "farthest": None, "limit_by": "user"}
    if asked == "none":
        return {"limit": None, "farthest": None, "limit_by": None}
    if asked == "auto" and known.match_threshold is not None:
        return {"limit": known.match_threshold, "farthest": known.upper_threshold, "limit_by": "model"}
    try:
        found = calibrated(sequence, boxes)
    except UserError as error:
        by = None if known.match_threshold is None else "model"
        return {"limit": known.match_threshold, "farthest": known.upper_threshold, "limit_by": by, "fault": str(error)}
    by_tracklets = {"limit": found.match_threshold, "farthest": found.upper_threshold, "limit_by": "tracklets"}
    return {**by_tracklets, "error": round(found.error, 4)}


def calibrated(sequence: Sequence, boxes: PrecomputedDetector) -> Calibration:
    """Where "same" and "different" cross for the embeddings of detections, without a label: by what their boxes say.

    Motion alone links the boxes into tracklets (`label`, no image is read): each is one person, and two that coexist
    are two. Raises UserError where there are too few of them.
    """
    people, embedding = looks_of_tracklets(sequence, boxes)
    return calibrate(embedding, people.id, people.frame)


def looks_of_tracklets(sequence: Sequence, boxes: PrecomputedDetector) -> tuple[Annotation, Embedding]:
    """The boxes that motion alone links into tracklets, these as ids, and the unit embeddings of each.

    Raises UserError where the boxes have no embeddings.
    """
    annotation = boxes.annotation
    if annotation.embedding is None:
        raise UserError("nothing to calibrate: the detections have no embeddings")
    which = Selection(start=boxes.looked.start, frames=len(boxes.looked), every=boxes.looked.step)
    people = label(sequence, boxes, selection=which).boxes
    return people, unit(annotation.embedding[rows_of(people, annotation)])


def rows_of(part: Annotation, whole: Annotation) -> Integers:
    """The rows of `whole` that those of `part` are: the same frame and the same box."""
    keys = [np.column_stack([each.frame, each.xyxy]) for each in (whole, part)]
    place = np.unique(np.concatenate(keys), axis=0, return_inverse=True)[1].ravel()
    row = np.zeros(place.max(initial=-1) + 1, dtype=np.int64)
    row[place[: len(whole)]] = np.arange(len(whole))
    return row[place[len(whole) :]]


def write_boxes(folder: Path, name: str, boxes: Annotation) -> Path:
    """Write FOLDER/NAME.npy, or NAME.txt where there are no embeddings, in full precision; gives which.

    Rows frame, −1, x, y, w, h, score, then the embedding, or in text the class. NAME.npy has no room for classes: where
    any is not 0, they are in NAME.classes.npy. What was there before is gone.
    """
    files = [folder / f"{name}{suffix}" for suffix in (".npy", ".txt", ".classes.npy")]
    for old in files:
        old.unlink(missing_ok=True)
    rows = np.column_stack([boxes.frame, boxes.id, xyxy_to_xywh(boxes.xyxy), boxes.score])
    if boxes.embedding is None:
        lines = zip(boxes.frame.tolist(), rows[:, 2:].tolist(), boxes.class_id.tolist(), strict=True)
        write_text(files[1], "".join(f"{n},-1,{','.join(map(repr, box))},{c}\n" for n, box, c in lines))
        return files[1]
    if boxes.class_id.any():
        save(classes_file(files[0]), boxes.class_id)
    save(files[0], np.hstack([rows, boxes.embedding]))
    return files[0]


def save(path: Path, array: "np.ndarray[Any, Any]") -> None:
    """Write an array, whole or not at all."""
    with whole(path) as partial, partial.open("wb") as file:
        np.save(file, array)
