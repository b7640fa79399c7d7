"""What maps say at objects' centres."""

from torch import Tensor


def gather(maps: Tensor, index: Tensor) -> Tensor:
    """(B, M, C) the values of maps (B, C, h, w) in the cells `index` (B, M), which count y·w + x; in full precision.

    Gradients flow into these cells alone.
    """
    cells = index[:, None].expand(-1, maps.shape[1], -1)  # B M -> B C M
    return maps.flatten(2).gather(2, cells).mT.float()
