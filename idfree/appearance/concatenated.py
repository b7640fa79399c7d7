"""Weighted concatenation of the embeddings of two encoders, for example of a network and a colour histogram."""

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.crops import resize_crops
from idfree.appearance.encoder import Embedding, Encoder
from idfree.core.errors import UserError
from idfree.core.types import Crops


class ConcatenatedEncoder(Encoder):
    """Concatenated embeddings of two encoders; their cosine distance is the weighted mean of the two distances.

    weight: of the second encoder's distance, 0…1. match_threshold, upper_threshold: of the mean distance.
    """

    def __init__(
        self,
        first: Encoder,
        second: Encoder,
        weight: float,
        match_threshold: float | None,
        upper_threshold: float | None = None,
    ):
        self.first, self.second, self.weight = first, second, weight
        self.match_threshold, self.upper_threshold = match_threshold, upper_threshold
        self.name = f"{first.name} and {second.name}"
        self.dimension = first.dimension + second.dimension
        self.size_hw, self.batch = first.size_hw, first.batch

    def encode(self, crops: Crops) -> NDArray[np.floating]:
        """Unit embeddings (N, D) of crops (N, H, W, 3), BGR: those of all parts, concatenated by weight."""
        second = self.second.embed_crops(resize_crops(crops, self.second.size_hw))
        return concatenate(self.first.encode(crops), second, self.weight)


def concatenate(first: NDArray[np.floating], second: NDArray[np.floating], weight: float) -> Embedding:
    """Unit rows (N, D + E) from unit rows (N, D) and (N, E); `weight` is the squared length of the second part."""
    return np.concatenate([np.sqrt(1 - weight) * first, np.sqrt(weight) * second], axis=1).astype(np.float32)


def check_share(colour: float) -> None:
    """Raises UserError for a share of the colour histogram (the option `--colour`) that leaves nothing to the other."""
    if not 0 <= colour < 1:
        raise UserError(f"--colour {colour}: expected a share, 0 or more and less than 1")


def balanced_weight(fraction: float, first_threshold: float, second_threshold: float) -> float:
    """Weight of the second distance with which it has `fraction` of the mean if both equal their match thresholds."""
    first, second = (1 - fraction) / first_threshold, fraction / second_threshold
    return second / (first + second)
