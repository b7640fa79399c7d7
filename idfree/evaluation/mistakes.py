"""The single misses, false alarms and identity switches that CLEAR MOT counts, as rows of truth and results."""

from dataclasses import dataclass, fields

import numpy as np

from idfree.core.types import Annotation, Integers
from idfree.evaluation.alignment import align
from idfree.evaluation.clear import match_boxes, number_evaluated_frames
from idfree.evaluation.preprocess import DISTRACTORS, PEDESTRIAN, infer_protocol, match_distractors, preprocess


@dataclass(frozen=True)
class Mistakes:
    """missed (M,): rows of the truth. false_alarm (F,): rows of the results. switched (S,): rows of the results with
    another identity than the row switched_from (S,), the previous match of the same truth."""

    missed: Integers
    false_alarm: Integers
    switched: Integers
    switched_from: Integers


def find_mistakes(truth: Annotation, results: Annotation, frames: int, names: tuple[str, str]) -> Mistakes:
    """The mistakes of a sequence, with the protocol that the truth suggests.

    Of several classes ("plain"), boxes are compared within their class, and results of other classes left out. Boxes to
    ignore, and results on distractors, are left out as in the evaluation. Errors: as `preprocess`.
    """
    protocol = infer_protocol(truth, names[0])
    classes = np.unique(truth.class_id[truth.score != 0])
    if protocol != "plain" or len(classes) <= 1:
        return find_in_class(truth, results, protocol, frames, names)
    parts = []
    for class_id in classes.tolist():
        gt_rows, rows = (np.flatnonzero(side.class_id == class_id) for side in (truth, results))
        found = find_in_class(truth[gt_rows], results[rows], protocol, frames, names)
        own = (rows[found.false_alarm], rows[found.switched], rows[found.switched_from])
        parts.append(Mistakes(gt_rows[found.missed], *own))
    missed, false_alarm, switched, switched_from = (
        np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Mistakes)
    )
    return Mistakes(np.sort(missed), np.sort(false_alarm), switched, switched_from)


def find_in_class(
    truth: Annotation, results: Annotation, protocol: str, frames: int, names: tuple[str, str]
) -> Mistakes:
    """The mistakes of a sequence, all classes as one."""
    preprocess(truth, results, protocol, frames, names=names)  # its checks
    alignment = align(truth, results, frames)
    ignored, on_distractor = truth.score == 0, np.zeros(len(results), dtype=np.bool_)
    if protocol in DISTRACTORS:
        ignored |= truth.class_id != PEDESTRIAN
        is_distractor = np.isin(truth.class_id, DISTRACTORS[protocol])
        on_distractor[match_distractors(alignment, is_distractor)] = True
    alignment = alignment.without_boxes(ignored, on_distractor)
    gt_kept, kept = np.flatnonzero(~ignored), np.flatnonzero(~on_distractor)
    if not len(gt_kept) or not len(kept):
        return Mistakes(gt_kept, kept, kept[:0], kept[:0])
    matched = match_boxes(alignment, number_evaluated_frames(alignment))
    matched = matched[np.argsort(alignment.gt_id[alignment.gt_row[matched]], kind="stable")]
    gt, own = alignment.gt_row[matched], alignment.tracker_row[matched]
    is_switch = (np.diff(alignment.gt_id[gt]) == 0) & (np.diff(alignment.tracker_id[own]) != 0)
    return Mistakes(np.delete(gt_kept, gt), np.delete(kept, own), kept[own[1:][is_switch]], kept[own[:-1][is_switch]])
