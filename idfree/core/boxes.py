"""Box geometry on arrays: float64 `xyxy` rows (left, top, right, bottom) in pixels unless a name says otherwise."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def xywh_to_xyxy(xywh: ArrayLike) -> Floats:
    """(N, 4) left, top, width, height → xyxy."""
    corner, size = halves(xywh)
    return np.concatenate([corner, corner + size], axis=1)


def xyxy_to_xywh(xyxy: ArrayLike) -> Floats:
    """(N, 4) xyxy → left, top, width, height."""
    corner, opposite = halves(xyxy)
    return np.concatenate([corner, opposite - corner], axis=1)


def cxcywh_to_xyxy(cxcywh: ArrayLike) -> Floats:
    """(N, 4) centre x, centre y, width, height → xyxy."""
    centre, size = halves(cxcywh)
    corner = centre - size / 2
    return np.concatenate([corner, corner + size], axis=1)


def xyxy_to_cxcywh(xyxy: ArrayLike) -> Floats:
    """(N, 4) xyxy → centre x, centre y, width, height."""
    corner, opposite = halves(xyxy)
    size = opposite - corner
    return np.concatenate([corner + size / 2, size], axis=1)


def xyxy_to_xyah(xyxy: ArrayLike) -> Floats:
    """(N, 4) xyxy → centre x, centre y, aspect w/h, height (the measurement of DeepSORT and FairMOT)."""
    boxes = xyxy_to_cxcywh(xyxy)
    boxes[:, 2] /= boxes[:, 3]
    return boxes


def xyah_to_xyxy(xyah: ArrayLike) -> Floats:
    """(N, 4) centre x, centre y, aspect w/h, height → xyxy."""
    boxes = np.array(xyah, dtype=np.float64).reshape(-1, 4)
    boxes[:, 2] *= boxes[:, 3]
    return cxcywh_to_xyxy(boxes)


def halves(boxes: ArrayLike) -> tuple[Floats, Floats]:
    """The first two and the last two columns of (N, 4) boxes."""
    rows = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    return rows[:, :2], rows[:, 2:]


def area(xyxy: Floats) -> Floats:
    """(N,) areas in px²; a box turned inside out has none."""
    width, height = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0).T
    return width * height


def intersection(a: Floats, b: Floats) -> Floats:
    """(N, M) areas in px² shared by each box of `a` (N, 4) with each of `b` (M, 4)."""
    width = np.minimum(a[:, None, 2], b[:, 2]) - np.maximum(a[:, None, 0], b[:, 0])
    height = np.minimum(a[:, None, 3], b[:, 3]) - np.maximum(a[:, None, 1], b[:, 1])
    return np.maximum(width, 0) * np.maximum(height, 0)


def iou(a: Floats, b: Floats) -> Floats:
    """(N, M) intersection over union of each box of `a` (N, 4) with each of `b` (M, 4); 0 where both are empty."""
    shared = intersection(a, b)
    union = area(a)[:, None] + area(b) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def overlap(a: Floats, b: Floats) -> Floats:
    """(N, M) intersection over the smaller box's area: OUTrack's measure of occlusion (Liu 2021, sec. 3.3)."""
    shared = intersection(a, b)
    smaller = np.minimum(area(a)[:, None], area(b))
    return np.divide(shared, smaller, out=np.zeros_like(shared), where=smaller > 0)


def clip(xyxy: Floats, size_hw: tuple[int, int]) -> Floats:
    """Boxes cut to the image of `size_hw` (height, width); one that lies outside becomes empty."""
    height, width = size_hw
    return np.clip(xyxy, 0, np.array([width, height, width, height], dtype=np.float64))


def touching_pairs(a: Floats, b: Floats) -> tuple[Integers, Integers]:
    """Index pairs (i, j), i ascending, of the boxes a[i] and b[j] that share some area, without looking at all N×M.

    Boxes of `b` are sorted by their left edge, so that the candidates of each a[i] are one run of that order: those
    that begin before a[i] ends, and not so far to the left that even the widest could not reach it.
    """
    if not len(a) or not len(b):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    (left, top, right, bottom), (b_left, b_top, b_right, b_bottom) = a.T, b.T
    order = np.argsort(b_left)
    b_left = b_left[order]
    widest = (b_right - b[:, 0]).max(initial=0)
    first = np.searchsorted(b_left, left - widest)
    count = np.maximum(np.searchsorted(b_left, right) - first, 0)
    i = np.repeat(np.arange(len(a)), count)
    j = order[np.arange(len(i)) + np.repeat(first - (np.cumsum(count) - count), count)]
    touching = np.flatnonzero((top[i] < b_bottom[j]) & (b_top[j] < bottom[i]) & (left[i] < b_right[j]))
    return i[touching], j[touching]


def intersection_of_pairs(a: Floats, b: Floats) -> Floats:
    """(K,) areas in px² that a[k] shares with b[k]."""
    width, height = np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0).T
    return width * height


def iou_of_pairs(a: Floats, b: Floats) -> Floats:
    """(K,) intersection over union of a[k] with b[k]; 0 where both are empty."""
    shared = intersection_of_pairs(a, b)
    union = area(a) + area(b) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
