"""The last embeddings of every track, and the nearest of them to a detection: DeepSORT's metric (Wojke 2017, eq. 3)."""

import numpy as np

from idfree.core.types import Floats, Integers
from idfree.trackers.embeddings import Embedding


class Gallery:
    """A ring of `budget` unit embeddings per track. Tracks hold places in it, so that nothing moves when some go.

    A new place is filled with its first embedding throughout: repeats do not change which is nearest.
    """

    def __init__(self, budget: int):
        self.budget = budget
        self.embedding: Embedding = np.zeros((0, budget, 0), dtype=np.float32)
        self.count = np.zeros(0, dtype=np.int64)
        self.free = np.zeros(0, dtype=np.int64)

    def claim(self, embedding: Embedding) -> Integers:
        """(N,) places for new tracks, each with one embedding (N, D)."""
        if embedding.shape[1] != self.embedding.shape[2]:  # no track is left from before the model changed
            self.__init__(self.budget)  # type: ignore[misc]
        if len(embedding) > len(self.free):
            self.grow(max(len(embedding), len(self.count)), embedding)
        places, self.free = self.free[: len(embedding)], self.free[len(embedding) :]
        self.embedding[places] = embedding[:, None]
        self.count[places] = 1
        return places

    def grow(self, more: int, like: Embedding) -> None:
        """Make room for `more` tracks, with embeddings of the length and kind of `like`."""
        room = np.zeros((more, self.budget, like.shape[1]), dtype=like.dtype)
        self.free = np.concatenate([self.free, np.arange(len(self.count), len(self.count) + more)])
        self.embedding = np.concatenate([self.embedding, room]) if len(self.count) else room
        self.count = np.concatenate([self.count, np.zeros(more, dtype=np.int64)])

    def add(self, places: Integers, embedding: Embedding) -> None:
        """Remember one more embedding (N, D) for each of `places`; the oldest goes."""
        self.embedding[places, self.count[places] % self.budget] = embedding
        self.count[places] += 1

    def release(self, places: Integers) -> None:
        """Give places back."""
        self.free = np.concatenate([self.free, places])

    def distance(self, place: Integers, embedding: Embedding, j: Integers) -> Floats:
        """Cosine distance of the nearest embedding in place[k], ascending, to embedding[j[k]], for each pair k.

        Each place is compared with its own few candidates, side by side: a product of small matrices for every place,
        and no embedding is copied.
        """
        if not len(place):
            return np.zeros(0)
        side = np.arange(len(place)) - np.searchsorted(place, place)
        candidates = np.zeros((len(self.count), embedding.shape[1], side.max() + 1), dtype=embedding.dtype)
        candidates[place, :, side] = embedding[j]
        length = min(self.budget, self.count.max())
        nearest = (self.embedding[:, :length] @ candidates).max(axis=1)
        return 1 - nearest[place, side].astype(np.float64)
