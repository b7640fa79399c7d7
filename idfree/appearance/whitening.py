"""Within-class covariance normalisation: embeddings scaled so that one person varies equally in all directions.

Hatch, Kajarekar and Stolcke 2006, with tracklets as classes. Where few tracklets are known, their covariance is shrunk
towards a multiple of the identity matrix, which changes nothing: as little is learnt as they support.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Integers

ENOUGH = 30  # tracklets at which their covariance has half of the weight

Vectors = NDArray[np.floating[Any]]


def within_class_whitening(vectors: Vectors, i: Integers, j: Integers, classes: int) -> NDArray[np.float64]:
    """(D, D) symmetric matrix W, so that `vectors @ W` are normalised. vectors: (K, D).

    i, j: (P,) rows of pairs of one class each; `classes` in all. The identity matrix without pairs.
    """
    size = vectors.shape[1]
    if not len(i):
        return np.eye(size)
    difference = vectors[i].astype(np.float64) - vectors[j]
    covariance = difference.T @ difference / (2 * len(i))
    level = max(float(np.trace(covariance)) / size, 1e-12)
    share = classes / (classes + ENOUGH)
    value, vector = np.linalg.eigh(share * covariance / level + (1 - share) * np.eye(size))
    return np.asarray((vector / np.sqrt(value)) @ vector.T)
