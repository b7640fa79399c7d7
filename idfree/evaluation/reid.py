"""Re-ID metrics of embeddings: TPR at a false accept rate, retrieval (rank-1, mAP), AUC by frame gap."""

from dataclasses import dataclass, replace
from math import inf, isnan, nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.types import Annotation, Integers
from idfree.evaluation.crop_pairs import (
    BIN_WIDTH,
    FRAME_GAPS,
    KINDS,
    OTHER_SEQUENCE,
    PAIRS_PER_BLOCK,
    SAME_FRAME,
    SUB_BINS,
    Similarities,
    SortedCrops,
    refine_bins,
    similarities_by_gap,
    similarity_histograms,
    sort_crops,
)
from idfree.evaluation.detection import MIN_IOU, candidate_pairs, match_greedily, target_mask
from idfree.evaluation.preprocess import PEDESTRIAN

FAR = (0.1, 0.01)  # false accept rates (JDE: Wang 2020, sec. 4)
MAX_EXACT_PAIRS = 2**25  # pairs of two people up to which AUC is exact: 8,000 crops of one sequence, 2 s
MIN_VISIBILITY = 0.7  # of queries and gallery (docs/evaluation.md)


@dataclass(frozen=True)
class EmbeddingMetrics:
    """Metrics of embeddings, all ratios in 0…1, NaN if undefined.

    tpr: true positive rate by false accept rate, i.e. the fraction of pairs of one person above the similarity that the
    given fraction of pairs of two people exceeds; tpr_within: the same with pairs of two people of one sequence only;
    cosine: the similarity threshold of `tpr`. rank1, mean_ap: retrieval of the second half of each tracklet by the
    first. sensitivity: see `sensitivity_index`, over pairs within one sequence. auc: area under the ROC curve by frame
    gap, over pairs within one sequence.
    """

    crops: int
    people: int
    positives: int  # pairs of one person
    negatives: int  # pairs of two people, also of different sequences
    queries: int
    tpr: dict[float, float]
    tpr_within: dict[float, float]
    cosine: dict[float, float]
    rank1: float
    mean_ap: float
    sensitivity: float
    auc: dict[str, float]

    def metrics(self) -> dict[str, float | None]:
        """Metrics by the names that tables show; None if undefined."""
        metrics = {
            **{f"TPR@{far:g}": value for far, value in self.tpr.items()},
            **{f"TPR_within@{far:g}": value for far, value in self.tpr_within.items()},
            "R1": self.rank1,
            "mAP": self.mean_ap,
            "d_prime": self.sensitivity,
            **{f"AUC {gap}": value for gap, value in self.auc.items()},
            **{f"cosine@{far:g}": value for far, value in self.cosine.items()},
            "crops": self.crops,
            "people": self.people,
            "positives": self.positives,
            "negatives": self.negatives,
            "queries": self.queries,
        }
        return {name: None if isnan(value) else value for name, value in metrics.items()}


def evaluate_embeddings(
    embedding: NDArray[np.floating[Any]],
    identity: ArrayLike,
    frame: ArrayLike,
    sequence: ArrayLike | None = None,
    visibility: ArrayLike | None = None,
) -> EmbeddingMetrics:
    """Evaluate embeddings (K, D) of crops by their identity (K,), frame (K,), sequence (K,) and visibility (K,) 0…1.

    Identities are unique within a sequence only: a pair of crops of different sequences counts as two people (all
    pairs: Wang 2020), so that a video must not be given twice. Crops of identity −1 are left out. Embeddings need not
    have unit length. Visibility is used for retrieval only.
    All metrics are exact on float32 cosine similarities, except AUC with more than MAX_EXACT_PAIRS negatives, which
    treats similarities in one bin as equal (error below 1e-6 unless all similarities lie within 0.01).
    Raises UserError if lengths differ or an embedding is not finite.
    """
    crops = sort_crops(embedding, identity, frame, sequence, visibility)
    different, same = similarity_histograms(crops)
    points = points_within = find_operating_points(crops, different.sum(axis=0), same.sum(axis=0), KINDS)
    if different[OTHER_SEQUENCE].any():
        different_within = different[:OTHER_SEQUENCE].sum(axis=0)
        points_within = find_operating_points(crops, different_within, same.sum(axis=0), OTHER_SEQUENCE)
    rank1, mean_ap, queries = evaluate_retrieval(crops)
    return EmbeddingMetrics(
        crops=len(crops.person),
        people=int(crops.person.max(initial=-1)) + 1,
        positives=int(same.sum()),
        negatives=int(different.sum()),
        queries=queries,
        tpr={far: tpr for far, (tpr, _) in points.items()},
        tpr_within={far: tpr for far, (tpr, _) in points_within.items()},
        cosine={far: cosine for far, (_, cosine) in points.items()},
        rank1=rank1,
        mean_ap=mean_ap,
        sensitivity=sensitivity_index(different[:OTHER_SEQUENCE].sum(axis=0), same.sum(axis=0)),
        auc=auc_by_gap(crops, different, same),
    )


def assign_identities(
    detections: Annotation, ground_truth: Annotation, min_iou: float = MIN_IOU, class_id: int = PEDESTRIAN
) -> Annotation:
    """Detections with identity and visibility of their ground truth box; id −1 if unmatched. Rows keep their order.

    Greedy one-to-one matching per frame in order of IoU, which must be ≥ `min_iou`, with the ground truth that is not
    marked 0 and has class `class_id` or no class.
    """
    targets = ground_truth[target_mask(ground_truth, class_id)]
    i, j, overlap = candidate_pairs(detections, targets, np.ones(len(targets), dtype=bool), min_iou)
    order = np.argsort(-overlap, kind="stable")
    matches = order[match_greedily(i[order], j[order])]
    identity, visibility = np.full(len(detections), -1), np.zeros(len(detections))
    identity[i[matches]] = targets.id[j[matches]]
    visibility[i[matches]] = targets.visibility[j[matches]]
    return replace(detections, id=identity, visibility=visibility)


def find_operating_points(
    crops: SortedCrops, different: Integers, same: Integers, num_kinds: int
) -> dict[float, tuple[float, float]]:
    """For each of `FAR`: the true positive rate, and the cosine similarity that accepted pairs exceed.

    different, same (BINS,): histograms of pairs of two people and of one. The threshold is the highest similarity that
    would accept too many pairs of two people: its bin is found in the histogram, then its position in the bin from the
    pairs of a kind below `num_kinds`.
    """
    rank = {far: int(np.floor(far * different.sum() + 1e-9)) + 1 for far in FAR}  # of the threshold, from the top
    at_or_above = np.cumsum(different[::-1])[::-1]  # pairs in this bin or a higher one
    if not different.sum() or not same.sum():
        return dict.fromkeys(FAR, (nan, nan))
    bins = {far: int(np.flatnonzero(at_or_above >= rank[far])[-1]) for far in FAR}
    refined = refine_bins(crops, sorted(set(bins.values())), num_kinds)
    points = {}
    for far, number in bins.items():
        fine_different, fine_same = refined[number]
        fine_at_or_above = np.cumsum(fine_different[::-1])[::-1] + different[number + 1 :].sum()
        threshold = int(np.flatnonzero(fine_at_or_above >= rank[far])[-1])
        accepted = same[number + 1 :].sum() + fine_same[threshold + 1 :].sum()
        cosine = (number - 1 / BIN_WIDTH - 1 + threshold / SUB_BINS) * BIN_WIDTH
        points[far] = float(accepted / same.sum()), float(cosine)
    return points


def auc_by_gap(crops: SortedCrops, different: Integers, same: Integers) -> dict[str, float]:
    """Area under the ROC curve for each of FRAME_GAPS.

    different, same: histograms (KINDS, BINS) of pairs of two people and of one; used if there are too many pairs for
    the exact area.
    """
    if different[SAME_FRAME + 1 : OTHER_SEQUENCE].sum() <= MAX_EXACT_PAIRS:
        auc = [exact_auc(*similarities) for similarities in similarities_by_gap(crops)]
    else:
        auc = [histogram_auc(different[kind], same[kind]) for kind in range(SAME_FRAME + 1, OTHER_SEQUENCE)]
    return dict(zip(FRAME_GAPS, auc, strict=True))


def exact_auc(different: Similarities, same: Similarities) -> float:
    """Area under the ROC curve (Mann-Whitney): P(same > different) + P(equal) / 2; NaN if either is empty."""
    if not len(different) or not len(same):
        return nan
    different, same = np.sort(different), np.sort(same)
    below, up_to = (np.searchsorted(different, same, side) for side in ("left", "right"))
    return float((below.sum() + up_to.sum()) / 2 / len(different) / len(same))


def histogram_auc(different: Integers, same: Integers) -> float:
    """Area under the ROC curve from two histograms (BINS,); NaN if either is empty."""
    if not different.any() or not same.any():
        return nan
    below = np.cumsum(different) - different / 2
    return float(np.sum(same * below) / different.sum() / same.sum())


def sensitivity_index(different: Integers, same: Integers) -> float:
    """Sensitivity index d′ from histograms (B,) over −1…1 of the cosine similarities of pairs of two people and of one.

    The difference of the means in root mean square standard deviations; NaN if a histogram is empty, or has one value.
    Unlike error rates and retrieval, it still differs between embeddings that make no errors.
    """
    if not different.any() or not same.any():
        return nan
    cosine = np.linspace(-1, 1, len(same))
    means = [np.average(cosine, weights=each) for each in (different, same)]
    variances = [
        np.average((cosine - mean) ** 2, weights=each) for mean, each in zip(means, (different, same), strict=True)
    ]
    deviation = float(np.sqrt(np.mean(variances)))
    return float(means[1] - means[0]) / deviation if deviation > 0 else nan


def evaluate_retrieval(crops: SortedCrops) -> tuple[float, float, int]:
    """Rank-1 accuracy, mean average precision, and the number of queries, of crops with at least MIN_VISIBILITY."""
    query, gallery = split_queries(crops)
    if not len(query):
        return nan, nan, 0
    start, stop = (np.searchsorted(crops.person[gallery], crops.person[query], side) for side in ("left", "right"))
    precisions, ranks = np.zeros((2, len(query)))
    size = max(PAIRS_PER_BLOCK // len(gallery), 1)
    for block in range(0, len(query), size):
        cosines = crops.embedding[query[block : block + size]] @ crops.embedding[gallery].T
        for q, cosine in enumerate(cosines, start=block):
            correct = cosine[start[q] : stop[q]].copy()
            cosine[start[q] : stop[q]] = -inf
            precisions[q], ranks[q] = rank_gallery(correct, cosine[cosine >= correct.min()])
    return float((ranks == 1).mean()), float(precisions.mean()), len(query)


def rank_gallery(correct: Similarities, wrong: Similarities) -> tuple[float, int]:
    """Average precision of one query, and the rank from 1 of its first correct answer.

    correct (C,), wrong (W,): its similarities to crops of the same identity and of others. Among equal similarities,
    wrong answers rank first.
    """
    correct, wrong = np.sort(correct)[::-1], np.sort(wrong)
    wrong_before = len(wrong) - np.searchsorted(wrong, correct)  # at least as similar
    rank = np.arange(1, len(correct) + 1)
    return float((rank / (rank + wrong_before)).mean()), int(wrong_before[0]) + 1


def split_queries(crops: SortedCrops) -> tuple[Integers, Integers]:
    """Rows (Q,) of queries and (G,) of the gallery: of a person's n visible crops, the first n // 2 are queries."""
    rows = np.flatnonzero(crops.visibility >= MIN_VISIBILITY)
    rows = rows[np.argsort(crops.person[rows], kind="stable")]  # by person, then time
    person = crops.person[rows]
    first, count = np.searchsorted(person, person), np.bincount(person, minlength=1)
    is_query = np.arange(len(rows)) - first < count[person] // 2
    return rows[is_query], rows[~is_query]
