"""What tells people apart by their looks: boxes of an image in, an embedding of each out."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.crops import cut, stretched
from idfree.core.types import Crops, Floats, Image

Embedding = NDArray[np.float32]


class Encoder(ABC):
    """An appearance model.

    name: for the summary. dimension: numbers in an embedding. size_hw: (height, width) of the crops it looks at. batch:
    how many of them at once. limit: the cosine distance at which "the same person" and "another" are equally often
    mistaken for each other (see calibrate), None where nobody has measured it; upper_threshold: the one that hardly any two
    crops of one person exceed.
    """

    name: str
    dimension: int
    size_hw: tuple[int, int]
    batch: int
    match_threshold: float | None
    upper_threshold: float | None = None

    def __call__(self, image_bgr: Image, xyxy: Floats) -> Embedding:
        """(N, D) embeddings of unit length of the boxes (N, 4) in an image."""
        return self.describe(cut(image_bgr, xyxy, self.size_hw))

    def describe(self, crops: Crops) -> Embedding:
        """(N, D) embeddings of unit length of crops (N, H, W, 3), BGR, resized where they are not of `size_hw`."""
        embedding = np.zeros((len(crops), self.dimension), dtype=np.float32)
        for start in range(0, len(crops), self.batch):
            rows = slice(start, start + self.batch)
            embedding[rows] = self.encode(stretched(crops[rows], self.size_hw))
        return embedding

    @abstractmethod
    def encode(self, crops: Crops) -> NDArray[np.floating[Any]]:
        """(N, D) unit embeddings of 1 to `batch` crops (N, H, W, 3) of its own size."""
