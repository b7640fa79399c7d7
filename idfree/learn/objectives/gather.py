"""Values of maps at object centres, in full precision."""

from torch import Tensor

from idfree.learn.networks.decode import gather_cells


def gather_centres(maps: Tensor, index: Tensor) -> Tensor:
    """(B, M, C) float32 values of maps (B, C, h, w) at the cells `index` (B, M), numbered y·w + x.

    Gradients reach these cells only.
    """
    return gather_cells(maps, index).float()
