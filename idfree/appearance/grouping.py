"""Group tracklets that an encoder takes for one person, by average linkage with cannot-link constraints."""

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Floats, Integers


def group_tracklets(embedding: Floats, cannot_link: NDArray[np.bool_], threshold: float) -> Integers:
    """Group numbers (T,), 0…G−1 in order of their first tracklets.

    Average linkage (UPGMA, Sokal and Michener 1958): the two nearest groups are merged until their distance, the mean
    of those of their tracklets, exceeds `threshold`; groups with a pair of `cannot_link` (T, T), symmetric, never are.
    embedding (T, D): mean of the unit embeddings of each tracklet, so that 1 − product is the mean cosine distance
    between the crops of two tracklets. Needs O(T³) time at worst.
    """
    distance = 1 - embedding.astype(np.float64) @ embedding.T.astype(np.float64)
    distance[cannot_link | np.eye(len(distance), dtype=bool)] = np.inf
    group, size = np.arange(len(distance)), np.ones(len(distance))
    while len(distance):
        a, b = np.unravel_index(distance.argmin(), distance.shape)  # a < b, as the matrix is symmetric
        if distance[a, b] > threshold or not np.isfinite(distance[a, b]):
            break
        distance[a] = distance[:, a] = (size[a] * distance[a] + size[b] * distance[b]) / (size[a] + size[b])
        distance[b] = distance[:, b] = np.inf
        size[a] += size[b]
        group[group == b] = a
    return np.unique(group, return_inverse=True)[1].astype(np.int64)
