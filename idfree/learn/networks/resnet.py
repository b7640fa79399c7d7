"""ResNet (He et al. 2016, Deep Residual Learning), with the parameter names of torchvision and timm."""

from typing import Any

from torch import Tensor, nn

from idfree.learn.networks.layers import conv1x1, conv3x3, initialise


def make_shortcut(channels_in: int, channels: int, stride: int) -> nn.Module | None:
    """Projection of a block's input to the shape of its output; None if they have the same shape."""
    if stride == 1 and channels_in == channels:
        return None
    return nn.Sequential(conv1x1(channels_in, channels, stride), nn.BatchNorm2d(channels))


class BasicBlock(nn.Module):
    """Residual block of two 3×3 convolutions (He 2016, fig. 5 left)."""

    expansion = 1

    def __init__(self, channels_in: int, width: int, stride: int = 1):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(channels_in, width, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv3x3(width, width), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = make_shortcut(channels_in, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) → (N, width, H/stride, W/stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """Residual block of 1×1, 3×3 and 1×1 convolutions (He 2016, fig. 5 right).

    The 3×3 convolution has the stride, as in torchvision's published weights ("v1.5"), not the first 1×1.
    """

    expansion = 4

    def __init__(self, channels_in: int, width: int, stride: int = 1):
        super().__init__()
        channels = width * self.expansion
        self.conv1, self.bn1 = conv1x1(channels_in, width), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv3x3(width, width, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv1x1(width, channels), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = make_shortcut(channels_in, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) → (N, 4 · width, H/stride, W/stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


ResNetConfig = tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]  # block; blocks in each stage


class ResNet(nn.Module):
    """(N, 3, H, W) → (N, 512 · expansion of the block): globally averaged features, without the classifier.

    stages: channels of each of its `maps`.
    """

    def __init__(self, block: type[BasicBlock] | type[Bottleneck], blocks: tuple[int, int, int, int]):
        super().__init__()
        self.stages = (64, *(width * block.expansion for width in (64, 128, 256, 512)))
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = make_stage(block, 64, 64, blocks[0])
        self.layer2 = make_stage(block, 64 * block.expansion, 128, blocks[1], stride=2)
        self.layer3 = make_stage(block, 128 * block.expansion, 256, blocks[2], stride=2)
        self.layer4 = make_stage(block, 256 * block.expansion, 512, blocks[3], stride=2)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 512 · expansion) features of standardised images (N, 3, H, W)."""
        return self.maps(x)[-1].mean((2, 3))

    def maps(self, x: Tensor) -> list[Tensor]:
        """Maps at strides 2, 4, 8, 16 and 32."""
        stem = self.relu(self.bn1(self.conv1(x)))
        fine = self.layer1(self.maxpool(stem))
        middle = self.layer2(fine)
        coarse = self.layer3(middle)
        return [stem, fine, middle, coarse, self.layer4(coarse)]


def make_stage(block: Any, channels_in: int, width: int, count: int, stride: int = 1) -> nn.Sequential:
    """`count` blocks of `width`, the first of which has the stride."""
    rest = (block(width * block.expansion, width) for _ in range(count - 1))
    return nn.Sequential(block(channels_in, width, stride), *rest)


RESNET18: ResNetConfig = (BasicBlock, (2, 2, 2, 2))  # He 2016, table 1
RESNET34: ResNetConfig = (BasicBlock, (3, 4, 6, 3))
RESNET50: ResNetConfig = (Bottleneck, (3, 4, 6, 3))


def resnet18() -> ResNet:
    """ResNet-18: 512-d; 11.7 M parameters with the classifier of ImageNet."""
    return ResNet(*RESNET18)


def resnet50() -> ResNet:
    """ResNet-50: 2048-d; 25.6 M parameters with the classifier of ImageNet."""
    return ResNet(*RESNET50)
