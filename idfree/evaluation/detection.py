"""Average precision of detections where boxes overlap by half, in whole and by the size of the person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isnan, nan

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import area
from idfree.core.types import Annotation, Floats, Integers
from idfree.evaluation.alignment import overlaps
from idfree.evaluation.preprocess import CROWD, PEDESTRIAN

Flags = NDArray[np.bool_]

MIN_IOU = 0.5  # what counts as found (Everingham 2010, and MOTChallenge)
SIZES = {"all": (0.0, inf), "small": (0.0, 6e3), "medium": (6e3, 25e3), "large": (25e3, inf)}  # px² (METHODS.md, 5)


@dataclass(frozen=True)
class PrecisionRecall:
    """Detections that were judged, and how many boxes there were to find; `sum(per_sequence, PrecisionRecall())` adds.

    score (K,), hit (K,) True where the detection found a box, False where it is a false one; truth: boxes to find;
    ignored: detections left out, neither hit nor false. Ratios are NaN where there is nothing to find.
    """

    score: Floats = field(default_factory=lambda: np.zeros(0))
    hit: Flags = field(default_factory=lambda: np.zeros(0, dtype=bool))
    truth: int = 0
    ignored: int = 0

    def __add__(self, other: "PrecisionRecall") -> "PrecisionRecall":
        return PrecisionRecall(
            np.concatenate([self.score, other.score]),
            np.concatenate([self.hit, other.hit]),
            self.truth + other.truth,
            self.ignored + other.ignored,
        )

    def curve(self) -> tuple[Floats, Floats, Floats]:
        """(score, precision, recall), each (N,): what is had by keeping the detections of at least that score.

        One point for each score that occurs, from the highest down; detections of equal score are kept together, so
        the order of rows does not matter.
        """
        order = np.argsort(-self.score, kind="stable")
        score = self.score[order]
        last = np.flatnonzero(np.diff(score, append=-inf))
        hits = np.cumsum(self.hit[order])[last]
        recall = hits / self.truth if self.truth else np.full(len(last), nan)
        return score[last], hits / (last + 1), recall

    @property
    def ap(self) -> float:
        """Area under precision over recall, precision made monotonous first (all points: Everingham 2010, VOC)."""
        if not self.truth:
            return nan
        _, precision, recall = self.curve()
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(np.diff(recall, prepend=0.0) * envelope))

    @property
    def ap11(self) -> float:
        """Mean precision where recall first reaches 0, 0.1 … 1: what MOTChallenge's detection kit calls AP.

        That kit takes the precision as it is there; PASCAL VOC 2007 took the best from there on. COCO reads 101
        recalls. `ap` is the limit of many.
        """
        if not self.truth:
            return nan
        _, precision, recall = self.curve()
        reached = np.searchsorted(recall, np.linspace(0, 1, 11))
        return float(np.append(precision, 0.0)[reached].mean())

    @property
    def hits(self) -> int:
        """How many boxes were found."""
        return int(self.hit.sum())

    @property
    def recall(self) -> float:
        """Share of the boxes that were found, all detections kept."""
        return self.hits / self.truth if self.truth else nan

    @property
    def precision(self) -> float:
        """Share of the detections that found a box, all detections kept; NaN without any."""
        return self.hits / len(self.hit) if len(self.hit) else nan

    @property
    def best_f1(self) -> tuple[float, float]:
        """The best F1 any threshold reaches, and that threshold: keep the scores that are at least it."""
        if not self.truth or not len(self.score):
            return (nan if not self.truth else 0.0), nan
        score, precision, recall = self.curve()
        f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
        best = int(np.argmax(f1))
        return float(f1[best]), float(score[best])

    def figures(self) -> dict[str, float | None]:
        """The measures by the names that tables show; None where there is nothing to measure."""
        f1, threshold = self.best_f1
        figures = {
            "AP": self.ap,
            "AP11": self.ap11,
            "Rcll": self.recall,
            "Prcn": self.precision,
            "F1": f1,
            "threshold": threshold,
            "TP": self.hits,
            "FP": len(self.hit) - self.hits,
            "FN": self.truth - self.hits,
            "GT": self.truth,
            "ignored": self.ignored,
        }
        return {name: None if isnan(value) else value for name, value in figures.items()}


def by_size(
    detections: Annotation, truth: Annotation, class_id: int = PEDESTRIAN, min_iou: float = MIN_IOU
) -> dict[str, PrecisionRecall]:
    """Judge the detections of one sequence, once for each of `SIZES`.

    To be found: boxes of `truth` with a mark that is not zero and of class `class_id`, or of no class (≤ 0: MOT15).
    All other truth — zero-marked, distractors, vehicles, occluders — takes in any number of detections that cost
    nothing. Detections have no class here: drop those of other classes before.

    By descending score, each detection takes the free box to be found that it overlaps most, by at least `min_iou`.
    For a size, people of other sizes may be found but need not be, and a detection that finds nobody is false only if
    it is of that size itself (COCO's convention: Lin 2014).
    """
    wanted = wanted_of(truth, class_id)
    i, j, overlap = overlapping(detections, truth, wanted, min_iou)
    free = np.zeros(len(detections), dtype=bool)
    free[i[~wanted[j]]] = True
    person = wanted[j]
    i, j, overlap = i[person], j[person], overlap[person]
    turn = turns(detections.score, i, overlap)[i]
    result = {}
    for name, (least, limit) in SIZES.items():
        sized, sized_truth = (within(area(boxes.xyxy), least, limit) for boxes in (detections, truth))
        order = np.lexsort((-overlap, ~sized_truth[j], turn))
        taken = order[first_come(i[order], j[order])]
        hit = np.zeros(len(detections), dtype=bool)
        hit[i[taken]] = sized_truth[j[taken]]
        excused = free | ~sized
        excused[i[taken]] = True
        judged = hit | ~excused
        to_find, ignored = int((wanted & sized_truth).sum()), int((~judged).sum())
        result[name] = PrecisionRecall(detections.score[judged], hit[judged], to_find, ignored)
    return result


def figures_by_size(scores: Mapping[str, PrecisionRecall]) -> dict[str, float | None]:
    """The figures of all sizes together, and of each size its AP and how much there was to find: `AP_small` …"""
    figures = scores["all"].figures()
    for name, score in scores.items():
        if name != "all":
            figures |= {f"{key}_{name}": score.figures()[key] for key in ("AP", "GT")}
    return figures


def turns(score: Floats, i: Integers, overlap: Floats) -> Integers:
    """(K,) when each detection may choose, 0 first: by score, of equal ones by how much it overlaps anything at all."""
    best = np.zeros(len(score))
    np.maximum.at(best, i, overlap)
    turn = np.empty(len(score), dtype=np.int64)
    turn[np.lexsort((-best, -score))] = np.arange(len(score))
    return turn


def wanted_of(truth: Annotation, class_id: int) -> Flags:
    """The boxes of truth that are to be found: marked, and of class `class_id` or of none (≤ 0)."""
    return np.asarray((truth.score != 0) & ((truth.class_id == class_id) | (truth.class_id <= 0)))


def within(values: Floats, least: float, limit: float) -> Flags:
    """Where least ≤ value < limit."""
    return np.asarray((values >= least) & (values < limit))


def overlapping(
    detections: Annotation, truth: Annotation, wanted: Flags, min_iou: float
) -> tuple[Integers, Integers, Floats]:
    """Pairs of a detection i and a truth box j of one frame that overlap by at least `min_iou`, and by how much.

    That is their IoU. Only a crowd region (not `wanted`) is larger than any person in it: there, the share of the
    detection that lies inside counts (COCO's convention).
    """
    j, i, overlap = overlaps(truth, detections, int(max(f.frame.max(initial=0) for f in (truth, detections))))
    crowd = (truth.class_id == CROWD) & ~wanted
    if crowd.any():
        size, region = area(detections.xyxy)[i], area(truth.xyxy)[j]
        inside = overlap / (1 + overlap) * (size + region) / size
        overlap = np.where(crowd[j], inside, overlap)
    enough = overlap >= min_iou
    return i[enough], j[enough], overlap[enough]


def first_come(i: Integers, j: Integers) -> Integers:
    """The pairs that are taken when, in the order given, a pair is taken if neither of its sides has been.

    Many at a time: a pair that is the first one left for both its sides would be taken whatever happens elsewhere.
    """
    left = np.arange(len(i))
    taken = [left[:0]]
    while len(left):
        first_of_i, first_of_j = (np.unique(side[left], return_index=True)[1] for side in (i, j))
        now = left[np.intersect1d(first_of_i, first_of_j, assume_unique=True)]
        taken.append(now)
        left = left[~(np.isin(i[left], i[now]) | np.isin(j[left], j[now]))]
    return np.concatenate(taken)
