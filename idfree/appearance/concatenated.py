"""Two encoders as one: a network that has learnt these people, and the colours of their clothes, untaught."""

import numpy as np
from numpy.typing import NDArray

from idfree.appearance.crops import stretched
from idfree.appearance.encoder import Embedding, Encoder
from idfree.core.types import Crops


class ConcatenatedEncoder(Encoder):
    """Embeddings of both, one after the other; their cosine distance is the weighted mean of the two distances.

    share: the second's weight, 0…1. limit, upper_threshold: of the mean.
    """

    def __init__(
        self, first: Encoder, second: Encoder, share: float, limit: float | None, upper_threshold: float | None = None
    ):
        self.first, self.second, self.share = first, second, share
        self.match_threshold, self.upper_threshold = limit, upper_threshold
        self.name = f"{first.name} and {second.name}"
        self.dimension = first.dimension + second.dimension
        self.size_hw, self.batch = first.size_hw, first.batch

    def encode(self, crops: Crops) -> NDArray[np.floating]:
        second = self.second.describe(stretched(crops, self.second.size_hw))
        return concatenate(self.first.encode(crops), second, self.share)


def concatenate(first: NDArray[np.floating], second: NDArray[np.floating], share: float) -> Embedding:
    """(N, D + E) unit rows of which the second's squared length is `share`."""
    return np.concatenate([np.sqrt(1 - share) * first, np.sqrt(share) * second], axis=1).astype(np.float32)


def weight(share: float, first_limit: float, second_limit: float) -> float:
    """The second's weight that gives it `share` of the say where each counts its distances by its own limit."""
    first, second = (1 - share) / first_limit, share / second_limit
    return second / (first + second)
