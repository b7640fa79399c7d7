"""Re-ID metrics of crops across cameras: queries ranked against a gallery (Market-1501: Zheng 2015).

Crops of the query's identity seen by the query's own camera are left out, as are crops of identity −1 (junk).
"""

from collections.abc import Iterator
from math import isnan

import numpy as np

from idfree.core.types import Integers
from idfree.evaluation.alignment import Mask
from idfree.evaluation.crop_pairs import FRAME_GAPS, Embeddings, Similarities
from idfree.evaluation.reid import FAR, rank_gallery, sensitivity_index

JUNK = -1  # identity of crops that belong to nobody (Market-1501)
RANKS = (1, 5, 10)
COARSE_BINS = 2**16  # of the histograms of cosine similarities, from −1 to 1
QUERIES_PER_BLOCK = 256


def evaluate_query_gallery(
    query: Embeddings, gallery: Embeddings, query_labels: Integers, gallery_labels: Integers
) -> dict[str, float | None]:
    """Rank-k accuracy, mean average precision, and TPR at false accept rates, of unit embeddings (Q, D) and (G, D).

    query_labels (Q, 2), gallery_labels (G, 2): identity and camera. Queries whose identity no other camera has seen are
    left out. Ties count against the query. TPR: over all pairs of a query and a crop of the gallery, by a histogram.
    """
    precisions, ranks = [], []
    histograms = np.zeros((2, COARSE_BINS), dtype=np.int64)  # of pairs of two people, and of one
    for cosine, is_same in compare_queries(query, gallery, query_labels, gallery_labels):
        for histogram, mask in zip(histograms, (~is_same, is_same), strict=True):
            histogram += np.bincount(coarse_bin(cosine[mask]), minlength=COARSE_BINS)
        if is_same.any():
            precision, rank = rank_gallery(cosine[is_same], cosine[~is_same])
            precisions.append(precision)
            ranks.append(rank)
    known = gallery_labels[gallery_labels[:, 0] != JUNK, 0]
    sensitivity = sensitivity_index(*histograms)
    return {
        **{f"TPR@{far:g}": rate for far, rate in true_positive_rates(histograms).items()},
        **{f"R{k}": float((np.array(ranks) <= k).mean()) if ranks else None for k in RANKS},
        "mAP": float(np.mean(precisions)) if precisions else None,
        "d_prime": None if isnan(sensitivity) else sensitivity,
        **{f"AUC {gap}": None for gap in FRAME_GAPS},
        "crops": len(query) + len(known),
        "people": len(np.unique(np.concatenate([query_labels[:, 0], known]))),
        "positives": int(histograms[1].sum()),
        "negatives": int(histograms[0].sum()),
        "queries": len(ranks),
    }


def compare_queries(
    query: Embeddings, gallery: Embeddings, query_labels: Integers, gallery_labels: Integers
) -> Iterator[tuple[Similarities, Mask]]:
    """For each query, its cosine similarities (C,) to the crops it is compared with, and mask (C,) of its identity."""
    is_known = gallery_labels[:, 0] != JUNK
    gallery, gallery_labels = gallery[is_known], gallery_labels[is_known]
    for start in range(0, len(query), QUERIES_PER_BLOCK):
        block = slice(start, start + QUERIES_PER_BLOCK)
        for cosine, (identity, camera) in zip(query[block] @ gallery.T, query_labels[block], strict=True):
            is_same = gallery_labels[:, 0] == identity
            compared = ~(is_same & (gallery_labels[:, 1] == camera))
            yield cosine[compared], is_same[compared]


def coarse_bin(cosine: Similarities) -> Integers:
    """The histogram bin of each similarity, 0 … COARSE_BINS − 1."""
    return np.clip((cosine.astype(np.float64) + 1) * (COARSE_BINS / 2), 0, COARSE_BINS - 1).astype(np.int64)


def true_positive_rates(histograms: Integers) -> dict[float, float | None]:
    """True positive rate for each false accept rate in FAR; None without pairs of both kinds.

    histograms (2, COARSE_BINS): of pairs of two people, and of one.
    """
    different, same = (np.cumsum(histogram[::-1])[::-1] for histogram in histograms)  # in this bin or a higher one
    if not different[0] or not same[0]:
        return dict.fromkeys(FAR)
    rates: dict[float, float | None] = {}
    for far in FAR:
        threshold = int(np.flatnonzero(different > int(far * different[0]))[-1])
        rates[far] = float((same[threshold + 1] if threshold + 1 < COARSE_BINS else 0) / same[0])
    return rates
