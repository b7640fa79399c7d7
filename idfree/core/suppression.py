"""Non-maximum suppression (NMS), vectorised."""

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import Floats, Integers, area, paired_intersection, paired_iou
from idfree.core.boxes import overlapping_pairs as intersecting_pairs


def nms(xyxy: Floats, score: Floats, class_id: Integers, max_iou: float) -> Integers:
    """Rows that greedy NMS keeps, by descending score.

    xyxy (N, 4), score (N,), class_id (N,). A box is suppressed by a kept box of its class with a higher score if their
    IoU is above `max_iou`. Equal scores keep their order.
    There is no loop over boxes: all overlapping pairs are found first; then "kept unless a better kept box overlaps" is
    applied to all boxes until nothing changes, which settles the k-th box of any chain after k rounds.
    Time and memory grow with the number of pairs (3,000 boxes at one place make 4.5 million): limit the boxes first.
    """
    order = np.argsort(-score, kind="stable")
    xyxy = xyxy[order]
    better, worse = overlapping_pairs(xyxy, class_id[order], max_iou)
    keep = np.ones(len(order), dtype=bool)
    while True:
        suppressed = worse[keep[better]]
        next_keep = np.ones_like(keep)
        next_keep[suppressed] = False
        if np.array_equal(next_keep, keep):
            return order[keep]
        keep = next_keep


PART = 0.7  # share of the smaller box that lies in a better one


def demote_parts(xyxy: Floats, score: Floats, class_id: Integers, factor: float) -> Floats:
    """Scores (N,), times `factor` where a box and a better one of its class share PART of the smaller of the two.

    Soft-NMS (Bodla 2017) by the intersection over the smaller box (Zhang 2016, MTCNN): detectors give close people a
    second box of head and shoulders, or of two, whose IoU with the first is small.
    """
    i, j = intersecting_pairs(xyxy, xyxy)
    chosen = (score[i] > score[j]) & (class_id[i] == class_id[j])
    i, j = i[chosen], j[chosen]
    shared = paired_intersection(xyxy[i], xyxy[j]) / np.minimum(area(xyxy)[i], area(xyxy)[j])
    is_part = np.zeros(len(score), dtype=bool)
    is_part[j[shared > PART]] = True
    return np.where(is_part, factor * score, score)


def overlapping_pairs(xyxy: Floats, class_id: Integers, min_iou: float) -> tuple[Integers, Integers]:
    """Rows i < j of all pairs of boxes of one class whose IoU is above `min_iou`, without comparing all N².

    The left edges of two boxes with IoU above t differ by less than (1 − t) of the width of the left one. So if the
    boxes are sorted by left edge, the candidate partners of each are a short run of that order. Classes are separated
    by an offset larger than the extent of all boxes.
    """
    class_offset = xyxy[:, 2].max(initial=0) - xyxy[:, 0].min(initial=0) + 1
    left = xyxy[:, 0] + class_id * class_offset
    order = np.argsort(left, kind="stable")
    left, width = left[order], (xyxy[:, 2] - xyxy[:, 0])[order]
    first = np.arange(1, len(order) + 1)
    last = np.searchsorted(left, left + (1 - min_iou) * width, side="right")
    count = np.maximum(last - first, 0)
    a = np.repeat(order, count)
    b = order[np.arange(len(a)) + np.repeat(first - (np.cumsum(count) - count), count)]
    mask: NDArray[np.bool_] = paired_iou(xyxy[a], xyxy[b]) > min_iou
    return np.minimum(a, b)[mask], np.maximum(a, b)[mask]
