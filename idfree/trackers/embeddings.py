"""Appearance embeddings: normalisation to unit length, and cosine distance."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.types import Detections, Floats, Integers

Embeddings = NDArray[np.floating[Any]]  # (N, D)

SPARSE = 16  # up to one pair in 16 is faster pair by pair, more by a matrix product (measured)


def normalise(embeddings: Embeddings) -> Embeddings:
    """Scale each row of (N, D) to length 1; rows of zeros stay zeros, at cosine distance 1 from everything.

    Computed in float32 or wider: squares overflow above a length of 256 in float16, and of 2e19 in float32.
    """
    embeddings = np.asarray(embeddings, dtype=np.result_type(embeddings.dtype, np.float32))
    with np.errstate(over="ignore"):
        length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    if not np.isfinite(length).all():
        embeddings = embeddings / np.maximum(np.abs(embeddings).max(axis=1, keepdims=True), 1)
        length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.maximum(length, np.finfo(np.float32).tiny)


def unit_embeddings(detections: Detections, of_tracks: Embeddings) -> Embeddings:
    """Unit embeddings (N, D) of the detections; zeros of the tracks' dimension if the detections have none.

    Raises UserError if the dimension differs from that of the tracks' embeddings (T, D).
    """
    if detections.embedding is None:
        embeddings: Embeddings = np.zeros((len(detections), of_tracks.shape[1] if len(of_tracks) else 0), np.float32)
    else:
        embeddings = normalise(detections.embedding)
    if len(of_tracks) and len(embeddings) and embeddings.shape[1] != of_tracks.shape[1]:
        expected, found = of_tracks.shape[1], embeddings.shape[1]
        raise UserError(
            f"embeddings have {found} numbers, the tracks' have {expected or 'none'}:"
            " use one model, from the first frame on"
        )
    return embeddings


def cosine_distance(a: Embeddings, b: Embeddings, i: Integers, j: Integers) -> Floats:
    """Cosine distances (K,), 1 − cosine, of the unit rows a[i] and b[j], not below 0."""
    if not len(i):
        return np.zeros(0)
    is_sparse = len(i) * SPARSE < len(a) * len(b)
    cosine = np.einsum("kd,kd->k", a[i], b[j]) if is_sparse else (a @ b.T)[i, j]
    return np.maximum(1 - cosine.astype(np.float64), 0)
