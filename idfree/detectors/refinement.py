"""Boxes regressed by a detector's candidates before suppression, so that any detector can be asked about any box.

A two-stage detector regresses a given box from the features in it (Ren 2015; see `two_stage`), which Tracktor asks for
(Bergmann 2019).
A one-stage detector has already regressed a box from every cell, hundreds for each object: the one that fits the given
box best is its answer, averaged with its like (box voting; Gidaris and Komodakis 2015, sec. 3). Nothing is trained. Two
objects whose boxes overlap each keep candidates of their own, of which suppression would have left one.
"""

import numpy as np

from idfree.core.boxes import overlapping_pairs, paired_iou
from idfree.core.types import Floats, Integers
from idfree.detectors.candidates import Candidates

MIN_SCORE = 0.05  # of candidates: Tracktor's detector, as all of the COCO evaluation, has no lower scores
MIN_IOU = 0.5  # of a box and the candidate that replaces it: of positive proposals (Ren 2015, sec. 3.1.2)
VOTE_IOU = 0.7  # of that candidate and those averaged with it


def refine_by_candidates(xyxy: Floats, class_id: Integers, candidates: Candidates) -> tuple[Floats, Floats]:
    """Regressed boxes and scores (N,) of boxes (N, 4) of these classes (N,).

    Of the candidates of a box's class with IoU ≥ MIN_IOU, the one of the greatest score × IoU gives the score; the box
    is the mean of the candidates with IoU ≥ VOTE_IOU to that one, weighted by score. Boxes without candidates stay as
    they are, with score 0.
    """
    i, j = pairs_above(xyxy, class_id, candidates, MIN_IOU)
    order = np.lexsort([candidates.score[j] * paired_iou(xyxy[i], candidates.xyxy[j]), i])
    i, j = i[order], j[order]
    last = np.flatnonzero(np.append(i[1:] != i[:-1], np.ones(min(len(i), 1), dtype=bool)))  # of each box, the best pair
    found, best = i[last], j[last]
    boxes, scores = xyxy.copy(), np.zeros(len(xyxy))
    scores[found] = candidates.score[best]
    boxes[found] = vote(candidates, best)
    return boxes, scores


def vote(candidates: Candidates, best: Integers) -> Floats:
    """Means (B, 4) of the candidates that overlap the candidates `best` (B,), weighted by score."""
    i, j = pairs_above(candidates.xyxy[best], candidates.class_id[best], candidates, VOTE_IOU)
    weight = candidates.score[j]
    total = np.bincount(i, weight, len(best))
    sums = [np.bincount(i, weight * candidates.xyxy[j, k], len(best)) for k in range(4)]
    return np.stack(sums, axis=1) / total[:, None]


def pairs_above(xyxy: Floats, class_id: Integers, candidates: Candidates, min_iou: float) -> tuple[Integers, Integers]:
    """Index pairs of the boxes (N, 4) and the candidates of their classes (N,) with at least this IoU."""
    i, j = overlapping_pairs(xyxy, candidates.xyxy)
    mask = (class_id[i] == candidates.class_id[j]) & (paired_iou(xyxy[i], candidates.xyxy[j]) >= min_iou)
    return i[mask], j[mask]
