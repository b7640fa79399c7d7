"""Evaluate tracking results and detections against ground truth, sequence by sequence and combined."""

import logging
from pathlib import Path
from typing import Literal

import numpy as np

from idfree.core.errors import UserError
from idfree.core.progress import progress
from idfree.core.types import Annotation
from idfree.datasets.motchallenge_classes import MOT_CLASSES
from idfree.evaluation import tracking
from idfree.evaluation.classes import Classes, classes_compared, describe_classes
from idfree.evaluation.detection import PrecisionRecall, evaluate_detections, metrics_by_size
from idfree.evaluation.tracking import Scores, compute_metrics
from idfree.pipelines.paired_results import Half, find_ground_truth, pair_results
from idfree.sequences.motchallenge import ground_truth_class_names, read_results
from idfree.sequences.tables import SUFFIXES, read_boxes, read_tracks

Protocol = Literal["auto", "mot17", "mot20", "mot15", "plain"]
Metrics = dict[str, float]

LOG = logging.getLogger("idfree")

COMBINED = "COMBINED"  # name of the row of all sequences
RESULT_FILES = ("{}.txt", "{}.csv", "{}.parquet")  # names of the results of a sequence in a folder
TABLES = (".csv", ".json", ".parquet")  # as `idfree track --format` writes them
DETECTION_FILES = (*("{}" + suffix for suffix in SUFFIXES), "{}/det/det.txt")  # of a sequence, in a folder


def evaluate(
    results: str | Path,
    truth: str | Path,
    protocol: Protocol = "auto",
    half: Half = "none",
    every: int = 1,
    *,
    frames: int | None = None,
    quiet: bool = True,
) -> dict[str, Metrics]:
    """TrackEval's metrics (HOTA, CLEAR, Identity) by sequence, and COMBINED: ratios 0…1, counts, by TrackEval's names.

    results: a folder of NAME.txt in MOTChallenge format, or one file. truth: a folder of MOTChallenge sequences, one of
    them, or a gt.txt. protocol: preprocessing of a benchmark, see `idfree.evaluation.preprocess`; "auto" infers it from
    the ground truth. half: "train" or "val" evaluates one half of each sequence. every: evaluate every n-th frame only.
    frames: of each sequence, evaluate the first so many. Raises UserError.
    """
    results, truth = Path(results), Path(truth)
    scores: dict[str, Scores] = {}
    classes: list[Classes] = []
    pairs = pair_results(results, truth, half, every, read_result_file, RESULT_FILES, frames=frames)
    label, count = f"{results.absolute().name}: evaluating", len(find_ground_truth(truth))
    for pair in progress(pairs, label, count, quiet, "sequences"):
        classes.append(classes_compared(pair.ground_truth, pair.results.class_id, protocol, pair.files[0]))
        scores[pair.name] = tracking.evaluate(pair.ground_truth, pair.results, protocol, pair.frames, pair.files)
    if oddity := describe_classes(classes):
        LOG.warning("%s: %s", results, oddity)
    combined = sum(scores.values(), Scores())
    return {name: compute_metrics(counts) for name, counts in {**scores, COMBINED: combined}.items()}


def read_result_file(path: Path) -> Annotation:
    """Tracks in MOTChallenge format, or in a table by its suffix."""
    return read_tracks(path) if path.suffix.lower() in TABLES else read_results(path)


def evaluate_detection(
    results: str | Path,
    truth: str | Path,
    *,
    class_id: int | str = 1,
    min_iou: float = 0.5,
    half: Half = "none",
    every: int = 1,
    frames: int | None = None,
) -> dict[str, dict[str, float | None]]:
    """Average precision of detections by object size, by sequence and COMBINED.

    results: a folder of NAME.txt (.csv, .parquet, .npy), one file, or MOTChallenge sequences with det/det.txt.
    class_id: of the ground truth, a number or MOTChallenge's or VisDrone's name. min_iou: of a true positive. truth,
    half, every, frames: as in `evaluate`. Raises UserError.
    """
    pairs = pair_results(Path(results), Path(truth), half, every, read_boxes, DETECTION_FILES, frames=frames)
    scores: dict[str, dict[str, PrecisionRecall]] = {}
    classes: list[Classes] = []
    for pair in pairs:
        classes.append((set(), set(np.unique(pair.results.class_id).tolist())))
        number = class_number(class_id, pair.files[0])
        scores[pair.name] = evaluate_detections(pair.results, pair.ground_truth, number, min_iou)
    if oddity := describe_classes(classes):
        LOG.warning("%s: %s", results, oddity)
    sizes = next(iter(scores.values()))
    combined = {size: sum((curves[size] for curves in scores.values()), PrecisionRecall()) for size in sizes}
    return {name: metrics_by_size(curves) for name, curves in {**scores, COMBINED: combined}.items()}


def class_number(given: int | str, path: Path | str) -> int:
    """The number of a class of a gt.txt, given by number or by name. Raises UserError for an unknown name."""
    if not isinstance(given, str) or given.strip().isdecimal():
        return int(given)
    names = ground_truth_class_names(path) or {name: n for n, name in enumerate(MOT_CLASSES, start=1)}
    if given not in names:
        raise UserError(f"class {given!r}: {path} has the classes {', '.join(names)}, or a number")
    return names[given]
