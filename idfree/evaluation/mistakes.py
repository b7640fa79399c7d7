"""The single misses, false positives and identity switches that CLEAR MOT counts, as rows of both tables."""

from dataclasses import dataclass, fields

import numpy as np

from idfree.core.types import Annotation, Integers
from idfree.evaluation.alignment import align
from idfree.evaluation.clear import find_switches, match_boxes, number_evaluated_frames, sort_by_identity
from idfree.evaluation.preprocess import check_sides, find_removed, infer_protocol


@dataclass(frozen=True)
class Mistakes:
    """missed (M,): rows of the ground truth. false_positive (F,): rows of the results. switched (S,): rows of the
    results with another identity than the row switched_from (S,), the previous match of the same ground truth track.
    """

    missed: Integers
    false_positive: Integers
    switched: Integers
    switched_from: Integers


def find_mistakes(ground_truth: Annotation, results: Annotation, frames: int, names: tuple[str, str]) -> Mistakes:
    """The mistakes of a sequence of `frames` frames, with the protocol that `infer_protocol` gives.

    Of several classes ("plain"), each is compared by itself, and results of other classes are left out. Boxes that the
    protocol does not evaluate are left out. names: of both sides, for messages. Raises UserError: see `check_sides`.
    """
    protocol = infer_protocol(ground_truth, names[0])
    classes = np.unique(ground_truth.class_id[ground_truth.score != 0])
    if protocol != "plain" or len(classes) <= 1:
        return find_in_class(ground_truth, results, protocol, frames, names)
    parts = []
    for class_id in classes.tolist():
        gt_rows, rows = (np.flatnonzero(side.class_id == class_id) for side in (ground_truth, results))
        found = find_in_class(ground_truth[gt_rows], results[rows], protocol, frames, names)
        own = (rows[found.false_positive], rows[found.switched], rows[found.switched_from])
        parts.append(Mistakes(gt_rows[found.missed], *own))
    missed, false_positive, switched, switched_from = (
        np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Mistakes)
    )
    return Mistakes(np.sort(missed), np.sort(false_positive), switched, switched_from)


def find_in_class(
    ground_truth: Annotation, results: Annotation, protocol: str, frames: int, names: tuple[str, str]
) -> Mistakes:
    """The mistakes of a sequence, all classes as one."""
    check_sides(ground_truth, results, protocol, frames, names)
    alignment = align(ground_truth, results, frames)
    removed = find_removed(alignment, ground_truth, protocol)
    alignment = alignment.without_boxes(*removed)
    gt_kept, kept = (np.flatnonzero(~mask) for mask in removed)
    if not len(gt_kept) or not len(kept):
        return Mistakes(gt_kept, kept, kept[:0], kept[:0])
    matched = sort_by_identity(alignment, match_boxes(alignment, number_evaluated_frames(alignment)))
    gt, own = alignment.gt_row[matched], alignment.tracker_row[matched]
    switched = find_switches(alignment, matched)
    return Mistakes(np.delete(gt_kept, gt), np.delete(kept, own), kept[own[switched]], kept[own[switched - 1]])
