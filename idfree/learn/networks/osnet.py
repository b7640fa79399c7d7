"""OSNet (Zhou et al. 2019, Omni-Scale Feature Learning), with Torchreid's parameter names."""

from torch import Tensor, nn

from idfree.learn.networks.layers import conv1x1, initialise

SCALES = 4  # streams of a block, with 1 to 4 light convolutions: receptive fields 3, 5, 7 and 9 (sec. 3.2)
REDUCTION = 4  # factor between a block's channels and those of its streams (sec. 3.2)
GATE_REDUCTION = 16  # factor between a gate's input and hidden channels (sec. 3.2)
STAGES = (64, 256, 384, 512)  # channels at width 1.0 (table 1)
DIMENSION = 512


class ConvBlock(nn.Module):
    """Convolution, batch norm and, unless `linear`, ReLU."""

    def __init__(self, convolution: nn.Conv2d, linear: bool = False):
        super().__init__()
        self.conv = convolution
        self.bn = nn.BatchNorm2d(convolution.out_channels)
        self.relu = nn.Identity() if linear else nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, channels, h, w), of the size that the convolution makes."""
        return self.relu(self.bn(self.conv(x)))


class LightConv(nn.Module):
    """Depthwise separable convolution: pointwise 1×1, then depthwise 3×3 (sec. 3.1, "Lite 3×3")."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = conv1x1(channels, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) → the same shape."""
        return self.relu(self.bn(self.conv2(self.conv1(x))))


class AggregationGate(nn.Module):
    """Aggregation gate: channel weights from the global averages of all channels (sec. 3.2)."""

    def __init__(self, channels: int):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // GATE_REDUCTION, 1)
        self.relu = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(channels // GATE_REDUCTION, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) → the same shape."""
        weight = self.fc2(self.relu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * weight.sigmoid()


class OmniScaleBlock(nn.Module):
    """Residual block of streams of different receptive fields, summed with the weights of one shared gate (fig. 4b)."""

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        width = channels // REDUCTION
        self.conv1 = ConvBlock(conv1x1(channels_in, width))
        self.conv2a = LightConv(width)
        self.conv2b, self.conv2c, self.conv2d = (
            nn.Sequential(*(LightConv(width) for _ in range(count))) for count in range(2, SCALES + 1)
        )
        self.gate = AggregationGate(width)
        self.conv3 = ConvBlock(conv1x1(width, channels), linear=True)
        self.downsample = ConvBlock(conv1x1(channels_in, channels), linear=True) if channels_in != channels else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) → (N, channels, H, W)."""
        reduced = self.conv1(x)
        streams = (self.conv2a, self.conv2b, self.conv2c, self.conv2d)
        aggregated = sum(self.gate(stream(reduced)) for stream in streams)
        return (self.conv3(aggregated) + (x if self.downsample is None else self.downsample(x))).relu()


class OSNet(nn.Module):
    """(N, 3, H, W) → (N, 512), without the classifier. width: multiplier of the channels of table 1."""

    def __init__(self, width: float = 1.0):
        super().__init__()
        stem, *stages = (int(channels * width) for channels in STAGES)
        self.conv1 = ConvBlock(nn.Conv2d(3, stem, 7, stride=2, padding=3, bias=False))
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.conv2 = make_stage(stem, stages[0], halve=True)
        self.conv3 = make_stage(stages[0], stages[1], halve=True)
        self.conv4 = make_stage(stages[1], stages[2], halve=False)
        self.conv5 = ConvBlock(conv1x1(stages[2], stages[2]))
        self.fc = nn.Sequential(nn.Linear(stages[2], DIMENSION), nn.BatchNorm1d(DIMENSION), nn.ReLU(inplace=True))
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 512) embeddings of standardised crops (N, 3, H, W), not normalised."""
        x = self.maxpool(self.conv1(x))
        x = self.conv5(self.conv4(self.conv3(self.conv2(x))))
        return self.fc(x.mean((2, 3)))


def make_stage(channels_in: int, channels: int, halve: bool) -> nn.Sequential:
    """Two blocks, then, if `halve`, a 1×1 convolution and 2×2 pooling (table 1, "transition")."""
    blocks = [OmniScaleBlock(channels_in, channels), OmniScaleBlock(channels, channels)]
    transition = nn.Sequential(ConvBlock(conv1x1(channels, channels)), nn.AvgPool2d(2, stride=2))
    return nn.Sequential(*blocks, transition) if halve else nn.Sequential(*blocks)


def osnet_x1_0() -> OSNet:
    """OSNet of width 1.0: 2.2 M parameters."""
    return OSNet(1.0)


def osnet_x0_25() -> OSNet:
    """OSNet of width 0.25: 0.2 M parameters."""
    return OSNet(0.25)
