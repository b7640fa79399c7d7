"""Everything that needs PyTorch: data, networks, objectives, the loop, export."""

from idfree.core.errors import MissingExtra

try:
    from torch import Tensor
except ModuleNotFoundError as error:
    raise MissingExtra("torch", "train", "training") from error

Tensors = dict[str, Tensor]  # a batch, what a network makes of it, the losses that an objective finds in both
