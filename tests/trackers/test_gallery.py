"""The gallery compared with a plain list of the last embeddings."""

import numpy as np

from idfree.trackers.embeddings import normalise
from idfree.trackers.gallery import Gallery


def test_nearest_of_the_last_embeddings():
    rng = np.random.default_rng(0)
    gallery, budget = Gallery(4), 4
    first = normalise(rng.normal(size=(5, 8)))
    slots = gallery.allocate(first)
    stored = {int(p): [e] for p, e in zip(slots, first, strict=True)}
    for _ in range(10):
        some = rng.permutation(slots)[: rng.integers(1, 5)]
        more = normalise(rng.normal(size=(len(some), 8)))
        gallery.add(some, more)
        for slot, embedding in zip(some.tolist(), more, strict=True):
            stored[slot] = [*stored[slot], embedding][-budget:]
        queries = normalise(rng.normal(size=(6, 8)))
        row, j = (index.ravel() for index in np.indices((5, 6)))
        pick = rng.random(30) < 0.7
        distance = gallery.nearest_distance(np.sort(slots)[row[pick]], queries, j[pick])
        expected = [
            1 - max(queries[b] @ e for e in stored[int(np.sort(slots)[a])])
            for a, b in zip(row[pick], j[pick], strict=True)
        ]
        np.testing.assert_allclose(distance, expected)


def test_released_slots_are_reused():
    gallery = Gallery(3)
    embeddings = np.eye(4)
    for _ in range(50):
        slots = gallery.allocate(embeddings)
        gallery.add(slots[:2], embeddings[2:])
        gallery.release(slots)
    assert len(gallery.count) == 4
    assert gallery.nearest_distance(np.zeros(0, dtype=int), embeddings, np.zeros(0, dtype=int)).shape == (0,)


def test_another_dimension_after_all_tracks_have_ended():
    gallery = Gallery(3)
    gallery.release(gallery.allocate(np.eye(4)))
    slots = gallery.allocate(np.eye(2))
    np.testing.assert_allclose(gallery.nearest_distance(np.sort(slots), np.eye(2), np.array([0, 1])), [0, 0])
