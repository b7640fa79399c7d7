"""Box geometry on (N, 4) float64 arrays, in pixels, as xyxy (left, top, right, bottom) unless named otherwise."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

EPSILON = float(np.finfo(np.float64).eps)  # px², area above which a box has pairs in frames (TrackEval)


def xywh_to_xyxy(xywh: ArrayLike) -> Floats:
    """Convert (N, 4) boxes from left, top, width, height to xyxy."""
    corner, size = split_halves(xywh)
    return np.concatenate([corner, corner + size], axis=1)


def xyxy_to_xywh(xyxy: ArrayLike) -> Floats:
    """Convert (N, 4) boxes from xyxy to left, top, width, height."""
    corner, opposite = split_halves(xyxy)
    return np.concatenate([corner, opposite - corner], axis=1)


def cxcywh_to_xyxy(cxcywh: ArrayLike) -> Floats:
    """Convert (N, 4) boxes from centre x, centre y, width, height to xyxy."""
    centre, size = split_halves(cxcywh)
    corner = centre - size / 2
    return np.concatenate([corner, corner + size], axis=1)


def xyxy_to_cxcywh(xyxy: ArrayLike) -> Floats:
    """Convert (N, 4) boxes from xyxy to centre x, centre y, width, height."""
    corner, opposite = split_halves(xyxy)
    size = opposite - corner
    return np.concatenate([corner + size / 2, size], axis=1)


def xyxy_to_xyah(xyxy: ArrayLike) -> Floats:
    """Convert (N, 4) boxes from xyxy to centre x, centre y, aspect ratio w/h, height (as in DeepSORT)."""
    boxes = xyxy_to_cxcywh(xyxy)
    boxes[:, 2] /= boxes[:, 3]
    return boxes


def xyah_to_xyxy(xyah: ArrayLike) -> Floats:
    """Convert (N, 4) boxes from centre x, centre y, aspect ratio w/h, height to xyxy."""
    boxes = np.array(xyah, dtype=np.float64).reshape(-1, 4)
    boxes[:, 2] *= boxes[:, 3]
    return cxcywh_to_xyxy(boxes)


def centres(xyxy: Floats) -> Floats:
    """Centres (N, 2) of boxes (N, 4)."""
    return np.asarray((xyxy[:, :2] + xyxy[:, 2:]) / 2)


def bottom_centres(xyxy: Floats) -> Floats:
    """Middles (N, 2) of the lower edges of boxes (N, 4): where people stand."""
    return np.stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, xyxy[:, 3]], axis=1)


def split_halves(boxes: ArrayLike) -> tuple[Floats, Floats]:
    """Return the first two and the last two columns of (N, 4) boxes, as float64."""
    rows = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    return rows[:, :2], rows[:, 2:]


def has_area(xyxy: Floats, min_side: float = 0.0) -> NDArray[np.bool_]:
    """Mask (N,) of the boxes whose width and height are positive, and not less than `min_side` px."""
    side = xyxy[:, 2:] - xyxy[:, :2]
    return np.asarray(((side > 0) & (side >= min_side)).all(axis=1))


def area(xyxy: Floats) -> Floats:
    """Areas (N,) in px²; 0 for a box with negative width or height."""
    width, height = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0).T
    return width * height


def intersection(a: Floats, b: Floats) -> Floats:
    """Pairwise intersection areas (N, M) in px² of `a` (N, 4) and `b` (M, 4)."""
    width = np.minimum(a[:, None, 2], b[:, 2]) - np.maximum(a[:, None, 0], b[:, 0])
    height = np.minimum(a[:, None, 3], b[:, 3]) - np.maximum(a[:, None, 1], b[:, 1])
    return np.maximum(width, 0) * np.maximum(height, 0)


def iou(a: Floats, b: Floats) -> Floats:
    """Pairwise intersection over union (N, M) of `a` (N, 4) and `b` (M, 4); 0 for two boxes without area."""
    common = intersection(a, b)
    union = area(a)[:, None] + area(b) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def overlap(a: Floats, b: Floats) -> Floats:
    """Pairwise intersection over the smaller area (N, M): OUTrack's measure of occlusion (Liu 2021, sec. 3.3)."""
    common = intersection(a, b)
    smaller = np.minimum(area(a)[:, None], area(b))
    return np.divide(common, smaller, out=np.zeros_like(common), where=smaller > 0)


def clip(xyxy: Floats, size_hw: tuple[int, int]) -> Floats:
    """Clip boxes to an image of `size_hw` (height, width); a box outside the image becomes one without area."""
    height, width = size_hw
    return np.clip(xyxy, 0, np.array([width, height, width, height], dtype=np.float64))


def overlapping_pairs(a: Floats, b: Floats) -> tuple[Integers, Integers]:
    """Index pairs (i, j), i ascending, of boxes a[i] and b[j] that intersect, without computing all N×M.

    Sort and sweep: with `b` sorted by left edge, the candidates of a[i] are consecutive: their left edge is less than
    a[i]'s right edge and greater than a[i]'s left edge minus the width of the widest box of `b`.
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
    overlapping = np.flatnonzero((top[i] < b_bottom[j]) & (b_top[j] < bottom[i]) & (left[i] < b_right[j]))
    return i[overlapping], j[overlapping]


def overlapping_pairs_in_frames(
    a_frame: Integers, a: Floats, b_frame: Integers, b: Floats
) -> tuple[Integers, Integers]:
    """Candidate pairs (i, j), i ascending: all boxes a[i] and b[j] that intersect in one frame, and a few that do not.

    One sort and sweep handles all frames: boxes are shifted in x by frame, so that frames lie side by side. The shift
    rounds the last digits, hence the margin of one pixel around `a`. Boxes without area or not finite have no pairs.
    """
    i, j = (np.flatnonzero((size > EPSILON) & (size < np.inf)) for size in (area(a), area(b)))
    if len(i) == 0 or len(j) == 0:
        return i[:0], j[:0]
    a, b, frame = a[i], b[j], np.concatenate([a_frame[i], b_frame[j]])
    x = np.concatenate([a[:, [0, 2]], b[:, [0, 2]]])
    x += (np.ptp(x) + 4) * (frame - frame.min())[:, None]
    a[:, [0, 2]], b[:, [0, 2]] = np.split(x, [len(a)])
    in_a, in_b = overlapping_pairs(a + np.array([-1, -1, 1, 1]), b)
    return i[in_a], j[in_b]


def paired_intersection(a: Floats, b: Floats) -> Floats:
    """Intersection areas (K,) in px² of a[k] with b[k]."""
    width, height = np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0).T
    return width * height


def paired_iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union (K,) of a[k] with b[k]; 0 for two boxes without area."""
    common = paired_intersection(a, b)
    union = area(a) + area(b) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)
