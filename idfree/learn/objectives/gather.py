"""What maps say at objects' centres."""

from torch import Tensor

from idfree.learn.networks.decode import at


def gather(maps: Tensor, index: Tensor) -> Tensor:
    """(B, M, C) the values of maps (B, C, h, w) in the cells `index` (B, M), which count y·w + x; in full precision.

    Gradients flow into these cells alone.
    """
    return at(maps, index).float()
