"""MobileNet (Howard 2017, MobileNets), with timm's parameter names."""

from torch import Tensor, nn

from idfree.learn.networks.layers import conv1x1, conv3x3, initialise

STEM = 32  # channels (table 1)
STAGES = ((64,), (128,) * 2, (256,) * 2, (512,) * 6, (1024,) * 2)  # channels of the blocks at strides 2, 4, …, 32


class SeparableBlock(nn.Module):
    """Depthwise separable convolution: 3×3 depthwise, then 1×1, each with batch norm and ReLU (fig. 3)."""

    def __init__(self, channels_in: int, channels: int, stride: int):
        super().__init__()
        self.conv_dw = nn.Conv2d(channels_in, channels_in, 3, stride, padding=1, groups=channels_in, bias=False)
        self.bn1, self.conv_pw = nn.BatchNorm2d(channels_in), conv1x1(channels_in, channels)
        self.bn2, self.relu = nn.BatchNorm2d(channels), nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) → (B, channels, H/stride, W/stride)."""
        return self.relu(self.bn2(self.conv_pw(self.relu(self.bn1(self.conv_dw(x))))))


class MobileNetV1(nn.Module):
    """(B, 3, H, W) → maps at strides 2, 4, 8, 16 and 32, without the classifier. stages: channels of each."""

    stages = tuple(widths[-1] for widths in STAGES)

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn1, self.relu = conv3x3(3, STEM, stride=2), nn.BatchNorm2d(STEM), nn.ReLU(inplace=True)
        channels, blocks = STEM, []
        for stage, widths in enumerate(STAGES):
            blocks.append(nn.Sequential())
            for width in widths:
                strides = stage > 0 and not len(blocks[-1])
                blocks[-1].append(SeparableBlock(channels, width, 2 if strides else 1))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        initialise(self)

    def maps(self, x: Tensor) -> list[Tensor]:
        """Maps at strides 2, 4, 8, 16 and 32."""
        x = self.relu(self.bn1(self.conv_stem(x)))
        maps = []
        for stage in self.blocks:
            maps.append(x := stage(x))
        return maps
