"""MobileNetV3 (Howard 2019, Searching for MobileNetV3), its parameters named as torchvision names them."""

from dataclasses import dataclass

from torch import Tensor, nn

from idfree.learn.networks.fpn import Fpn
from idfree.learn.networks.layers import conv1x1, initialise

REDUCTION, DIVISOR = 4, 8  # of channels within the gate (Howard 2019, sec. 5.3), to a multiple of 8
EPSILON, MOMENTUM = 1e-3, 0.01  # of batch norms (sec. 6.1.1, as torchvision has them)
STEM = 16
WIDTH = 64  # of the pyramid: what DLA-34 gives to its heads


@dataclass(frozen=True)
class Shape:
    """A row of the paper's tables: kernel, channels within and after, gate (SE), hard swish (HS) or ReLU, stride."""

    kernel: int
    wide: int
    channels: int
    gated: bool
    swish: bool
    stride: int


LARGE = (  # table 1
    Shape(3, 16, 16, False, False, 1),
    Shape(3, 64, 24, False, False, 2),
    Shape(3, 72, 24, False, False, 1),
    Shape(5, 72, 40, True, False, 2),
    Shape(5, 120, 40, True, False, 1),
    Shape(5, 120, 40, True, False, 1),
    Shape(3, 240, 80, False, True, 2),
    Shape(3, 200, 80, False, True, 1),
    Shape(3, 184, 80, False, True, 1),
    Shape(3, 184, 80, False, True, 1),
    Shape(3, 480, 112, True, True, 1),
    Shape(3, 672, 112, True, True, 1),
    Shape(5, 672, 160, True, True, 2),
    Shape(5, 960, 160, True, True, 1),
    Shape(5, 960, 160, True, True, 1),
)


def layer(convolution: nn.Conv2d, activation: nn.Module | None = None) -> nn.Sequential:
    """A convolution, batch norm, and an activation if there is one."""
    norm = nn.BatchNorm2d(convolution.out_channels, EPSILON, MOMENTUM)
    return nn.Sequential(convolution, norm, *([activation] if activation else []))


def around(channels_in: int, channels: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution that keeps the picture's size, but for its stride."""
    return nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False)


class Gate(nn.Module):
    """Weighs each channel by what the whole picture shows in all of them (Howard 2019, sec. 5.3; Hu 2018)."""

    def __init__(self, channels: int):
        super().__init__()
        narrow = multiple(channels / REDUCTION)
        self.fc1, self.fc2 = nn.Conv2d(channels, narrow, 1), nn.Conv2d(narrow, channels, 1)
        self.relu, self.hard = nn.ReLU(inplace=True), nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.hard(self.fc2(self.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


def multiple(channels: float) -> int:
    """The nearest multiple of 8, but none that loses more than a tenth (as all published weights have it)."""
    nearest = max(DIVISOR, int(channels + DIVISOR / 2) // DIVISOR * DIVISOR)
    return nearest if nearest >= 0.9 * channels else nearest + DIVISOR


class InvertedResidual(nn.Module):
    """Widened, filtered within each channel, gated, narrowed; the input added where the shape allows (fig. 4)."""

    def __init__(self, channels_in: int, shape: Shape):
        super().__init__()
        activation: type[nn.Module] = nn.Hardswish if shape.swish else nn.ReLU
        self.added = shape.stride == 1 and channels_in == shape.channels
        widen = [] if shape.wide == channels_in else [layer(conv1x1(channels_in, shape.wide), activation())]
        depthwise = around(shape.wide, shape.wide, shape.kernel, shape.stride, groups=shape.wide)
        gate = [Gate(shape.wide)] if shape.gated else []
        narrow = layer(conv1x1(shape.wide, shape.channels))
        self.block = nn.Sequential(*widen, layer(depthwise, activation()), *gate, narrow)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self.added else self.block(x)


class MobileNetFpn(nn.Module):
    """(B, 3, H, W) → (B, 64, H/stride, W/stride): MobileNetV3-Large and a pyramid on its maps, for processors.

    Large, as small saves little: with FairMOT's heads at 576×320, ONNX Runtime takes 96 ms with the one, 86 with the
    other (DLA-34 without deformable convolution: 262), and large knows ImageNet better by 8 points (Howard 2019,
    table 3). The last layer before the classifier is left out.
    """

    def __init__(self, stride: int = 4):
        super().__init__()
        self.stride, self.channels = stride, WIDTH
        before = [STEM, *(shape.channels for shape in LARGE)]
        blocks = (InvertedResidual(channels, shape) for channels, shape in zip(before, LARGE, strict=False))
        self.features = nn.Sequential(layer(around(3, STEM, 3, stride=2), nn.Hardswish()), *blocks)
        last = [*(number for number, shape in enumerate(LARGE) if shape.stride == 2), len(LARGE)]  # of stride 2, 4, …
        self.taken = last[stride.bit_length() - 2 :]
        self.fpn = Fpn([before[number] for number in self.taken], WIDTH)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        maps = []
        for number, block in enumerate(self.features):
            x = block(x)
            if number in self.taken:
                maps.append(x)
        return self.fpn(maps)
