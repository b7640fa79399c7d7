"""Linear discriminant analysis (LDA) in closed form, from pairs of boxes of one object and of two.

Fisher's discriminant (1936) with pairs in place of classes, because the classes are not known: two tracklets may show
the same object at different times. Only pairs that are certainly of one object, or of two, are used.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.types import Integers

Features = NDArray[np.floating[Any]]  # (K, F)

PAIRS_PER_BLOCK = 4096  # whose differences are in memory at once
MIN_DEVIATION = 1e-6  # × the largest standard deviation of a feature: constant features are not divided by 0


@dataclass(frozen=True)
class DiscriminantSettings:
    """Settings of `learn_discriminant`. Study: docs/teach.md."""

    dimension: int = 32  # of an embedding
    shrinkage: float = 0.1  # of the scatter within objects towards a multiple of the identity matrix
    within_gap: int = 60  # frames between the two boxes of a pair of one object, at most
    between_gap: int = 15  # frames between the two boxes of a pair of two objects, at most
    max_pairs: int = 20_000  # of each kind; of more, a random sample

    def __post_init__(self) -> None:
        if min(self.dimension, self.within_gap, self.between_gap, self.max_pairs) < 1:
            raise ValueError("dimension, within_gap, between_gap and max_pairs must be 1 or more")
        if not 0 < self.shrinkage <= 1:
            raise ValueError(f"shrinkage={self.shrinkage} must be above 0, and at most 1")


@dataclass(frozen=True)
class LinearHead:
    """A linear embedding head: (features − mean) · weight, scaled to unit length. weight: (F, D). mean: (F,)."""

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
    """LDA: the head of the greatest ratio of scatter between objects to scatter within them.

    features: (K, F). i, j: (P,), rows of pairs. is_same: (P,), whether a pair is of one object. seed: of the sample of
    pairs. Each dimension of the embedding has unit scatter within objects. Raises UserError if pairs of one kind are
    missing.
    """
    settings = settings or DiscriminantSettings()
    if is_same.all() or not is_same.any():
        raise UserError(describe_pairs(is_same))
    deviation = features.std(axis=0, dtype=np.float64).astype(np.float32)
    scale = inverse_deviation(deviation)
    random = np.random.default_rng(seed)
    within, between = (
        pair_scatter(features, scale, i[rows], j[rows])
        for rows in (sample_rows(np.flatnonzero(mask), settings.max_pairs, random) for mask in (is_same, ~is_same))
    )
    weight = discriminant_directions(within, between, settings)
    return LinearHead((scale[:, None] * weight).astype(np.float32), features.mean(axis=0, dtype=np.float32))


def describe_pairs(is_same: NDArray[np.bool_]) -> str:
    """Message that pairs of one kind are missing. is_same: (P,), as in `learn_discriminant`."""
    same = int(np.count_nonzero(is_same))
    return f"nothing to learn from: {same} pairs of one object and {len(is_same) - same} of two, expected some of both"


def inverse_deviation(deviation: Any) -> Any:
    """1 / standard deviation (F,) of features, bounded for constant ones; of the same dtype."""
    return 1 / np.maximum(deviation, MIN_DEVIATION * max(float(deviation.max()), MIN_DEVIATION))


def sample_rows(rows: Integers, max_count: int, random: np.random.Generator) -> Integers:
    """A random sample of at most `max_count` of the rows, ascending."""
    return rows if len(rows) <= max_count else np.sort(random.choice(rows, max_count, replace=False))


def pair_scatter(features: Features, scale: NDArray[np.float32], i: Integers, j: Integers) -> NDArray[np.float64]:
    """Scatter matrix (F, F): mean outer product of the differences of pairs i, j (P,), of features times scale (F,)."""
    total = np.zeros((features.shape[1],) * 2)
    for start in range(0, len(i), PAIRS_PER_BLOCK):
        rows = slice(start, start + PAIRS_PER_BLOCK)
        difference = (features[i[rows]].astype(np.float32) - features[j[rows]]) * scale
        total += difference.T @ difference
    return total / len(i)


def discriminant_directions(
    within: NDArray[np.float64], between: NDArray[np.float64], settings: DiscriminantSettings
) -> NDArray[np.float64]:
    """Generalised eigenvectors (F, D): between · w = λ · within · w of the greatest λ, with wᵀ · within · w = 1.

    within, between: scatter matrices (F, F); the former is shrunk, see DiscriminantSettings.
    """
    from scipy.linalg import eigh

    size = len(within)
    level = np.trace(within) / size
    shrunk = (1 - settings.shrinkage) * within + settings.shrinkage * max(level, 1e-9) * np.eye(size)
    first = max(0, size - settings.dimension)
    directions: NDArray[np.float64] = eigh(between, shrunk, subset_by_index=[first, size - 1])[1][:, ::-1]
    return directions
