"""Verification by the size of boxes: the true positive rate of pairs of crops that are both small, medium or large."""

from math import isnan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.boxes import area
from idfree.core.types import Floats
from idfree.evaluation.crop_pairs import KINDS, similarity_histograms, sort_crops
from idfree.evaluation.detection import SIZES, in_range
from idfree.evaluation.reid import FAR, find_operating_points


def evaluate_by_size(
    embedding: NDArray[np.floating[Any]], identity: ArrayLike, frame: ArrayLike, sequence: ArrayLike, xyxy: Floats
) -> dict[str, float | None]:
    """`TPR@0.1_small`, … and the numbers of crops, `crops_small`, …: of each of SIZES but all.

    Arguments as of `evaluate_embeddings`; xyxy (K, 4): the boxes in pixels. None if there are no pairs of one kind.
    """
    far = FAR[0]
    identities, frames, sequences = np.asarray(identity), np.asarray(frame), np.asarray(sequence)
    metrics: dict[str, float | None] = {}
    for name, (low, high) in SIZES.items():
        if name == "all":
            continue
        rows = in_range(area(xyxy), low, high)
        crops = sort_crops(embedding[rows], identities[rows], frames[rows], sequences[rows], None)
        different, same = similarity_histograms(crops)
        tpr, _ = find_operating_points(crops, different.sum(axis=0), same.sum(axis=0), KINDS)[far]
        metrics |= {f"TPR@{far:g}_{name}": None if isnan(tpr) else tpr, f"crops_{name}": len(crops.person)}
    return metrics
