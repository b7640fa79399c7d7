"""Knowledge distillation into a linear embedding head: ridge regression of a teacher's embeddings, then PCA."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.wording import counted
from idfree.teaching.discriminant import Features, LinearHead, inverse_deviation

RIDGE = 0.1  # penalty per row, of features scaled to unit variance


def learn_distilled(features: Features, teacher: NDArray[np.floating[Any]], dimension: int) -> LinearHead:
    """The linear head whose embeddings are nearest to the teacher's.

    features: (K, F). teacher: (K, T), unit length. The predictions (K, T) of the regression are projected onto their
    first `dimension` principal directions, which keeps their distances best. Raises UserError for fewer than two rows.
    """
    if len(features) < 2:
        raise UserError(f"nothing to learn from: {counted(len(features), 'box')} with an embedding of the teacher")
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = features.std(axis=0, dtype=np.float64)
    scale = inverse_deviation(deviation)
    x = (features - mean) * scale
    target = teacher - teacher.mean(axis=0, dtype=np.float64)
    gram = x.T @ x + RIDGE * len(x) * np.eye(x.shape[1])
    regression = np.linalg.solve(gram, x.T @ target)
    directions = np.linalg.svd(x @ regression, full_matrices=False)[2][:dimension].T
    return LinearHead((scale[:, None] * (regression @ directions)).astype(np.float32), mean.astype(np.float32))
