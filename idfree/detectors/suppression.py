"""Non-maximum suppression: of boxes that show the same thing, the best."""

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import Floats, Integers, iou_of_pairs


def nms(xyxy: Floats, score: Floats, class_id: Integers, max_iou: float) -> Integers:
    """Rows kept, best score first: a box falls to a better, kept one of its class if their IoU is above `max_iou`.

    xyxy (N, 4), score (N,), class_id (N,). Equal scores keep their order. Greedy suppression without a loop over boxes:
    the pairs that could suppress are found first, then "kept unless a kept better box overlaps" is repeated until
    nothing changes, which settles the k-th box of any chain after k rounds.
    Time and memory grow with the pairs (3,000 boxes all on one spot make 4.5 million): cap the candidates first.
    """
    order = np.argsort(-score, kind="stable")
    xyxy = xyxy[order]
    better, worse = overlapping(xyxy, class_id[order], max_iou)
    kept = np.ones(len(order), dtype=bool)
    while True:
        fallen = worse[kept[better]]
        settled = np.ones_like(kept)
        settled[fallen] = False
        if np.array_equal(settled, kept):
            return order[kept]
        kept = settled


def overlapping(xyxy: Floats, class_id: Integers, more_than: float) -> tuple[Integers, Integers]:
    """Pairs (i, j), i < j, of boxes of one class whose IoU is above `more_than`, without looking at all N².

    Two boxes whose IoU is above t begin within (1 − t) of the left one's width of each other, so with the boxes sorted
    by their left edge the partners of each are one short run of that order. Classes are laid side by side, out of
    one another's reach.
    """
    reach = xyxy[:, 2].max(initial=0) - xyxy[:, 0].min(initial=0) + 1
    left = xyxy[:, 0] + class_id * reach
    order = np.argsort(left, kind="stable")
    left, width = left[order], (xyxy[:, 2] - xyxy[:, 0])[order]
    first = np.arange(1, len(order) + 1)
    last = np.searchsorted(left, left + (1 - more_than) * width, side="right")
    count = np.maximum(last - first, 0)
    a = np.repeat(order, count)
    b = order[np.arange(len(a)) + np.repeat(first - (np.cumsum(count) - count), count)]
    close: NDArray[np.bool_] = iou_of_pairs(xyxy[a], xyxy[b]) > more_than
    return np.minimum(a, b)[close], np.maximum(a, b)[close]
