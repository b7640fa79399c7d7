"""Encoder: base class of appearance models, which compute embeddings of boxes of an image or of crops."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.crops import crop_boxes, resize_crops
from idfree.core.stored_crops import CropArray
from idfree.core.types import Crops, Floats, Image

Embedding = NDArray[np.float32]


class Encoder(ABC):
    """An appearance model.

    name: for reports. dimension: of an embedding. size_hw: (height, width) of the crops that it encodes. batch: maximum
    number of crops per call of `encode`. match_threshold: cosine distance up to which two embeddings count as one
    person; upper_threshold: cosine distance that hardly any same-person pair exceeds (see calibrate.Calibration). Both
    are None if not calibrated.
    """

    name: str
    dimension: int
    size_hw: tuple[int, int]
    batch: int
    match_threshold: float | None
    upper_threshold: float | None = None

    def __call__(self, image_bgr: Image, xyxy: Floats) -> Embedding:
        """Unit embeddings (N, D) of the boxes (N, 4) of an image."""
        return self.embed_crops(crop_boxes(image_bgr, xyxy, self.size_hw))

    def embed_crops(self, crops: CropArray) -> Embedding:
        """Unit embeddings (N, D) of any number of crops (N, H, W, 3), BGR, of any size."""
        embedding = np.zeros((len(crops), self.dimension), dtype=np.float32)
        for start in range(0, len(crops), self.batch):
            rows = slice(start, start + self.batch)
            embedding[rows] = self.encode(resize_crops(crops[rows], self.size_hw))
        return embedding

    @abstractmethod
    def encode(self, crops: Crops) -> NDArray[np.floating[Any]]:
        """Unit embeddings (N, D) of 1 to `batch` crops (N, *size_hw, 3)."""
