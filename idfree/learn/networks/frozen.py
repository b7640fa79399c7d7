"""A centre-based network of which only some heads are trained."""

from collections.abc import Mapping

from torch import nn

from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.heads import Head
from idfree.learn.networks.tracker import Pixels


class FrozenCentreNetwork(CentreNetwork):
    """A CentreNetwork whose weights and batch statistics stay as they are, except the heads named in `trained`."""

    def __init__(
        self, backbone: nn.Module, heads: Mapping[str, Head], pixels: Pixels = "unit", trained: tuple[str, ...] = ()
    ):
        super().__init__(backbone, heads, pixels)
        for parameter in self.parameters():
            parameter.requires_grad = False
        for name in trained:
            self.heads[name].requires_grad_(True)

    def train(self, mode: bool = True) -> "FrozenCentreNetwork":
        """As nn.Module.train, but the backbone stays in inference mode: its batch normalisation is not updated."""
        super().train(mode)
        self.backbone.eval()
        return self
