"""Detections from files: a sequence's own det/det.txt, the user's files, or the output of `idfree detect`."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.core.arrays import to_array
from idfree.core.boxes import has_area
from idfree.core.errors import UserError
from idfree.core.messages import warn_once
from idfree.core.reading import is_folder, load_array
from idfree.core.types import Annotation, Floats, Integers, Sequence
from idfree.core.wording import counted
from idfree.detectors import PrecomputedDetector
from idfree.detectors.scores import SCORE_SCALES, Range, ScoreScale, scale_scores
from idfree.pipelines.detection.report import read_report
from idfree.pipelines.manifest import damaged_files, read_manifest
from idfree.sequences.degenerate import warn_of_degenerate
from idfree.sequences.motchallenge import candidate_names
from idfree.sequences.rows import MAX_VALUE
from idfree.sequences.same_video import match_frames, sequence_name, warn_of_other_name
from idfree.sequences.tables import SUFFIXES, read_boxes

LOG = logging.getLogger("idfree")

MAX_OUTSIDE = 0.1  # fraction of the boxes that may lie outside the images without a warning


def load_public(spec: str | None, sequence: Sequence) -> PrecomputedDetector | None:
    """The public detections of a sequence, None without a spec; their scores do not matter. Raises UserError."""
    return None if spec is None else load_detections(spec, sequence, "raw", "--public")


def load_detections(
    spec: str, sequence: Sequence, scores: ScoreScale = "auto", option: str = "--detector"
) -> PrecomputedDetector:
    """A detector from the file for `sequence`, with the metadata of `idfree detect` if that wrote the file.

    spec: as in `find_detections`. scores: their scale; "auto" recognises it, with a warning unless they lie in 0…1, or
    takes it from the metadata. option: that the spec is of, for messages. Exact copies are left out, with a warning.
    Raises UserError if the file is missing, invalid, incomplete or of another video.
    """
    path = find_detections(spec, sequence, option)
    manifest = read_manifest(path.parent, f"{path.stem}.json")
    boxes = read_checked(path, sequence)
    if not manifest:
        boxes = drop_copies(replace(boxes, displacement=read_displacement(path, boxes)), path)
        return PrecomputedDetector(boxes, sequence.size_hw, score_range=scale_of_file(path, boxes, scores))
    report = read_report(manifest, path, len(boxes), sequence)
    class_id, displacement = read_class_ids(path, boxes), read_displacement(path, boxes)
    if damaged := damaged_files(manifest, path.parent):
        raise UserError(
            f"{damaged[0]}: is missing, damaged or changed since `idfree detect` wrote it: run that again, or delete"
            f" {path.stem}.json to use the detections without"
        )
    with np.errstate(over="ignore"):  # to infinity, which trackers take for unknown
        embedding = None if boxes.embedding is None else boxes.embedding.astype(report.dtype)
    return PrecomputedDetector(
        drop_copies(replace(boxes, class_id=class_id, embedding=embedding, displacement=displacement), path),
        sequence.size_hw,
        report.detector,
        match_threshold=report.match_threshold,
        upper_threshold=report.upper_threshold,
        frames=report.frames,
        score_range=report.score_range if scores == "auto" else scale_of_file(path, boxes, scores),
        is_network=report.is_network,
        names=report.names,
    )


def drop_copies(boxes: Annotation, path: Path) -> Annotation:
    """The detections without those of the same frame, box, score and class as another; a warning counts them.

    In files that were joined twice, each object would get two tracks.
    """
    keys = (boxes.class_id, boxes.score, *boxes.xyxy.T, boxes.frame)
    order = np.lexsort(keys)
    is_copy = np.zeros(len(boxes), dtype=bool)
    is_copy[order[1:]] = np.logical_and.reduce([np.diff(key[order]) == 0 for key in keys])
    if not is_copy.any():
        return boxes
    copies, frame = counted(int(is_copy.sum()), "detection"), boxes.frame[is_copy.argmax()]
    same = "of the same frame, box, score and class as another"
    warn_once("%s: %s of %d left out, %s (the first in frame %d)", path, copies, len(boxes), same, frame)
    return boxes[~is_copy]


def scale_of_file(path: Path, boxes: Annotation, scores: ScoreScale) -> Range | None:
    """The range of scores to map to 0…1 before tracking, None for none; a warning if it was recognised."""
    scaled = scale_scores(boxes.score, scores)
    if scaled.message:
        LOG.warning("%s: %s (--scores %s overrules)", path, scaled.message, "|".join(SCORE_SCALES[1:]))
    return scaled.range


def read_stored_detections(spec: str, sequence: Sequence) -> Annotation:
    """Read the detections of a sequence, without metadata. spec: as in `find_detections`. Raises UserError."""
    return read_checked(find_detections(spec, sequence), sequence)


def find_detections(spec: str, sequence: Sequence, option: str = "--detector") -> Path:
    """The file with the detections of a sequence. Raises UserError if there is none.

    spec: `det` (the sequence's own det/det.txt), a file, or a folder of NAME.txt, NAME.npy and so on.
    """
    path = Path(spec)
    if spec == "det":
        if sequence.folder is None:
            here = f"; for the folder det: {option} ./det" if is_folder(path) else ""
            raise UserError(f"{option} det: {sequence.name} is no MOTChallenge folder, so it has no det/det.txt{here}")
        return sequence.folder / "det" / "det.txt"
    if not is_folder(path):
        return path
    candidates = (path / (name + suffix) for name in candidate_names(sequence.name) for suffix in SUFFIXES)
    file = next((candidate for candidate in candidates if candidate.is_file()), None)
    if file is None:
        raise UserError(f"{option} {path}: no file for {sequence.name} ({', '.join(SUFFIXES)})")
    return file


def read_checked(path: Path, sequence: Sequence) -> Annotation:
    """Read a file of boxes. Raises UserError if it has frames beyond the end of the sequence, or none of its frames."""
    warn_of_other_name(path, sequence_name(sequence))
    boxes = match_frames(read_boxes(path), path, sequence)
    warn_of_degenerate(boxes, path, "are dropped")
    warn_if_outside(boxes, path, sequence)
    return boxes


def warn_if_outside(boxes: Annotation, path: Path, sequence: Sequence) -> None:
    """Warn if many boxes lie outside the images, where trackers drop them: the size of the images may be wrong."""
    if sequence.size_hw is None or not len(boxes):
        return
    height, width = sequence.size_hw
    left, top, right, bottom = boxes.xyxy.T
    is_outside = (left >= width) | (top >= height) | (right <= 0) | (bottom <= 0)
    outside = np.count_nonzero(is_outside & has_area(boxes.xyxy))
    if outside > MAX_OUTSIDE * len(boxes):
        LOG.warning(
            "%s: %d of %d boxes lie outside the images of %s, which are %d×%d as the first one is: they are dropped"
            " where the image is not larger",
            *(path, outside, len(boxes), sequence.name, width, height),
        )


def read_class_ids(path: Path, boxes: Annotation) -> Integers:
    """(K,) class ids of the boxes read from `path`: for NAME.npy, which has no such column, from NAME.classes.npy.

    Raises UserError if that has another number of rows.
    """
    file = class_ids_file(path)
    if path.suffix != ".npy" or not file.is_file():
        return boxes.class_id
    class_ids = load_array(file)
    if class_ids.shape != boxes.class_id.shape:
        raise UserError(f"{file}: {class_ids.shape} classes for {len(boxes)} boxes: run `idfree detect --force` again")
    return to_array(str(file), class_ids, np.int64)


def read_displacement(path: Path, boxes: Annotation) -> Floats | None:
    """(K, 2) displacements of the boxes read from `path`, in NAME.displacement.npy; None if there is none.

    Raises UserError if that has another number of rows, or numbers that cannot be pixels.
    """
    file = displacement_file(path)
    if not file.is_file():
        return None
    displacement = load_array(file)
    if displacement.shape != (len(boxes), 2):
        raise UserError(
            f"{file}: {displacement.shape} displacements for {len(boxes)} boxes: run `idfree detect --force` again"
        )
    values = to_array(str(file), displacement, np.float64)
    if not (np.abs(values) <= MAX_VALUE).all():
        raise UserError(f"{file}: has NaN or more than {MAX_VALUE:g} px: run `idfree detect --force` again")
    return values


def displacement_file(path: Path) -> Path:
    """The file of the displacements of the boxes in NAME.npy or NAME.txt."""
    return path.with_name(f"{path.stem}.displacement.npy")


def class_ids_file(path: Path) -> Path:
    """The file of the class ids of the boxes in NAME.npy."""
    return path.with_name(f"{path.stem}.classes.npy")
