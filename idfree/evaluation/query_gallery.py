"""Re-ID metrics across cameras: queries against a gallery (Zheng 2015, Market-1501), as for person crops.

Crops of the query's identity seen by the query's own camera are left out, as are crops of identity −1 (junk).
"""

from collections.abc import Iterator
from math import isnan

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Integers
from idfree.evaluation.crop_pairs import FRAME_GAPS, Similarities
from idfree.evaluation.reid import FAR, sensitivity_index

JUNK = -1
RANKS = (1, 5, 10)
BINS = 2**16  # of the histograms of cosine similarities, from −1 to 1
QUERIES_PER_BLOCK = 256


def evaluate_query_gallery(
    query: Similarities, gallery: Similarities, query_labels: Integers, gallery_labels: Integers
) -> dict[str, float | None]:
    """Rank-k accuracy, mean average precision, and TPR at false accept rates, of unit embeddings (Q, D) and (G, D).

    query_labels (Q, 2), gallery_labels (G, 2): identity and camera. Queries whose identity no other camera has seen are
    left out. Ties count against the query. TPR: over all pairs of a query and a crop of the gallery, by a histogram.
    """
    average_precision, first_rank = [], []
    histograms = np.zeros((2, BINS), dtype=np.int64)  # of pairs of two people, and of one
    for cosine, is_same in compare(query, gallery, query_labels, gallery_labels):
        correct, wrong = np.sort(cosine[is_same])[::-1], np.sort(cosine[~is_same])
        for row, values in enumerate((wrong, correct)):
            histograms[row] += np.bincount(bin_of(values), minlength=BINS)
        if len(correct):
            wrong_before = len(wrong) - np.searchsorted(wrong, correct)  # at least as similar
            rank = np.arange(1, len(correct) + 1)
            average_precision.append((rank / (rank + wrong_before)).mean())
            first_rank.append(wrong_before[0] + 1)
    known = gallery_labels[:, 0] != JUNK
    people = len(np.unique(np.concatenate([query_labels[:, 0], gallery_labels[known, 0]])))
    rates: dict[str, float | None] = {f"TPR@{far:g}": rate for far, rate in true_positive_rates(histograms).items()}
    ranks, sensitivity = np.array(first_rank), sensitivity_index(*histograms)
    return {
        **rates,
        **{f"R{k}": float((ranks <= k).mean()) if len(ranks) else None for k in RANKS},
        "mAP": float(np.mean(average_precision)) if average_precision else None,
        "d_prime": None if isnan(sensitivity) else sensitivity,
        **{f"AUC {gap}": None for gap in FRAME_GAPS},
        "crops": len(query) + int(np.count_nonzero(known)),
        "people": people,
        "positives": int(histograms[1].sum()),
        "negatives": int(histograms[0].sum()),
        "queries": len(ranks),
    }


def compare(
    query: Similarities, gallery: Similarities, query_labels: Integers, gallery_labels: Integers
) -> Iterator[tuple[Similarities, NDArray[np.bool_]]]:
    """For each query, the cosine similarity of the crops that it is compared with, and which show the same person."""
    gallery, gallery_labels = gallery[gallery_labels[:, 0] != JUNK], gallery_labels[gallery_labels[:, 0] != JUNK]
    for start in range(0, len(query), QUERIES_PER_BLOCK):
        block = slice(start, start + QUERIES_PER_BLOCK)
        for cosine, (identity, camera) in zip(query[block] @ gallery.T, query_labels[block], strict=True):
            is_same = gallery_labels[:, 0] == identity
            compared = ~(is_same & (gallery_labels[:, 1] == camera))
            yield cosine[compared], is_same[compared]


def bin_of(cosine: Similarities) -> Integers:
    """The bin of each similarity."""
    return np.clip((cosine.astype(np.float64) + 1) * (BINS / 2), 0, BINS - 1).astype(np.int64)


def true_positive_rates(histograms: Integers) -> dict[float, float | None]:
    """For each of FAR, the fraction of pairs of one person above the bin that this fraction of other pairs reaches."""
    different, same = (np.cumsum(histogram[::-1])[::-1] for histogram in histograms)  # in this bin or a higher one
    if not different[0] or not same[0]:
        return dict.fromkeys(FAR)
    rates: dict[float, float | None] = {}
    for far in FAR:
        threshold = int(np.flatnonzero(different > int(far * different[0]))[-1])
        rates[far] = float((same[threshold + 1] if threshold + 1 < BINS else 0) / same[0])
    return rates
