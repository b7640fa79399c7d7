"""MobileNetV3 (Howard 2019, Searching for MobileNetV3), with torchvision's parameter names."""

from dataclasses import dataclass

from torch import Tensor, nn

from idfree.learn.networks.fpn import Fpn
from idfree.learn.networks.layers import conv1x1, initialise

REDUCTION = 4  # factor between input and hidden channels of squeeze-and-excitation (Howard 2019, sec. 5.3)
DIVISOR = 8  # these hidden channels are rounded to multiples of it
EPSILON, MOMENTUM = 1e-3, 0.01  # batch norm (sec. 6.1.1, in torchvision's convention)
STEM = 16  # channels of the first convolution (table 1)
WIDTH = 64  # channels of the feature pyramid, as DLA-34's output


@dataclass(frozen=True)
class BlockConfig:
    """A row of the paper's tables: kernel size, expanded and output channels, squeeze-and-excitation (SE), hard swish
    (HS) or else ReLU, stride.
    """

    kernel: int
    expanded: int
    channels: int
    has_excitation: bool
    has_swish: bool
    stride: int


LARGE = (  # table 1
    BlockConfig(3, 16, 16, False, False, 1),
    BlockConfig(3, 64, 24, False, False, 2),
    BlockConfig(3, 72, 24, False, False, 1),
    BlockConfig(5, 72, 40, True, False, 2),
    BlockConfig(5, 120, 40, True, False, 1),
    BlockConfig(5, 120, 40, True, False, 1),
    BlockConfig(3, 240, 80, False, True, 2),
    BlockConfig(3, 200, 80, False, True, 1),
    BlockConfig(3, 184, 80, False, True, 1),
    BlockConfig(3, 184, 80, False, True, 1),
    BlockConfig(3, 480, 112, True, True, 1),
    BlockConfig(3, 672, 112, True, True, 1),
    BlockConfig(5, 672, 160, True, True, 2),
    BlockConfig(5, 960, 160, True, True, 1),
    BlockConfig(5, 960, 160, True, True, 1),
)


def make_layer(convolution: nn.Conv2d, activation: nn.Module | None = None) -> nn.Sequential:
    """Convolution, batch norm, and the activation if given."""
    norm = nn.BatchNorm2d(convolution.out_channels, EPSILON, MOMENTUM)
    return nn.Sequential(convolution, norm, *([activation] if activation else []))


def padded_conv(channels_in: int, channels: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution without bias, padded so that only its stride changes the size."""
    return nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False)


class SqueezeExcitation(nn.Module):
    """Squeeze-and-excitation: channel weights from the global averages (Hu 2018; Howard 2019, sec. 5.3)."""

    def __init__(self, channels: int):
        super().__init__()
        narrow = round_channels(channels / REDUCTION)
        self.fc1, self.fc2 = nn.Conv2d(channels, narrow, 1), nn.Conv2d(narrow, channels, 1)
        self.relu, self.hard = nn.ReLU(inplace=True), nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        return x * self.hard(self.fc2(self.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


def round_channels(channels: float) -> int:
    """Round to the nearest multiple of 8, or up if that would lose more than a tenth (as in all published weights)."""
    nearest = max(DIVISOR, int(channels + DIVISOR / 2) // DIVISOR * DIVISOR)
    return nearest if nearest >= 0.9 * channels else nearest + DIVISOR


class InvertedResidual(nn.Module):
    """Inverted residual block: expansion, depthwise convolution, squeeze-and-excitation, linear projection (fig. 4).

    It has a residual connection if input and output have the same shape.
    """

    def __init__(self, channels_in: int, config: BlockConfig):
        super().__init__()
        activation: type[nn.Module] = nn.Hardswish if config.has_swish else nn.ReLU
        expanded = config.expanded
        self.has_residual = config.stride == 1 and channels_in == config.channels
        expand = [] if expanded == channels_in else [make_layer(conv1x1(channels_in, expanded), activation())]
        depthwise = padded_conv(expanded, expanded, config.kernel, config.stride, groups=expanded)
        excitation = [SqueezeExcitation(expanded)] if config.has_excitation else []
        project = make_layer(conv1x1(expanded, config.channels))
        self.block = nn.Sequential(*expand, make_layer(depthwise, activation()), *excitation, project)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) → (B, channels, H/stride, W/stride)."""
        return x + self.block(x) if self.has_residual else self.block(x)


class MobileNetFpn(nn.Module):
    """(B, 3, H, W) → (B, 64, H/stride, W/stride): MobileNetV3-Large with a feature pyramid, a backbone for CPUs.

    The last layer before the classifier is left out.
    """

    def __init__(self, stride: int = 4):
        super().__init__()
        self.stride, self.channels = stride, WIDTH
        channels = [STEM, *(config.channels for config in LARGE)]  # after the stem and each block
        blocks = (InvertedResidual(before, config) for before, config in zip(channels, LARGE, strict=False))
        self.features = nn.Sequential(make_layer(padded_conv(3, STEM, 3, stride=2), nn.Hardswish()), *blocks)
        # the last layer at each of the strides 2, 4, …, 32
        last = [*(number for number, config in enumerate(LARGE) if config.stride == 2), len(LARGE)]
        self.pyramid_layers = last[stride.bit_length() - 2 :]
        self.fpn = Fpn([channels[number] for number in self.pyramid_layers], WIDTH)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W), standardised → (B, 64, H/stride, W/stride)."""
        maps = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self.pyramid_layers:
                maps.append(x)
        return self.fpn(maps)
