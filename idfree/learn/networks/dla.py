"""DLA-34 (Yu 2018, Deep Layer Aggregation) with the upsampling path of CenterNet (Zhou 2019, sec. 5) and FairMOT.

Parameters are named as in their public code. Its unused projections of `level3` and `level4`, which duplicate those of
their subtrees, are left out.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from idfree.learn.networks.deformable import DeformableConv
from idfree.learn.networks.layers import conv1x1, conv3x3, initialise, make_conv_block

CHANNELS = (16, 32, 64, 128, 256, 512)  # levels 0 to 5, at strides 1 to 32 (Yu 2018, table 1: DLA-34)
COARSEST_LEVEL = 4  # coarsest input of the final aggregation (CenterNet's code)

Convolution = Callable[[int, int], nn.Module]


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with a residual connection from `residual`, by default the input."""

    def __init__(self, channels_in: int, channels: int, stride: int = 1):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(channels_in, channels, stride), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = conv3x3(channels, channels), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """(B, channels_in, H, W) → (B, channels, H/stride, W/stride). residual: of the output's shape."""
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if residual is None else residual))


class Root(nn.Module):
    """Aggregation node: 1×1 convolution of several concatenated maps of one size (Yu 2018, sec. 3.3)."""

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        self.conv, self.bn = conv1x1(channels_in, channels), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, *maps: Tensor) -> Tensor:
        """Maps (B, c, H, W), `channels_in` channels in all → (B, channels, H, W)."""
        return self.relu(self.bn(self.conv(torch.cat(maps, dim=1))))


class Tree(nn.Module):
    """Hierarchical aggregation: two subtrees in sequence (blocks at depth 1), and a root that aggregates their outputs.

    The root belongs to the innermost second subtree and also aggregates the maps that its ancestors pass down (Yu 2018,
    sec. 3.2, fig. 2f). adds_input: the tree also passes its downsampled input down. extra: total channels of the
    ancestors' maps.
    """

    def __init__(
        self, depth: int, channels_in: int, channels: int, stride: int = 1, adds_input: bool = False, extra: int = 0
    ):
        super().__init__()
        self.adds_input = adds_input
        self.downsample = nn.MaxPool2d(stride, stride) if stride > 1 else nn.Identity()
        extra += channels_in if adds_input else 0
        self.root: nn.Module | None = None
        if depth > 1:
            self.tree1: nn.Module = Tree(depth - 1, channels_in, channels, stride)
            self.tree2: nn.Module = Tree(depth - 1, channels, channels, extra=extra + channels)
            return
        self.tree1, self.tree2 = ResidualBlock(channels_in, channels, stride), ResidualBlock(channels, channels)
        self.root = Root(2 * channels + extra, channels)
        self.project: nn.Module = nn.Identity()
        if channels_in != channels:
            self.project = nn.Sequential(conv1x1(channels_in, channels), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor, passed_down: tuple[Tensor, ...] = ()) -> Tensor:
        """(B, channels_in, H, W) → (B, channels, H/stride, W/stride). passed_down: maps of ancestors, as large."""
        bottom = self.downsample(x)
        passed_down = (*passed_down, bottom) if self.adds_input else passed_down
        if self.root is None:
            first = self.tree1(x)
            return self.tree2(first, (*passed_down, first))
        first = self.tree1(x, self.project(bottom))
        return self.root(self.tree2(first), first, *passed_down)


class Dla(nn.Module):
    """(B, 3, H, W) → the maps of levels 0 to 5, with `CHANNELS`, at strides 1 to 32; 15.2 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        c0, c1, c2, c3, c4, c5 = CHANNELS
        self.base_layer = make_conv_block(nn.Conv2d(3, c0, 7, padding=3, bias=False))
        self.level0 = make_conv_block(conv3x3(c0, c0))
        self.level1 = make_conv_block(conv3x3(c0, c1, stride=2))
        self.level2 = Tree(1, c1, c2, stride=2)
        self.level3 = Tree(2, c2, c3, stride=2, adds_input=True)
        self.level4 = Tree(2, c3, c4, stride=2, adds_input=True)
        self.level5 = Tree(1, c4, c5, stride=2, adds_input=True)
        initialise(self)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Maps (B, c, H/2^l, W/2^l) of levels l = 0 to 5, of `CHANNELS`."""
        maps = [self.base_layer(x)]
        for level in (self.level0, self.level1, self.level2, self.level3, self.level4, self.level5):
            maps.append(level(maps[-1]))
        return maps[1:]


class Ida(nn.Module):
    """Iterative deep aggregation (Yu 2018, sec. 3.1): each map is upsampled to the size of the first, and added to the
    aggregate of the maps before it.

    channels_in: channels of each map. factors: size of the first map relative to each.
    """

    def __init__(self, channels: int, channels_in: Sequence[int], factors: Sequence[int], convolution: Convolution):
        super().__init__()
        for i in range(1, len(channels_in)):
            self.add_module(f"proj_{i}", ConvBlock(channels_in[i], channels, convolution))
            self.add_module(f"up_{i}", make_bilinear_upsampling(channels, factors[i]))
            self.add_module(f"node_{i}", ConvBlock(channels, channels, convolution))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The aggregate after each step, all in the size of the first map; one fewer than maps."""
        aggregates = [maps[0]]
        for i, x in enumerate(maps[1:], start=1):
            project, up, node = (self.get_submodule(f"{name}_{i}") for name in ("proj", "up", "node"))
            aggregates.append(node(up(project(x)) + aggregates[-1]))
        return aggregates[1:]


class ConvBlock(nn.Module):
    """Convolution (deformable or ordinary), batch norm and ReLU."""

    def __init__(self, channels_in: int, channels: int, convolution: Convolution):
        super().__init__()
        self.actf = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
        self.conv = convolution(channels_in, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) → (B, channels, H, W)."""
        return self.actf(self.conv(x))


def make_bilinear_upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Trainable upsampling of each channel by `factor`, initialised to bilinear interpolation (Long 2015, sec. 3.3)."""
    layer = nn.ConvTranspose2d(
        channels, channels, 2 * factor, stride=factor, padding=factor // 2, groups=channels, bias=False
    )
    weights = 1 - (torch.arange(2 * factor) + 0.5 - factor).abs() / factor
    layer.weight.data[:] = torch.outer(weights, weights)
    return layer


class DlaUp(nn.Module):
    """Upsampling path (CenterNet's code): `Ida` applied to all levels from each one on, starting from the coarsest.

    Maps of several levels, finest first → as many, finest first: the last aggregate of each step, and the coarsest map
    unchanged.
    """

    def __init__(self, channels: Sequence[int], convolution: Convolution):
        super().__init__()
        channels_in, factors = list(channels), [2**level for level in range(len(channels))]
        for step, level in enumerate(reversed(range(len(channels) - 1))):
            ida = Ida(channels[level], channels_in[level:], [f // factors[level] for f in factors[level:]], convolution)
            self.add_module(f"ida_{step}", ida)
            channels_in[level:] = [channels[level]] * (len(channels) - level)
            factors[level:] = [factors[level]] * (len(channels) - level)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """As many maps as given, of the same sizes, finest first."""
        maps, aggregates = list(maps), [maps[-1]]
        for step, level in enumerate(reversed(range(len(maps) - 1))):
            maps[level + 1 :] = self.get_submodule(f"ida_{step}")(maps[level:])
            aggregates.insert(0, maps[-1])
        return aggregates


class Dla34(nn.Module):
    """(B, 3, H, W) → (B, channels, H/stride, W/stride); channels are 32, 64 and 128 at stride 2, 4 and 8.

    deformable: convolutions of the upsampling path are deformable, as published, or else ordinary 3×3 ones.
    """

    def __init__(self, stride: int = 4, deformable: bool = True):
        super().__init__()
        convolution: Convolution = DeformableConv if deformable else conv3x3
        self.stride = stride
        self.first_level = stride.bit_length() - 1  # the level with that stride, 2^level
        self.channels = CHANNELS[self.first_level]
        self.base = Dla()
        self.dla_up = DlaUp(CHANNELS[self.first_level :], convolution)
        channels_in = CHANNELS[self.first_level : COARSEST_LEVEL + 1]
        self.ida_up = Ida(self.channels, channels_in, [2**i for i in range(len(channels_in))], convolution)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W), standardised → (B, channels, H/stride, W/stride)."""
        aggregated = self.dla_up(self.base(x)[self.first_level :])
        return self.ida_up(aggregated[:-1])[-1]
