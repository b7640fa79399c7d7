"""Certain positive and negative pairs of boxes, by motion and overlap alone, to estimate appearance distances from."""

import numpy as np

from idfree.core.types import Floats, Integers
from idfree.trackers.appearance_likelihood import SAMPLE
from idfree.trackers.association import Mask, iou_distances
from idfree.trackers.jde import PIXEL

CERTAIN_MARGIN = 2.0  # log odds by which a pair that is learnt from exceeds its track's and its detection's others
FARTHEST = -5.0  # log odds of overlap below which others do not count there
APART = 0.7  # least IoU distance of two detections of one frame that are learnt from as two objects
NEAR = 1.0  # heights of the larger box between the centres of two neighbours, at most (docs/association.md)


def is_certain(i: Integers, j: Integers, motion: Floats) -> Mask:
    """Mask (K,) of the pairs that overlap far more than their track and their detection overlap with any other."""
    cost = -np.maximum(motion, FARTHEST)
    rival = np.minimum(second_best_cost(cost, i), second_best_cost(cost, j))
    return np.asarray((motion > 0) & (np.minimum(rival, -FARTHEST) - cost > CERTAIN_MARGIN))


def sample(rows: Integers) -> Integers:
    """At most SAMPLE of the rows, evenly spaced."""
    return rows[:: max(1, -(-len(rows) // SAMPLE))]


def apart(xyxy: Floats) -> Mask:
    """Mask (N, N) of the pairs of different boxes whose IoU distance is at least APART."""
    i, j, distance = iou_distances(xyxy + PIXEL, xyxy + PIXEL)
    mask = ~np.eye(len(xyxy), dtype=bool)
    mask[i[distance < APART], j[distance < APART]] = False
    return mask


def near(xyxy: Floats) -> Mask:
    """Mask (N, N) of the pairs of boxes whose centres are at most NEAR heights apart, horizontally and vertically."""
    centre, height = (xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 3] - xyxy[:, 1]
    distance = np.abs(centre[:, None] - centre[None]).max(axis=2)
    return np.asarray(distance < NEAR * np.maximum(height[:, None], height[None]))


def second_best_cost(cost: Floats, j: Integers) -> Floats:
    """For each pair (K,) of a track and detection j, the least cost of j with another track; infinity if none."""
    count = int(j.max(initial=-1)) + 1
    best, second = np.full(count, np.inf), np.full(count, np.inf)
    np.minimum.at(best, j, cost)
    is_best = cost == best[j]
    np.minimum.at(second, j[~is_best], cost[~is_best])
    is_tied = np.bincount(j[is_best], minlength=count) > 1
    second[is_tied] = best[is_tied]
    return np.asarray(np.where(is_best, second[j], best[j]))
