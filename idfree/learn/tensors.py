"""The type of batches, network outputs and losses."""

from torch import Tensor

Tensors = dict[str, Tensor]  # name → tensor
