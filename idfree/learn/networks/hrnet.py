"""HRNet (Sun 2019, High-Resolution Representations), its parameters named as the authors and timm name them."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from idfree.learn.networks.layers import conv1x1, conv3x3, initialise, normed
from idfree.learn.networks.resnet import BasicBlock, Bottleneck, stage

STEM = 64
BLOCKS = 4  # in every branch of every module, and in the first stage (Sun 2019, table 1 of the supplement)
MODULES = (1, 4, 3)  # in stages 2, 3 and 4
FINEST = 4  # the stride of the first branch
OUT = 64  # channels of the map that the heads see, as DLA-34 gives: they cost nine times as much at the authors' 480


class Fusion(nn.Module):
    """One module: each branch through its blocks, then each the sum of all, brought to its size (Sun 2019, fig. 3)."""

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        count = len(widths)
        self.branches = nn.ModuleList(stage(BasicBlock, width, width, BLOCKS) for width in widths)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(exchange(widths, source, target) for source in range(count)) for target in range(count)
        )
        self.relu = nn.ReLU()

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        return [
            self.relu(sum(layer(x) for layer, x in zip(cast(nn.ModuleList, layers), maps, strict=True)))
            for layers in self.fuse_layers
        ]


def exchange(widths: tuple[int, ...], source: int, target: int) -> nn.Module:
    """From a branch to another: halved by 3×3 convolutions, or as many channels by a 1×1 one, then enlarged."""
    if source == target:
        return nn.Identity()
    if source > target:
        enlarge = nn.Upsample(scale_factor=2 ** (source - target), mode="nearest")
        return normed(conv1x1(widths[source], widths[target]), enlarge)
    halvings = [normed(conv3x3(widths[source], widths[source], stride=2)) for _ in range(target - source - 1)]
    last = conv3x3(widths[source], widths[target], stride=2)
    return nn.Sequential(*halvings, nn.Sequential(last, nn.BatchNorm2d(widths[target])))


class HrNet(nn.Module):
    """(B, 3, H, W) → (B, 64, H/stride, W/stride): four branches, of stride 4 to 32, brought to one size (Sun 2019, V2).

    width: channels of the finest branch, doubled from one to the next. At stride 2 and 8 the branches are the same.
    """

    def __init__(self, width: int = 32, stride: int = 4):
        super().__init__()
        self.stride, self.channels = stride, OUT
        widths = tuple(width * 2**branch for branch in range(4))
        self.conv1, self.bn1 = conv3x3(3, STEM, stride=2), nn.BatchNorm2d(STEM)
        self.conv2, self.bn2 = conv3x3(STEM, STEM, stride=2), nn.BatchNorm2d(STEM)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = stage(Bottleneck, STEM, STEM, BLOCKS)
        wide = STEM * Bottleneck.expansion
        self.transition1 = nn.ModuleList([normed(conv3x3(wide, widths[0])), coarser(wide, widths[1])])
        self.transition2 = nn.ModuleList([nn.Identity(), nn.Identity(), coarser(widths[1], widths[2])])
        self.transition3 = nn.ModuleList([*(nn.Identity() for _ in range(3)), coarser(widths[2], widths[3])])
        self.stage2, self.stage3, self.stage4 = (
            nn.Sequential(*(Fusion(widths[:branches]) for _ in range(modules)))
            for branches, modules in enumerate(MODULES, start=2)
        )
        self.last_layer = normed(conv1x1(sum(widths), OUT))
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        x = self.layer1(x)
        maps = self.stage2([layer(x) for layer in self.transition1])
        for transition, step in ((self.transition2, self.stage3), (self.transition3, self.stage4)):
            maps = step([layer(x) for layer, x in zip(transition, [*maps, maps[-1]], strict=True)])
        sized = [self.sized(x, FINEST * 2**branch) for branch, x in enumerate(maps)]
        return self.last_layer(torch.cat(sized, dim=1))

    def sized(self, x: Tensor, stride: int) -> Tensor:
        """A map of `stride` brought to the network's own."""
        return x if stride == self.stride else interpolate(x, scale_factor=stride / self.stride, mode="bilinear")


def coarser(channels_in: int, channels: int) -> nn.Sequential:
    """Begins a new branch, of half the size."""
    return nn.Sequential(normed(conv3x3(channels_in, channels, stride=2)))
