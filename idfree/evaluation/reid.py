"""How well embeddings tell people apart: TPR at a false accept rate, retrieval (R1, mAP), AUC against the frame gap."""

from dataclasses import dataclass, replace
from math import inf, isnan, nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.types import Annotation, Integers
from idfree.evaluation.detection import MIN_IOU, first_come, overlapping, wanted_of
from idfree.evaluation.pairs import (
    BLOCK,
    FINER,
    GAPS,
    KINDS,
    OTHER_SEQUENCE,
    SAME_FRAME,
    STEP,
    Similarities,
    SortedCrops,
    close_counts,
    gap_cosines,
    pair_counts,
    sorted_crops,
)
from idfree.evaluation.preprocess import PEDESTRIAN

FAR = (0.1, 0.01)  # false accept rates (Wang 2020, JDE, sec. 4)
SORTED = 2**25  # pairs of two people, up to which `auc` compares all of them: 8,000 crops of one sequence, 2 s
MIN_VISIBILITY = 0.7  # of queries and gallery (METHODS.md, 5)


@dataclass(frozen=True)
class Appearance:
    """What embeddings are worth, all in 0…1 and NaN where there is nothing to measure it on.

    tpr, by false accept rate: the share of pairs of one person accepted when that share of the pairs of two people is;
    tpr_within: the same, against pairs of two people of one sequence only; cosine: the similarity `tpr` asks for.
    rank1, mean_ap: retrieval of the later half of each tracklet by the earlier. auc, by frame gap: how often a pair of
    one person is more similar than a pair of two people that many frames apart, in one sequence.
    """

    crops: int
    people: int
    positives: int  # pairs of one person
    negatives: int  # pairs of two people, other sequences included
    queries: int
    tpr: dict[float, float]
    tpr_within: dict[float, float]
    cosine: dict[float, float]
    rank1: float
    mean_ap: float
    auc: dict[str, float]

    def figures(self) -> dict[str, float | None]:
        """The measures by the names that tables show; None where there is nothing to measure."""
        figures = {
            **{f"TPR@{far:g}": value for far, value in self.tpr.items()},
            **{f"TPR_within@{far:g}": value for far, value in self.tpr_within.items()},
            "R1": self.rank1,
            "mAP": self.mean_ap,
            **{f"AUC {gap}": value for gap, value in self.auc.items()},
            **{f"cosine@{far:g}": value for far, value in self.cosine.items()},
            "crops": self.crops,
            "people": self.people,
            "positives": self.positives,
            "negatives": self.negatives,
            "queries": self.queries,
        }
        return {name: None if isnan(value) else value for name, value in figures.items()}


def appearance(
    embedding: NDArray[np.floating[Any]],
    identity: ArrayLike,
    frame: ArrayLike,
    sequence: ArrayLike | None = None,
    visibility: ArrayLike | None = None,
) -> Appearance:
    """Judge embeddings (K, D), of any length, by the identity (K,) of each crop, its frame (K,), its sequence (K,).

    An identity belongs to its sequence: two sequences share nobody, so that a pair across sequences is one of two
    people, and counts in `tpr` as published (all pairs: Wang 2020); the same footage must not be given twice. SortedCrops
    of identity −1 are left out. Visibility (K,) 0…1 matters for retrieval only.
    All is exact on float32 cosines, but that beyond SORTED pairs `auc` counts cosines within one STEP as equal: an
    error below 1e-6, unless all cosines lie within a hundredth of each other.
    Raises UserError where lengths differ or an embedding is not finite.
    """
    crops = sorted_crops(embedding, identity, frame, sequence, visibility)
    different, same = pair_counts(crops)
    points = within = operating_points(crops, different.sum(axis=0), same.sum(axis=0), KINDS)
    if different[OTHER_SEQUENCE].any():
        within = operating_points(crops, different[:OTHER_SEQUENCE].sum(axis=0), same.sum(axis=0), OTHER_SEQUENCE)
    if different[SAME_FRAME + 1 : OTHER_SEQUENCE].sum() <= SORTED:
        gaps = [rank_auc(*cosines) for cosines in gap_cosines(crops)]
    else:
        gaps = [step_auc(different[kind], same[kind]) for kind in range(SAME_FRAME + 1, OTHER_SEQUENCE)]
    rank1, mean_ap, queries = retrieval(crops)
    return Appearance(
        crops=len(crops.person),
        people=int(crops.person.max(initial=-1)) + 1,
        positives=int(same.sum()),
        negatives=int(different.sum()),
        queries=queries,
        tpr={far: tpr for far, (tpr, _) in points.items()},
        tpr_within={far: tpr for far, (tpr, _) in within.items()},
        cosine={far: cosine for far, (_, cosine) in points.items()},
        rank1=rank1,
        mean_ap=mean_ap,
        auc=dict(zip(GAPS, gaps, strict=True)),
    )


def truth_of(
    detections: Annotation, truth: Annotation, min_iou: float = MIN_IOU, class_id: int = PEDESTRIAN
) -> Annotation:
    """The detections with the identity and the visibility of the person of `truth` each is; id −1 where it is none.

    Frame by frame and one to one: the pair that overlaps most first, by at least `min_iou`. Only people that count
    (mark not zero, of class `class_id` or of none) can be found. Rows stay as they are.
    """
    people = truth[wanted_of(truth, class_id)]
    i, j, overlap = overlapping(detections, people, np.ones(len(people), dtype=bool), min_iou)
    order = np.argsort(-overlap, kind="stable")
    taken = order[first_come(i[order], j[order])]
    identity, visibility = np.full(len(detections), -1), np.zeros(len(detections))
    identity[i[taken]] = people.id[j[taken]]
    visibility[i[taken]] = people.visibility[j[taken]]
    return replace(detections, id=identity, visibility=visibility)


def operating_points(
    crops: SortedCrops, different: Integers, same: Integers, kinds: int
) -> dict[float, tuple[float, float]]:
    """For each of `FAR`: the true positive rate, and the cosine that a pair must exceed for it.

    different, same (STEPS,): pairs of two people and of one at each step of the cosine. The limit is the highest
    cosine that lets in too many pairs of two people. The step that holds it is found by counting; then the pairs in
    it, of those of a kind below `kinds`, are told apart.
    """
    wanted = {far: int(np.floor(far * different.sum() + 1e-9)) + 1 for far in FAR}  # its rank from the top
    above = np.cumsum(different[::-1])[::-1]  # at this step or higher
    if not different.sum() or not same.sum():
        return dict.fromkeys(FAR, (nan, nan))
    step = {far: int(np.flatnonzero(above >= rank)[-1]) for far, rank in wanted.items()}
    closer = close_counts(crops, sorted(set(step.values())), kinds)
    points = {}
    for far, at in step.items():
        fine_different, fine_same = closer[at]
        fine_above = np.cumsum(fine_different[::-1])[::-1] + different[at + 1 :].sum()
        limit = int(np.flatnonzero(fine_above >= wanted[far])[-1])
        accepted = same[at + 1 :].sum() + fine_same[limit + 1 :].sum()
        points[far] = float(accepted / same.sum()), float((at - 1 / STEP - 1 + limit / FINER) * STEP)
    return points


def rank_auc(different: Similarities, same: Similarities) -> float:
    """How often a cosine of `same` exceeds one of `different`, equal ones half (Mann-Whitney); NaN without either."""
    if not len(different) or not len(same):
        return nan
    different, same = np.sort(different), np.sort(same)
    below, up_to = (np.searchsorted(different, same, side) for side in ("left", "right"))
    return float((below.sum() + up_to.sum()) / 2 / len(different) / len(same))


def step_auc(different: Integers, same: Integers) -> float:
    """The same from how many pairs there are at each step of the cosine."""
    if not different.any() or not same.any():
        return nan
    below = np.cumsum(different) - different / 2
    return float(np.sum(same * below) / different.sum() / same.sum())


def retrieval(crops: SortedCrops) -> tuple[float, float, int]:
    """Rank-1, mean average precision, and the number of queries, among crops of at least MIN_VISIBILITY.

    The first half of each tracklet (n // 2 of its crops, in time) are the queries, and all the rest are the gallery,
    where a query's own tracklet are the right answers. Of equally similar crops, wrong ones come first.
    """
    rows = np.flatnonzero(crops.visibility >= MIN_VISIBILITY)
    rows = rows[np.argsort(crops.person[rows], kind="stable")]  # by person, then time
    person = crops.person[rows]
    first, count = np.searchsorted(person, person), np.bincount(person, minlength=1)
    asks = np.arange(len(rows)) - first < count[person] // 2
    query, gallery = rows[asks], rows[~asks]
    if not len(query):
        return nan, nan, 0
    start, stop = (np.searchsorted(crops.person[gallery], crops.person[query], side) for side in ("left", "right"))
    precision, top = np.zeros((2, len(query)))
    size = max(BLOCK // len(gallery), 1)
    for block in range(0, len(query), size):
        cosines = crops.direction[query[block : block + size]] @ crops.direction[gallery].T
        for q, cosine in enumerate(cosines, start=block):
            right = np.sort(cosine[start[q] : stop[q]])[::-1]
            cosine[start[q] : stop[q]] = -inf
            wrong = np.sort(cosine[cosine >= right[-1]])
            before = len(wrong) - np.searchsorted(wrong, right)  # wrong answers as similar or more
            found = np.arange(1, len(right) + 1)
            precision[q] = (found / (found + before)).mean()
            top[q] = before[0] == 0
    return float(top.mean()), float(precision.mean()), len(query)
