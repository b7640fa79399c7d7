"""Detections of one sequence, with embeddings: computed, described for the manifest, and written to files."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from idfree.core.boxes import xyxy_to_xywh
from idfree.core.errors import UserError
from idfree.core.files import atomic_write, write_text
from idfree.core.progress import progress
from idfree.core.types import Annotation, Detections, Detector, Sequence
from idfree.detectors import PrecomputedDetector
from idfree.detectors.classes import reported_class_names
from idfree.detectors.precomputed import ALL
from idfree.pipelines.detection.open_appearance import leave_out_embeddings
from idfree.pipelines.detection.stored_detections import class_ids_file, displacement_file
from idfree.pipelines.labelling.motion_tracklets import calibrate_on_motion
from idfree.pipelines.tracking.selection import Selection

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder

LIMITS = ("auto", "tracklets", "none")  # values of --limit that are no numbers


@dataclass(frozen=True)
class DetectionResult:
    """Detections of a sequence.

    boxes: of the selected frames, with embeddings if there are any, without the `dropped` invalid ones. frame_count: of
    processed frames; lost_frames: of selected ones that could not be read. frames: numbers of the selected ones (see
    PrecomputedDetector). detector, encoder: which computed the boxes and embeddings. match_threshold,
    upper_threshold: of the embeddings, see View.
    """

    boxes: Annotation
    frame_count: int
    lost_frames: int
    frames: range
    dropped: int
    detector: Detector
    encoder: "Encoder | None"
    match_threshold: float | None
    upper_threshold: float | None


def detect_sequence(
    sequence: Sequence,
    detector: Detector,
    encoder: "Encoder | None" = None,
    selection: Selection | None = None,
    quiet: bool = True,
) -> DetectionResult:
    """Run a detector on a sequence. encoder: embeds the detections, None for the detector's own embeddings."""
    selection = selection or Selection()
    detector = leave_out_embeddings(detector, selection.appearance, encoder)
    if not detector.needs_images and encoder is None:
        sequence = sequence.without_images()
    selected = selection.select_frames(sequence)
    numbers, detections_by_frame, dropped = [], [], 0
    thresholds: tuple[float | None, float | None] = (None, None)
    for frame in progress(selected, f"{sequence.name}: detecting", selected.count, quiet):
        view = detector(frame)
        detections = selection.select_detections(view.detections)
        if encoder is not None:
            detections = replace(detections, embedding=None)
        is_valid = detections.valid_mask(view.size_hw)
        dropped += len(is_valid) - int(np.count_nonzero(is_valid))
        detections = detections.select(is_valid)
        if encoder is not None and frame.image is not None:
            detections = replace(detections, embedding=encoder(frame.image, detections.xyxy))
        numbers.append(frame.number)
        detections_by_frame.append(detections)
        thresholds = view.match_threshold, view.upper_threshold
    if encoder is not None:
        thresholds = encoder.match_threshold, encoder.upper_threshold
    stop = ALL.stop if selection.frames is None else max(numbers, default=0) + 1
    frames = range(selection.start, stop, selection.every)
    boxes = concatenate_detections(numbers, detections_by_frame)
    lost = max(0, (selected.count or 0) - len(numbers))
    return DetectionResult(boxes, len(numbers), lost, frames, dropped, detector, encoder, *thresholds)


def concatenate_detections(numbers: list[int], detections_by_frame: list[Detections]) -> Annotation:
    """Concatenate the detections of many frames, given the frame numbers, into one table."""
    parts = [Detections(np.zeros((0, 4))), *detections_by_frame]
    embeddings, displacements = (
        [column for each in detections_by_frame if (column := getattr(each, name)) is not None]
        for name in ("embedding", "displacement")
    )
    counts = [len(detections) for detections in detections_by_frame]
    frame = np.repeat(np.asarray(numbers, dtype=np.int64), counts)
    return Annotation(
        frame=frame,
        id=np.full(len(frame), -1),
        xyxy=np.concatenate([detections.xyxy for detections in parts]),
        score=np.concatenate([detections.score for detections in parts]),
        class_id=np.concatenate([detections.class_id for detections in parts]),
        visibility=np.ones(len(frame)),
        embedding=np.concatenate(embeddings) if embeddings else None,
        displacement=np.concatenate(displacements) if displacements else None,
    )


def describe_detections(sequence: Sequence, result: DetectionResult, limit: str) -> dict[str, Any]:
    """Report on detections, ready for JSON, which `load_detections` reads. limit: as the option `--limit`."""
    score_range = result.detector.score_range if isinstance(result.detector, PrecomputedDetector) else None
    names, found = reported_class_names(result.detector), np.unique(result.boxes.class_id).tolist()
    report = {
        "frames": result.frame_count,
        "frames_lost": result.lost_frames,
        "detections": len(result.boxes),
        "dropped": result.dropped,
        "detector": result.detector.name,
        "start": result.frames.start,
        "every": result.frames.step,
        "stop": result.frames.stop if result.frames.stop < ALL.stop else None,
        "score_range": score_range,
        "is_network": getattr(result.detector, "is_network", False),
        "class_names": {str(number): names[number] for number in found if number in names},
        "appearance": None,
    }
    if result.boxes.embedding is None:
        return report
    detector = PrecomputedDetector(result.boxes, sequence.size_hw, frames=result.frames, score_range=score_range)
    appearance = {
        "name": result.encoder.name if result.encoder else "own",
        "dimension": result.boxes.embedding.shape[1],
        "dtype": str(result.boxes.embedding.dtype),
    }
    return {**report, "appearance": {**appearance, **describe_thresholds(limit, result, sequence, detector)}}


def describe_thresholds(
    limit: str, result: DetectionResult, sequence: Sequence, detector: PrecomputedDetector
) -> dict[str, Any]:
    """Match threshold ("limit") and upper threshold ("farthest") of embeddings, None if not calibrated.

    limit: "none"; a number; "tracklets" calibrates on tracklets by motion; "auto" does so if the model has no threshold
    of its own. "limit_by" is their source: model, tracklets or user. After a calibration, "error" is the equal error
    rate; if it failed, "fault" is the reason.
    """
    if limit not in LIMITS:
        return {"limit": float(limit), "farthest": None, "limit_by": "user"}
    if limit == "none":
        return {"limit": None, "farthest": None, "limit_by": None}
    of_model = {"limit": result.match_threshold, "farthest": result.upper_threshold, "limit_by": "model"}
    if limit == "auto" and result.match_threshold is not None:
        return of_model
    try:
        calibration = calibrate_on_motion(sequence, detector)
    except UserError as error:
        source = None if result.match_threshold is None else "model"
        return {**of_model, "limit_by": source, "fault": str(error)}
    thresholds = {"limit": calibration.match_threshold, "farthest": calibration.upper_threshold}
    return {**thresholds, "limit_by": "tracklets", "error": round(calibration.equal_error_rate, 4)}


def write_detections(folder: Path, name: str, boxes: Annotation) -> Path:
    """Write FOLDER/NAME.npy, or NAME.txt if there are no embeddings, in full precision; return the path.

    Columns frame, −1, x, y, w, h, score, then the embedding, in text the class. NAME.npy has no column for classes: if
    any is not 0, they are written to NAME.classes.npy; displacements are written to NAME.displacement.npy. Previous
    files of this name are deleted.
    """
    array_file, text_file = folder / f"{name}.npy", folder / f"{name}.txt"
    for file in (array_file, text_file, class_ids_file(array_file), displacement_file(array_file)):
        file.unlink(missing_ok=True)
    if boxes.displacement is not None:
        write_array(displacement_file(array_file), boxes.displacement)
    rows = np.column_stack([boxes.frame, boxes.id, xyxy_to_xywh(boxes.xyxy), boxes.score])
    if boxes.embedding is None:
        lines = zip(boxes.frame.tolist(), rows[:, 2:].tolist(), boxes.class_id.tolist(), strict=True)
        write_text(text_file, "".join(f"{n},-1,{','.join(map(repr, box))},{c}\n" for n, box, c in lines))
        return text_file
    if boxes.class_id.any():
        write_array(class_ids_file(array_file), boxes.class_id)
    write_array(array_file, np.hstack([rows, boxes.embedding]))
    return array_file


def write_array(path: Path, array: "np.ndarray[Any, Any]") -> None:
    """Write a .npy file atomically. Raises UserError."""
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.save(file, array)
