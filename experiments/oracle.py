"""Embeddings of an oracle: an upper bound of what any appearance model gives with the same detections.

Of association.py and offline_links.py. motion_only.py and teach_settings.py (and so adaptation.py) draw other vectors:
with these, single figures of their pages would differ, by 0.9 IDF1 (deepsort, MOT17-09-SDP) and up to 10 (TUD-Campus at
every third frame).
"""

import numpy as np

DIMENSION = 128


def oracle_embeddings(identity: np.ndarray, noise: float = 0.0) -> np.ndarray:
    """Embeddings (N, DIMENSION), float32: a random unit vector for each identity, plus Gaussian noise.

    identity: (N,), of ground truth; −1 for false detections, each of which is an identity of its own. noise: standard
    deviation per component.
    """
    rng = np.random.default_rng(0)
    _, place = np.unique(identity, return_inverse=True)
    column = np.where(identity < 0, np.cumsum(identity < 0) + place.max(initial=0), place)
    vectors = rng.normal(size=(column.max(initial=0) + 1, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    noisy = vectors[column] + rng.normal(size=(len(column), DIMENSION)) * noise
    return noisy.astype(np.float32)
