"""The gallery against a plain list of the last embeddings."""

import numpy as np

from idfree.trackers.embeddings import unit
from idfree.trackers.gallery import Gallery


def test_nearest_of_the_last_few():
    rng = np.random.default_rng(0)
    gallery, budget = Gallery(4), 4
    first = unit(rng.normal(size=(5, 8)))
    places = gallery.claim(first)
    remembered = {int(p): [e] for p, e in zip(places, first, strict=True)}
    for _ in range(10):
        some = rng.permutation(places)[: rng.integers(1, 5)]
        more = unit(rng.normal(size=(len(some), 8)))
        gallery.add(some, more)
        for place, embedding in zip(some.tolist(), more, strict=True):
            remembered[place] = [*remembered[place], embedding][-budget:]
        seen = unit(rng.normal(size=(6, 8)))
        place, j = (index.ravel() for index in np.indices((5, 6)))
        pick = rng.random(30) < 0.7
        found = gallery.distance(np.sort(places)[place[pick]], seen, j[pick])
        expected = [
            1 - max(seen[b] @ e for e in remembered[int(np.sort(places)[a])])
            for a, b in zip(place[pick], j[pick], strict=True)
        ]
        np.testing.assert_allclose(found, expected)


def test_places_are_used_again():
    gallery = Gallery(3)
    look = np.eye(4)
    for _ in range(50):
        places = gallery.claim(look)
        gallery.add(places[:2], look[2:])
        gallery.release(places)
    assert len(gallery.count) == 4
    assert gallery.distance(np.zeros(0, dtype=int), look, np.zeros(0, dtype=int)).shape == (0,)


def test_another_model_once_all_tracks_are_gone():
    gallery = Gallery(3)
    gallery.release(gallery.claim(np.eye(4)))
    places = gallery.claim(np.eye(2))
    np.testing.assert_allclose(gallery.distance(np.sort(places), np.eye(2), np.array([0, 1])), [0, 0])
