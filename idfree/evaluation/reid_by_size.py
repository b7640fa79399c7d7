"""Verification by box size: the true positive rate (TPR) of pairs of crops that are both small, medium or large."""

from math import isnan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.boxes import area
from idfree.core.types import Floats
from idfree.evaluation.crop_pairs import KINDS, similarity_histograms, sort_crops
from idfree.evaluation.detection import SIZE_RANGES, in_range
from idfree.evaluation.reid import FAR, find_operating_points


def evaluate_by_size(
    embedding: NDArray[np.floating[Any]], identity: ArrayLike, frame: ArrayLike, sequence: ArrayLike, xyxy: Floats
) -> dict[str, float | None]:
    """TPR at FAR 0.1 and number of crops of each of SIZE_RANGES: `TPR@0.1_small`, `crops_small` …

    Arguments as of `evaluate_embeddings`; xyxy (K, 4): the boxes in pixels. The rate is None if there are no pairs of
    one person, or none of two.
    """
    far = FAR[0]
    identities, frames, sequences = np.asarray(identity), np.asarray(frame), np.asarray(sequence)
    metrics: dict[str, float | None] = {}
    for name, (low, high) in SIZE_RANGES.items():
        rows = in_range(area(xyxy), low, high)
        crops = sort_crops(embedding[rows], identities[rows], frames[rows], sequences[rows], None)
        different, same = similarity_histograms(crops)
        tpr, _ = find_operating_points(crops, different.sum(axis=0), same.sum(axis=0), KINDS)[far]
        metrics |= {f"TPR@{far:g}_{name}": None if isnan(tpr) else tpr, f"crops_{name}": len(crops.person)}
    return metrics
