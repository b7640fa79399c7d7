"""A linear head that imitates a teacher's embeddings: ridge regression, and the directions that its answers lie in."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.teaching.discriminant import Features, LinearHead

RIDGE = 0.1  # of the mean variance of a feature, the features being scaled to unit variance


def learn_distilled(
    features: Features, teacher: NDArray[np.floating[Any]], dimension: int, ridge: float = RIDGE
) -> LinearHead:
    """The head whose embeddings are as near to the teacher's as a linear map of the features can be.

    features: (K, F). teacher: (K, T), unit length. ridge: see RIDGE. The answers (K, T) of the regression are
    turned onto their `dimension` directions of most variance, which keeps their distances. Raises UserError without
    rows.
    """
    if len(features) < 2:
        raise UserError(f"nothing to learn from: {len(features)} boxes with an embedding of the teacher")
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = features.std(axis=0, dtype=np.float64)
    scale = 1 / np.maximum(deviation, 1e-6 * max(deviation.max(), 1e-6))
    x = (features - mean) * scale
    target = teacher - teacher.mean(axis=0, dtype=np.float64)
    gram = x.T @ x + ridge * len(x) * np.eye(x.shape[1])
    regression = np.linalg.solve(gram, x.T @ target)
    directions = np.linalg.svd(x @ regression, full_matrices=False)[2][:dimension].T
    return LinearHead((scale[:, None] * (regression @ directions)).astype(np.float32), mean.astype(np.float32))
