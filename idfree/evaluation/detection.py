"""Average precision (AP) of detections at IoU 0.5, overall and by object size."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isnan, nan

import numpy as np

from idfree.core.boxes import area
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Floats, Integers
from idfree.evaluation.alignment import Mask, find_overlaps
from idfree.evaluation.preprocess import CROWD, PEDESTRIAN

MIN_IOU = 0.5  # of a true positive (Everingham 2010, MOTChallenge)
SIZE_RANGES = {"small": (0.0, 6e3), "medium": (6e3, 25e3), "large": (25e3, inf)}  # px² (docs/evaluation.md)
SIZES = {"all": (0.0, inf), **SIZE_RANGES}


@dataclass(frozen=True)
class PrecisionRecall:
    """Scored detections of which each is a true or false positive; `sum(per_sequence, PrecisionRecall())` adds.

    score (K,), is_tp (K,): of the evaluated detections. num_gt: ground truth boxes. ignored: detections that are
    neither true nor false positives. Ratios are NaN if their denominator is 0.
    """

    score: Floats = field(default_factory=lambda: np.zeros(0))
    is_tp: Mask = field(default_factory=lambda: np.zeros(0, dtype=bool))
    num_gt: int = 0
    ignored: int = 0

    def __add__(self, other: "PrecisionRecall") -> "PrecisionRecall":
        """The detections and ground truth of both."""
        return PrecisionRecall(
            np.concatenate([self.score, other.score]),
            np.concatenate([self.is_tp, other.is_tp]),
            self.num_gt + other.num_gt,
            self.ignored + other.ignored,
        )

    def curve(self) -> tuple[Floats, Floats, Floats]:
        """(score, precision, recall), each (N,), if detections of at least this score are kept; scores descending.

        One point per distinct score, so that the order of rows does not matter.
        """
        order = np.argsort(-self.score, kind="stable")
        score = self.score[order]
        last = np.flatnonzero(np.diff(score, append=-inf))
        tp = np.cumsum(self.is_tp[order])[last]
        recall = tp / self.num_gt if self.num_gt else np.full(len(last), nan)
        return score[last], tp / (last + 1), recall

    @property
    def ap(self) -> float:
        """Area under the precision-recall curve, precision made monotonic first (all points: Everingham 2010, VOC)."""
        if not self.num_gt:
            return nan
        _, precision, recall = self.curve()
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(np.diff(recall, prepend=0.0) * envelope))

    @property
    def ap11(self) -> float:
        """11-point AP as in MOTChallenge's detection kit: mean precision where recall first reaches 0, 0.1 … 1.

        The kit takes the precision at that point; PASCAL VOC 2007 takes the largest at any higher recall, COCO 101
        recalls.
        """
        if not self.num_gt:
            return nan
        _, precision, recall = self.curve()
        reached = np.searchsorted(recall, np.linspace(0, 1, 11))
        return float(np.append(precision, 0.0)[reached].mean())

    @property
    def tp(self) -> int:
        """True positives."""
        return int(self.is_tp.sum())

    @property
    def recall(self) -> float:
        """TP / (TP + FN) of all detections."""
        return self.tp / self.num_gt if self.num_gt else nan

    @property
    def precision(self) -> float:
        """TP / (TP + FP) of all detections."""
        return self.tp / len(self.is_tp) if len(self.is_tp) else nan

    @property
    def best_f1(self) -> tuple[float, float]:
        """The largest F1 over all score thresholds, and its threshold (scores ≥ threshold are kept)."""
        if not self.num_gt or not len(self.score):
            return (nan if not self.num_gt else 0.0), nan
        score, precision, recall = self.curve()
        f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
        best = int(np.argmax(f1))
        return float(f1[best]), float(score[best])

    def metrics(self) -> dict[str, float | None]:
        """Metrics by the names that tables show; None if undefined."""
        f1, threshold = self.best_f1
        metrics = {
            "AP": self.ap,
            "AP11": self.ap11,
            "Rcll": self.recall,
            "Prcn": self.precision,
            "F1": f1,
            "threshold": threshold,
            "TP": self.tp,
            "FP": len(self.is_tp) - self.tp,
            "FN": self.num_gt - self.tp,
            "GT": self.num_gt,
            "ignored": self.ignored,
        }
        return {name: None if isnan(value) else value for name, value in metrics.items()}


def evaluate_detections(
    detections: Annotation, ground_truth: Annotation, class_id: int = PEDESTRIAN, min_iou: float = MIN_IOU
) -> dict[str, PrecisionRecall]:
    """Evaluate the detections of one sequence, once for each of `SIZES`.

    Ground truth that is not marked 0 and has class `class_id`, or no class (≤ 0: MOT15), is to be detected. All other
    ground truth (marked 0, distractors, vehicles, occluders) is ignored, with any number of detections on it. The class
    of detections is not used: remove those of other classes before.

    In order of descending score, each detection takes the free ground truth box with the largest IoU, if ≥ `min_iou`.
    For one size, ground truth of other sizes is ignored, and an unmatched detection is a false positive only if its own
    size fits (COCO: Lin 2014).
    """
    is_target = target_mask(ground_truth, class_id)
    i, j, overlap = candidate_pairs(detections, ground_truth, is_target, min_iou)
    on_ignored = np.zeros(len(detections), dtype=bool)
    on_ignored[i[~is_target[j]]] = True
    on_target = is_target[j]
    i, j, overlap = i[on_target], j[on_target], overlap[on_target]
    rank = rank_detections(detections.score, i, overlap)[i]
    result = {}
    for name, (low, high) in SIZES.items():
        has_size, gt_has_size = (in_range(area(boxes.xyxy), low, high) for boxes in (detections, ground_truth))
        order = np.lexsort((-overlap, ~gt_has_size[j], rank))
        matches = order[match_greedily(i[order], j[order])]
        is_tp = np.zeros(len(detections), dtype=bool)
        is_tp[i[matches]] = gt_has_size[j[matches]]
        is_ignored = on_ignored | ~has_size
        is_ignored[i[matches]] = True
        evaluated = is_tp | ~is_ignored
        num_gt, ignored = int((is_target & gt_has_size).sum()), int((~evaluated).sum())
        result[name] = PrecisionRecall(detections.score[evaluated], is_tp[evaluated], num_gt, ignored)
    return result


def metrics_by_size(scores: Mapping[str, PrecisionRecall]) -> dict[str, float | None]:
    """The metrics of all sizes together, and AP and number of boxes of each size: `AP_small`, `GT_small` …"""
    metrics = scores["all"].metrics()
    for name, score in scores.items():
        if name != "all":
            metrics |= {f"{key}_{name}": score.metrics()[key] for key in ("AP", "GT")}
    return metrics


def rank_detections(score: Floats, i: Integers, overlap: Floats) -> Integers:
    """(K,) rank of each detection, 0 first: by descending score, then by its largest overlap.

    i, overlap (P,): detection and overlap of each candidate pair.
    """
    largest = np.zeros(len(score))
    np.maximum.at(largest, i, overlap)
    rank = np.empty(len(score), dtype=np.int64)
    rank[np.lexsort((-largest, -score))] = np.arange(len(score))
    return rank


def target_mask(ground_truth: Annotation, class_id: int) -> Mask:
    """Mask of the ground truth to be detected: not marked 0, of class `class_id` or without a class (≤ 0)."""
    return np.asarray((ground_truth.score != 0) & ((ground_truth.class_id == class_id) | (ground_truth.class_id <= 0)))


def in_range(values: Floats, low: float, high: float) -> Mask:
    """Mask of low ≤ value < high."""
    return np.asarray((values >= low) & (values < high))


def candidate_pairs(
    detections: Annotation, ground_truth: Annotation, is_target: Mask, min_iou: float
) -> tuple[Integers, Integers, Floats]:
    """Pairs of a detection i and a ground truth box j of one frame with an overlap ≥ `min_iou`, and the overlap (P,).

    The overlap is IoU, but for crowd regions (if not a target) it is intersection over detection area (COCO). Raises
    UserError unless 0 < min_iou ≤ 1.
    """
    if not 0 < min_iou <= 1:
        raise UserError(f"--min-iou {min_iou:g}: expected more than 0 and at most 1")
    last_frame = int(max(side.frame.max(initial=0) for side in (ground_truth, detections)))
    j, i, overlap = find_overlaps(ground_truth, detections, last_frame)
    is_crowd = (ground_truth.class_id == CROWD) & ~is_target
    if is_crowd.any():
        detection_area, region_area = area(detections.xyxy)[i], area(ground_truth.xyxy)[j]
        covered_fraction = overlap / (1 + overlap) * (detection_area + region_area) / detection_area
        overlap = np.where(is_crowd[j], covered_fraction, overlap)
    sufficient = overlap >= min_iou
    return i[sufficient], j[sufficient], overlap[sufficient]


def match_greedily(i: Integers, j: Integers) -> Integers:
    """Greedy one-to-one matching: the indices of pairs (i, j) of which neither side is in an earlier matched pair.

    Vectorised: a pair that comes first among the remaining pairs of both its sides matches in any case.
    """
    remaining = np.arange(len(i))
    matches = [remaining[:0]]
    while len(remaining):
        first_of_i, first_of_j = (np.unique(side[remaining], return_index=True)[1] for side in (i, j))
        new = remaining[np.intersect1d(first_of_i, first_of_j, assume_unique=True)]
        matches.append(new)
        remaining = remaining[~(np.isin(i[remaining], i[new]) | np.isin(j[remaining], j[new]))]
    return np.concatenate(matches)
