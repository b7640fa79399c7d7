"""Layers shared by several networks."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

# Mean and standard deviation of ImageNet's RGB pixels 0…255, as in torchvision, timm and Torchreid (0.485 · 255 …).
PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_DEVIATION = (58.395, 57.12, 57.375)
BLACK, WHITE = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)  # mean and deviation that scale pixels to 0…1 (FairMOT's code)


class Standardise(nn.Module):
    """Standardise pixels: BGR 0…255 (N, 3, H, W) → RGB of mean 0 and standard deviation 1.

    mean, deviation: of red, green and blue; by default ImageNet's, which published weights expect.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Sequence[float] = PIXEL_MEAN, deviation: Sequence[float] = PIXEL_DEVIATION) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(3, 1, 1))

    def forward(self, bgr: Tensor) -> Tensor:
        """BGR 0…255 (N, 3, H, W) → standardised RGB (N, 3, H, W)."""
        return (bgr.flip(1) - self.mean) / self.deviation


def conv3x3(channels_in: int, channels: int, stride: int = 1) -> nn.Conv2d:
    """A 3×3 convolution without bias, since a batch norm follows."""
    return nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)


def conv1x1(channels_in: int, channels: int, stride: int = 1) -> nn.Conv2d:
    """A 1×1 convolution without bias, since a batch norm follows."""
    return nn.Conv2d(channels_in, channels, 1, stride, bias=False)


def make_conv_block(convolution: nn.Conv2d | nn.ConvTranspose2d, activation: nn.Module | None = None) -> nn.Sequential:
    """Convolution, batch norm, and ReLU or another activation."""
    norm = nn.BatchNorm2d(convolution.out_channels)
    return nn.Sequential(convolution, norm, activation or nn.ReLU(inplace=True))


def initialise(network: nn.Module) -> None:
    """Initialise weights: convolutions by He 2015 (fan out), linear layers normal with deviation 0.01, biases 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
        if isinstance(layer, (nn.Conv2d, nn.Linear)) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
