"""Feature pyramid (Lin 2017, Feature Pyramid Networks, fig. 3): coarse maps upsampled and added to finer ones."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import interpolate

from idfree.learn.networks.layers import conv1x1, conv3x3, make_conv_block


class Fpn(nn.Module):
    """Maps of halving size, finest first, of `channels_in` channels → the pyramid's finest map (B, channels, H, W)."""

    def __init__(self, channels_in: Sequence[int], channels: int):
        super().__init__()
        self.inner = nn.ModuleList(conv1x1(each, channels) for each in channels_in)
        self.layer = make_conv_block(conv3x3(channels, channels))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        *finer, x = (inner(x) for inner, x in zip(self.inner, maps, strict=True))
        for lateral in reversed(finer):
            x = lateral + interpolate(x, scale_factor=2.0, mode="nearest")
        return self.layer(x)
