"""Feature pyramid (Lin 2017, Feature Pyramid Networks, fig. 3): coarse maps upsampled and added to finer ones."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from idfree.learn.networks.layers import conv1x1, conv3x3, make_conv_block


class Fpn(nn.Module):
    """Maps, each half the size of the one before, of `channels_in` channels → the finest level (B, channels, H, W)."""

    def __init__(self, channels_in: Sequence[int], channels: int):
        super().__init__()
        self.inner = nn.ModuleList(conv1x1(each, channels) for each in channels_in)
        self.layer = make_conv_block(conv3x3(channels, channels))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """(B, channels, H, W) from maps, finest first, of which that one has the size H×W."""
        *finer, x = (inner(x) for inner, x in zip(self.inner, maps, strict=True))
        for lateral in reversed(finer):
            x = lateral + interpolate(x, scale_factor=2.0, mode="nearest")
        return self.layer(x)


class Pyramid(nn.Module):
    """Maps at strides 8, 16 and 32, of `channels_in` channels → the levels 3 to 7, (B, channels, H/2^l, W/2^l) each.

    Levels 6 and 7 are strided convolutions of the coarsest map, without batch norm, as they may be of one cell (Lin
    2017, RetinaNet, sec. 4, footnote 2). top_down: coarse levels are added to finer ones; without it, each level sees
    its own map alone, as in SSD (Liu 2016, fig. 2).
    """

    def __init__(self, channels_in: Sequence[int], channels: int, top_down: bool = True):
        super().__init__()
        self.top_down, self.channels = top_down, channels
        self.inner = nn.ModuleList(conv1x1(each, channels) for each in channels_in)
        self.layers = nn.ModuleList(make_conv_block(conv3x3(channels, channels)) for _ in channels_in)
        self.coarser = nn.ModuleList(
            nn.Conv2d(each, channels, 3, stride=2, padding=1) for each in (channels_in[-1], channels)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The levels 3 to 7, (B, channels, H/2^l, W/2^l) each."""
        levels = [inner(x) for inner, x in zip(self.inner, maps, strict=True)]
        if self.top_down:
            for number in range(len(levels) - 1, 0, -1):
                levels[number - 1] = levels[number - 1] + interpolate(levels[number], scale_factor=2.0, mode="nearest")
        levels = [layer(x) for layer, x in zip(self.layers, levels, strict=True)]
        x = maps[-1]
        for layer in self.coarser:
            levels.append(x := relu(layer(x)))
        return levels
