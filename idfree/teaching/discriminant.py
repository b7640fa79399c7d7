"""Linear discriminant analysis in closed form, from scatter matrices of pairs of boxes of one object and of two.

Fisher's discriminant (1936) with pairs in place of classes: tracklets that may show the same object at different times
are not compared; only pairs that are certainly of one object, or of two, count.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.types import Integers

Features = NDArray[np.floating[Any]]  # (K, F)

BLOCK = 4096  # pairs whose differences are in memory at once


@dataclass(frozen=True)
class DiscriminantSettings:
    """Settings of the embedding head; docs/teach.md has the study that they are from."""

    dimension: int = 32  # numbers of an embedding
    shrinkage: float = 0.1  # of the scatter within objects towards a multiple of the identity matrix
    within_gap: int = 60  # frames between the two boxes of a pair of one object
    between_gap: int = 15  # frames between the two boxes of a pair of two objects
    max_pairs: int = 20_000  # of each kind; of more, a random sample

    def __post_init__(self) -> None:
        if min(self.dimension, self.within_gap, self.between_gap, self.max_pairs) < 1:
            raise ValueError("dimension, within_gap, between_gap and max_pairs must be 1 or more")
        if not 0 < self.shrinkage <= 1:
            raise ValueError(f"shrinkage={self.shrinkage} must be above 0, and at most 1")


@dataclass(frozen=True)
class LinearHead:
    """An embedding head: unit length of (features − mean) · weight. weight: (F, D). mean: (F,)."""

    weight: NDArray[np.float32]
    mean: NDArray[np.float32]

    def __call__(self, features: Features) -> NDArray[np.float32]:
        """Unit embeddings (K, D) of features (K, F)."""
        embedding = (features.astype(np.float32) - self.mean) @ self.weight
        length = np.linalg.norm(embedding, axis=1, keepdims=True)
        return np.asarray(embedding / np.maximum(length, np.finfo(np.float32).tiny))


def learn_discriminant(
    features: Features,
    i: Integers,
    j: Integers,
    is_same: NDArray[np.bool_],
    settings: DiscriminantSettings | None = None,
    seed: int = 0,
) -> LinearHead:
    """The head whose numbers have the greatest ratio of scatter between objects to scatter within them.

    features: (K, F). i, j: (P,) rows of pairs. is_same: (P,) whether a pair is of one object.
    Each number of the embedding has unit scatter within objects. Raises UserError if there are no pairs of one kind.
    """
    settings = settings or DiscriminantSettings()
    if is_same.all() or not is_same.any():
        raise UserError(describe_pairs(is_same))
    deviation = features.std(axis=0, dtype=np.float64).astype(np.float32)
    scale = 1 / np.maximum(deviation, 1e-6 * max(float(deviation.max()), 1e-6))
    random = np.random.default_rng(seed)
    within, between = (
        pair_scatter(features, scale, i[rows], j[rows])
        for rows in (sample(np.flatnonzero(mask), settings.max_pairs, random) for mask in (is_same, ~is_same))
    )
    weight = discriminant_directions(within, between, settings)
    return LinearHead((scale[:, None] * weight).astype(np.float32), features.mean(axis=0, dtype=np.float32))


def describe_pairs(is_same: NDArray[np.bool_]) -> str:
    """Message: pairs of one kind are missing."""
    same = int(np.count_nonzero(is_same))
    return f"nothing to learn from: {same} pairs of one object and {len(is_same) - same} of two, expected some of both"


def sample(rows: Integers, most: int, random: np.random.Generator) -> Integers:
    """At most so many of the rows, at random."""
    return rows if len(rows) <= most else np.sort(random.choice(rows, most, replace=False))


def pair_scatter(features: Features, scale: NDArray[np.float32], i: Integers, j: Integers) -> NDArray[np.float64]:
    """(F, F) mean outer product of the differences of pairs, each feature times its scale (F,)."""
    total = np.zeros((features.shape[1],) * 2)
    for start in range(0, len(i), BLOCK):
        rows = slice(start, start + BLOCK)
        difference = (features[i[rows]].astype(np.float32) - features[j[rows]]) * scale
        total += difference.T @ difference
    return total / len(i)


def discriminant_directions(
    within: NDArray[np.float64], between: NDArray[np.float64], settings: DiscriminantSettings
) -> NDArray[np.float64]:
    """(F, D) solutions of between · w = λ · within · w of the greatest λ, with wᵀ · within · w = 1."""
    from scipy.linalg import eigh

    size = len(within)
    level = np.trace(within) / size
    shrunk = (1 - settings.shrinkage) * within + settings.shrinkage * max(level, 1e-9) * np.eye(size)
    first = max(0, size - settings.dimension)
    directions: NDArray[np.float64] = eigh(between, shrunk, subset_by_index=[first, size - 1])[1][:, ::-1]
    return directions
