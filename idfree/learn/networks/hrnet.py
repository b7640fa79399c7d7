"""HRNet (Sun 2019, High-Resolution Representations), with the parameter names of the authors and timm."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from idfree.learn.networks.layers import conv1x1, conv3x3, initialise, make_conv_block
from idfree.learn.networks.resnet import BasicBlock, Bottleneck, make_stage

STEM = 64  # channels
WIDTH = 32  # channels of the finest branch (HRNet-W32), doubled from each branch to the next
BLOCKS = 4  # blocks in every branch of every module, and in the first stage (Sun 2019, table 1 of the supplement)
MODULES = (1, 4, 3)  # modules in stages 2, 3 and 4
FINEST_STRIDE = 4  # stride of the first branch
OUT = 64  # output channels, as of DLA-34; with the authors' 480, heads would cost nine times as much


class Fusion(nn.Module):
    """A module of parallel branches of residual blocks, followed by fusion across resolutions (Sun 2019, fig. 3)."""

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        count = len(widths)
        self.branches = nn.ModuleList(make_stage(BasicBlock, width, width, BLOCKS) for width in widths)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(make_fusion_layer(widths, source, target) for source in range(count))
            for target in range(count)
        )
        self.relu = nn.ReLU()

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Maps (B, widths[k], H/2^k, W/2^k) of the branches k → as many of the same shapes."""
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        return [
            self.relu(sum(layer(x) for layer, x in zip(cast(nn.ModuleList, layers), maps, strict=True)))
            for layers in self.fuse_layers
        ]


def make_fusion_layer(widths: tuple[int, ...], source: int, target: int) -> nn.Module:
    """From one branch to another: strided 3×3 convolutions down, or a 1×1 convolution and upsampling up."""
    if source == target:
        return nn.Identity()
    if source > target:
        upsample = nn.Upsample(scale_factor=2 ** (source - target), mode="nearest")
        return make_conv_block(conv1x1(widths[source], widths[target]), upsample)
    halvings = [make_conv_block(conv3x3(widths[source], widths[source], stride=2)) for _ in range(target - source - 1)]
    last = conv3x3(widths[source], widths[target], stride=2)
    return nn.Sequential(*halvings, nn.Sequential(last, nn.BatchNorm2d(widths[target])))


class HrNet(nn.Module):
    """(B, 3, H, W) → (B, 64, H/stride, W/stride): four branches at strides 4 to 32, resized and concatenated (HRNetV2).

    stride: of the output; it affects the final resizing only.
    """

    def __init__(self, stride: int = 4):
        super().__init__()
        self.stride, self.channels = stride, OUT
        widths = tuple(WIDTH * 2**branch for branch in range(4))
        self.conv1, self.bn1 = conv3x3(3, STEM, stride=2), nn.BatchNorm2d(STEM)
        self.conv2, self.bn2 = conv3x3(STEM, STEM, stride=2), nn.BatchNorm2d(STEM)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = make_stage(Bottleneck, STEM, STEM, BLOCKS)
        channels = STEM * Bottleneck.expansion
        self.transition1 = nn.ModuleList(
            [make_conv_block(conv3x3(channels, widths[0])), make_branch(channels, widths[1])]
        )
        self.transition2 = nn.ModuleList([nn.Identity(), nn.Identity(), make_branch(widths[1], widths[2])])
        self.transition3 = nn.ModuleList([*(nn.Identity() for _ in range(3)), make_branch(widths[2], widths[3])])
        self.stage2, self.stage3, self.stage4 = (
            nn.Sequential(*(Fusion(widths[:branches]) for _ in range(modules)))
            for branches, modules in enumerate(MODULES, start=2)
        )
        self.last_layer = make_conv_block(conv1x1(sum(widths), OUT))
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W), standardised → (B, 64, H/stride, W/stride)."""
        x = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        x = self.layer1(x)
        maps = self.stage2([layer(x) for layer in self.transition1])
        for transition, step in ((self.transition2, self.stage3), (self.transition3, self.stage4)):
            maps = step([layer(x) for layer, x in zip(transition, [*maps, maps[-1]], strict=True)])
        resized = [self.resize_map(x, FINEST_STRIDE * 2**branch) for branch, x in enumerate(maps)]
        return self.last_layer(torch.cat(resized, dim=1))

    def resize_map(self, x: Tensor, stride: int) -> Tensor:
        """Resize a map of `stride` to the output stride."""
        return x if stride == self.stride else interpolate(x, scale_factor=stride / self.stride, mode="bilinear")


def make_branch(channels_in: int, channels: int) -> nn.Sequential:
    """The first layer of a new branch, of half the size."""
    return nn.Sequential(make_conv_block(conv3x3(channels_in, channels, stride=2)))
