"""Embeddings as trackers use them: of unit length, compared by cosine distance."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.types import Detections, Floats, Integers

Embedding = NDArray[np.floating[Any]]

FEW = 16  # one pair in so many, or fewer, are compared one by one, more by a product of matrices (measured)


def unit(embedding: Embedding) -> Embedding:
    """Each row (N, D) scaled to length 1; a row of zeros stays: it resembles nothing."""
    length = np.linalg.norm(embedding, axis=1, keepdims=True)
    return embedding / np.maximum(length, np.finfo(np.float32).tiny)


def features(detections: Detections, like: Embedding) -> Embedding:
    """Unit embeddings (N, D) of the detections; (N, 0) where they have none.

    Raises UserError where their length is not that of the tracks' embeddings `like` (T, D).
    """
    if detections.embedding is None:
        embedding: Embedding = np.zeros((len(detections), like.shape[1] if len(like) else 0), dtype=np.float32)
    else:
        embedding = unit(detections.embedding)
    if len(like) and len(embedding) and embedding.shape[1] != like.shape[1]:
        expected, found = like.shape[1], embedding.shape[1]
        raise UserError(
            f"embeddings have {found} numbers, the tracks' have {expected or 'none'}:"
            " use one model, from the first frame on"
        )
    return embedding


def cosine_distance(a: Embedding, b: Embedding, i: Integers, j: Integers) -> Floats:
    """1 − cosine of the unit rows a[i] and b[j], not below 0."""
    if not len(i):
        return np.zeros(0)
    few = len(i) * FEW < len(a) * len(b)
    cosine = np.einsum("kd,kd->k", a[i], b[j]) if few else (a @ b.T)[i, j]
    return np.maximum(1 - cosine.astype(np.float64), 0)
