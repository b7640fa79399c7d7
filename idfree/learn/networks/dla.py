"""DLA-34 (Yu 2018, Deep Layer Aggregation) with the up-aggregation of CenterNet (Zhou 2019, sec. 5) and FairMOT.

Parameters are named as in their public code. The projections of `level3` and `level4` that it holds beside those of
their subtrees are left out: nothing is computed from them.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from idfree.learn.networks.deformable import DeformableConv
from idfree.learn.networks.layers import conv1x1, conv3x3, initialise, normed

CHANNELS = (16, 32, 64, 128, 256, 512)  # of levels 0 to 5, of stride 1 to 32 (Yu 2018, table 1: DLA-34)
COARSEST = 4  # the last level that the final aggregation looks at (CenterNet)

Convolution = Callable[[int, int], nn.Module]


class Block(nn.Module):
    """Two 3×3 convolutions and something added, the input if nothing else."""

    def __init__(self, channels_in: int, channels: int, stride: int = 1):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(channels_in, channels, stride), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = conv3x3(channels, channels), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if added is None else added))


class Root(nn.Module):
    """Aggregates several maps of one size by a 1×1 convolution (Yu 2018, sec. 3.3)."""

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        self.conv, self.bn = conv1x1(channels_in, channels), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, *maps: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(torch.cat(maps, dim=1))))


class Tree(nn.Module):
    """Hierarchical aggregation: two subtrees (blocks at depth 1), the second on what the first gives, and their root.

    The root belongs to the innermost second subtree and sees what all above it have seen (Yu 2018, sec. 3.2,
    fig. 2f). kept: the tree's own input is among that. extra: channels of what comes from above.
    """

    def __init__(
        self, depth: int, channels_in: int, channels: int, stride: int = 1, kept: bool = False, extra: int = 0
    ):
        super().__init__()
        self.kept = kept
        self.downsample = nn.MaxPool2d(stride, stride) if stride > 1 else nn.Identity()
        extra += channels_in if kept else 0
        self.root: nn.Module | None = None
        if depth > 1:
            self.tree1: nn.Module = Tree(depth - 1, channels_in, channels, stride)
            self.tree2: nn.Module = Tree(depth - 1, channels, channels, extra=extra + channels)
            return
        self.tree1, self.tree2 = Block(channels_in, channels, stride), Block(channels, channels)
        self.root = Root(2 * channels + extra, channels)
        self.project: nn.Module = nn.Identity()
        if channels_in != channels:
            self.project = nn.Sequential(conv1x1(channels_in, channels), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor, seen: tuple[Tensor, ...] = ()) -> Tensor:
        bottom = self.downsample(x)
        seen = (*seen, bottom) if self.kept else seen
        if self.root is None:
            first = self.tree1(x)
            return self.tree2(first, (*seen, first))
        first = self.tree1(x, self.project(bottom))
        return self.root(self.tree2(first), first, *seen)


class Dla(nn.Module):
    """(B, 3, H, W) → the maps of levels 0 to 5, `CHANNELS` deep, of stride 1 to 32; 15.2 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        c0, c1, c2, c3, c4, c5 = CHANNELS
        self.base_layer = normed(nn.Conv2d(3, c0, 7, padding=3, bias=False))
        self.level0 = normed(conv3x3(c0, c0))
        self.level1 = normed(conv3x3(c0, c1, stride=2))
        self.level2 = Tree(1, c1, c2, stride=2)
        self.level3 = Tree(2, c2, c3, stride=2, kept=True)
        self.level4 = Tree(2, c3, c4, stride=2, kept=True)
        self.level5 = Tree(1, c4, c5, stride=2, kept=True)
        initialise(self)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = [self.base_layer(x)]
        for level in (self.level0, self.level1, self.level2, self.level3, self.level4, self.level5):
            maps.append(level(maps[-1]))
        return maps[1:]


class Ida(nn.Module):
    """Iterative aggregation (Yu 2018, sec. 3.1): each map is brought to the first one's size, those before added.

    channels_in: of the maps; factors: how much smaller each is than the first.
    """

    def __init__(self, channels: int, channels_in: Sequence[int], factors: Sequence[int], convolution: Convolution):
        super().__init__()
        for i in range(1, len(channels_in)):
            self.add_module(f"proj_{i}", Unit(channels_in[i], channels, convolution))
            self.add_module(f"up_{i}", bilinear(channels, factors[i]))
            self.add_module(f"node_{i}", Unit(channels, channels, convolution))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """One map less: what has been aggregated after each step, all of the first map's size."""
        found = [maps[0]]
        for i, x in enumerate(maps[1:], start=1):
            project, up, node = (self.get_submodule(f"{name}_{i}") for name in ("proj", "up", "node"))
            found.append(node(up(project(x)) + found[-1]))
        return found[1:]


class Unit(nn.Module):
    """A convolution, deformable or not, batch norm and ReLU."""

    def __init__(self, channels_in: int, channels: int, convolution: Convolution):
        super().__init__()
        self.actf = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
        self.conv = convolution(channels_in, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.actf(self.conv(x))


def bilinear(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Enlarges each channel by `factor`; learned, and bilinear at first (Long 2015, sec. 3.3)."""
    layer = nn.ConvTranspose2d(
        channels, channels, 2 * factor, stride=factor, padding=factor // 2, groups=channels, bias=False
    )
    along = 1 - (torch.arange(2 * factor) + 0.5 - factor).abs() / factor
    layer.weight.data[:] = torch.outer(along, along)
    return layer


class DlaUp(nn.Module):
    """Maps of all levels, finest first → as many, fewer deep and finer: `Ida` from the coarsest level upward.

    Gives, finest first, the last map of each step and the coarsest as it came (Yu 2018, fig. 4).
    """

    def __init__(self, channels: Sequence[int], convolution: Convolution):
        super().__init__()
        deep, factors = list(channels), [2**level for level in range(len(channels))]
        for step, level in enumerate(reversed(range(len(channels) - 1))):
            ida = Ida(channels[level], deep[level:], [f // factors[level] for f in factors[level:]], convolution)
            self.add_module(f"ida_{step}", ida)
            deep[level:] = [channels[level]] * (len(channels) - level)
            factors[level:] = [factors[level]] * (len(channels) - level)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        maps, found = list(maps), [maps[-1]]
        for step, level in enumerate(reversed(range(len(maps) - 1))):
            maps[level + 1 :] = self.get_submodule(f"ida_{step}")(maps[level:])
            found.insert(0, maps[-1])
        return found


class Dla34(nn.Module):
    """(B, 3, H, W) → (B, channels, H/stride, W/stride); channels are 32, 64 and 128 at stride 2, 4 and 8.

    deformable: every convolution on the way up moves its samples, as published; else they are ordinary.
    """

    def __init__(self, stride: int = 4, deformable: bool = True):
        super().__init__()
        convolution: Convolution = DeformableConv if deformable else conv3x3
        self.stride = stride
        self.first = stride.bit_length() - 1  # the level of that stride
        self.channels = CHANNELS[self.first]
        self.base = Dla()
        self.dla_up = DlaUp(CHANNELS[self.first :], convolution)
        looked_at = CHANNELS[self.first : COARSEST + 1]
        self.ida_up = Ida(self.channels, looked_at, [2**i for i in range(len(looked_at))], convolution)

    def forward(self, x: Tensor) -> Tensor:
        aggregated = self.dla_up(self.base(x)[self.first :])
        return self.ida_up(aggregated[:-1])[-1]
