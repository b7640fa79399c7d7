"""Gallery of each track's last embeddings, and nearest-neighbour distance: DeepSORT's metric (Wojke 2017, eq. 3)."""

import numpy as np

from idfree.core.types import Floats, Integers
from idfree.trackers.embeddings import Embeddings


class Gallery:
    """Ring buffers of `budget` unit embeddings, one per slot. A track holds one slot, so that no embedding is moved.

    A new slot is filled with its first embedding throughout: repeats do not change the nearest distance.
    """

    def __init__(self, budget: int):
        self.budget = budget
        self.clear()

    def clear(self) -> None:
        """Remove all slots."""
        self.embedding: Embeddings = np.zeros((0, self.budget, 0), dtype=np.float32)
        self.count = np.zeros(0, dtype=np.int64)
        self.free = np.zeros(0, dtype=np.int64)

    def allocate(self, embedding: Embeddings) -> Integers:
        """Reserve slots (N,) for new tracks, each with one embedding (N, D)."""
        if embedding.shape[1] != self.embedding.shape[2]:  # another dimension: all tracks of the old one have ended
            self.clear()
        if len(embedding) > len(self.free):
            self.grow(max(len(embedding), len(self.count)), embedding)
        slots, self.free = self.free[: len(embedding)], self.free[len(embedding) :]
        self.embedding[slots] = embedding[:, None]
        self.count[slots] = 1
        return slots

    def grow(self, slot_count: int, like: Embeddings) -> None:
        """Add `slot_count` slots, for embeddings of the dimension and dtype of `like`."""
        added = np.zeros((slot_count, self.budget, like.shape[1]), dtype=like.dtype)
        self.free = np.concatenate([self.free, np.arange(len(self.count), len(self.count) + slot_count)])
        self.embedding = np.concatenate([self.embedding, added]) if len(self.count) else added
        self.count = np.concatenate([self.count, np.zeros(slot_count, dtype=np.int64)])

    def add(self, slots: Integers, embedding: Embeddings) -> None:
        """Store one more embedding (N, D) in each of `slots`, in place of the oldest if the slot is full."""
        self.embedding[slots, self.count[slots] % self.budget] = embedding
        self.count[slots] += 1

    def release(self, slots: Integers) -> None:
        """Free the slots of tracks that have ended."""
        self.free = np.concatenate([self.free, slots])

    def nearest_distance(self, slot: Integers, embedding: Embeddings, j: Integers) -> Floats:
        """Least cosine distance (K,) between the embeddings of slot[k] and embedding[j[k]]; `slot` is ascending.

        Each slot is compared with its own few candidates, stacked side by side: one product of small matrices per slot,
        without copies of the stored embeddings.
        """
        if not len(slot):
            return np.zeros(0)
        column = np.arange(len(slot)) - np.searchsorted(slot, slot)
        candidates = np.zeros((len(self.count), embedding.shape[1], column.max() + 1), dtype=embedding.dtype)
        candidates[slot, :, column] = embedding[j]
        length = min(self.budget, self.count.max())
        cosine = (self.embedding[:, :length] @ candidates).max(axis=1)
        return 1 - cosine[slot, column].astype(np.float64)
