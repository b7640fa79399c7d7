"""Tracklets that are one person, seen again after a gap: a head learns from them what stays the same over time."""

import numpy as np
from numpy.typing import NDArray

from idfree.core.cropset import CropSet
from idfree.core.tracklet_spans import TrackletSpans
from idfree.core.types import Floats, Integers

LONGEST = 4.0  # s between the end of one tracklet and the beginning of the next
REACH, SPEED = 1.0, 1.5  # heights of a person between their boxes, and more for each second: a run is 3 m/s
GROWTH = 1.5  # factor of height


def merge_tracklets(
    crops: CropSet, embedding: NDArray[np.float32], threshold: float, frame_rate: Integers | Floats
) -> Integers:
    """Numbers (K,) of merged tracklets, 0…M−1 without a gap.

    Two tracklets are merged if each is the other's nearest, by the mean of their unit embeddings (K, D), among those
    that may be the same person, and within `threshold`. frame_rate: (V,) of the videos, frames per second.
    """
    spans = crops.spans()
    mean = np.zeros((len(spans), embedding.shape[1]))
    np.add.at(mean, crops.tracklet, embedding)
    mean /= np.bincount(crops.tracklet, minlength=len(spans))[:, None]
    i, j = may_be_same(crops, spans, np.asarray(frame_rate, dtype=np.float64))
    distance = np.full((len(spans),) * 2, np.inf)
    distance[i, j] = distance[j, i] = 1 - np.einsum("pd,pd->p", mean[i], mean[j])
    nearest = distance.argmin(axis=1) if len(spans) else np.zeros(0, dtype=np.int64)
    own = np.arange(len(spans))
    is_merged = (nearest[nearest] == own) & (distance[own, nearest] <= threshold)
    number = np.where(is_merged, np.minimum(own, nearest), own)
    return np.unique(number[crops.tracklet], return_inverse=True)[1].astype(np.int64)


def may_be_same(crops: CropSet, spans: TrackletSpans, frame_rate: Floats) -> tuple[Integers, Integers]:
    """Pairs of tracklets i (P,), before j (P,), that a person could have made by walking: near in time and place."""
    order = np.lexsort((crops.frame, crops.tracklet))
    start = np.searchsorted(crops.tracklet[order], np.arange(len(spans) + 1))
    begin, end = (box_at(crops.xyxy[order[rows]]) for rows in (start[:-1], start[1:] - 1))
    i, j = np.nonzero((spans.last[:, None] < spans.first) & (spans.video[:, None] == spans.video))
    seconds = (spans.first[j] - spans.last[i]) / frame_rate[spans.video[i]]
    height = np.maximum(end[i, 2], begin[j, 2])
    moved = np.linalg.norm(begin[j, :2] - end[i, :2], axis=1)
    is_same_size = height <= GROWTH * np.minimum(end[i, 2], begin[j, 2])
    chosen = (seconds <= LONGEST) & (moved <= (REACH + SPEED * seconds) * height) & is_same_size
    return i[chosen], j[chosen]


def box_at(xyxy: Floats) -> Floats:
    """Centre x, y and height (N, 3) of boxes (N, 4)."""
    return np.column_stack([(xyxy[:, :2] + xyxy[:, 2:]) / 2, np.maximum(xyxy[:, 3] - xyxy[:, 1], 1)])
