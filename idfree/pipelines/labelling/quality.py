"""Statistics of pseudo-labels, and their purity if there is ground truth."""

from dataclasses import replace
from typing import Any

import numpy as np

from idfree.core.types import Annotation
from idfree.evaluation.reid import assign_identities

MIN_IOU = 0.5  # of a box with the detection or person that it is matched to


def describe_tracklets(boxes: Annotation, detections: int | None = None) -> dict[str, Any]:
    """Statistics of tracklets, ready for JSON.

    detections: number of all detections, for "kept", the fraction in tracklets. length: boxes of a tracklet.
    coexisting_pairs: pairs of tracklets that overlap in time (cannot-link pairs). largest: fraction of all boxes that
    the largest tracklet has.
    """
    _, first, count = np.unique(boxes.id, return_index=True, return_counts=True)
    last = len(boxes) - 1 - np.unique(boxes.id[::-1], return_index=True)[1]
    begin, end = boxes.frame[first], boxes.frame[last]
    total = len(count)
    disjoint_pairs = int(np.searchsorted(np.sort(end), begin).sum())  # one ends before the other begins
    length = np.quantile(count, (0, 0.5, 1)).tolist() if total else (0, 0, 0)
    return {
        "tracklets": total,
        "boxes": len(boxes),
        "kept": None if not detections else round(len(boxes) / detections, 4),
        "length": dict(zip(("min", "median", "max"), length, strict=True)),
        "coexisting_pairs": total * (total - 1) // 2 - disjoint_pairs,
        "largest": round(float(count.max(initial=0) / max(1, len(boxes))), 4),
    }


def compute_purity(labels: Annotation, ground_truth: Annotation, min_iou: float = MIN_IOU) -> float:
    """Fraction of boxes that show the person whom most boxes of their tracklet show; NaN without boxes.

    A box shows the ground truth (ignored or not, of any class) that it is matched to, one to one, with an IoU of at
    least `min_iou`; an unmatched box counts as wrong.
    """
    ones = np.ones(len(ground_truth))
    people = replace(ground_truth, score=ones, class_id=ones.astype(np.int64))
    person = assign_identities(labels, people, min_iou).id
    tracklets, index = np.unique(labels.id, return_inverse=True)
    pairs, count = np.unique(np.stack([index, person], axis=1)[person >= 0], axis=0, return_counts=True)
    most = np.zeros(len(tracklets), dtype=np.int64)
    np.maximum.at(most, pairs[:, 0], count)
    return float(most.sum() / len(labels)) if len(labels) else float("nan")
