"""Heads of a one-shot network: small convolutions in parallel on the backbone's map (Zhang 2020, sec. 4.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from idfree.core.errors import UserError

WIDTH = 256  # channels between the two convolutions of a head (Zhou 2019, sec. 5; Zhang 2020, sec. 4.2)
SCORE_BIAS = -2.19  # initial bias of score maps: probability 0.1 (Lin 2017, RetinaNet, sec. 3.3; Zhou 2019)
OFFSET_CHANNELS = 2  # x and y of the centre within its cell


@dataclass(frozen=True)
class Head:
    """Configuration of a head.

    channels: of the output. width: channels between its two convolutions; 0: a single 3×3 convolution, as for the
    embedding in FairMOT's paper (sec. 4.2). bias: initial bias of the last convolution. full_precision: the last
    convolution runs in float32 under autocast.
    """

    channels: int
    width: int = WIDTH
    bias: float = 0.0
    full_precision: bool = False

    def build(self, channels_in: int) -> nn.Sequential:
        """(B, channels_in, H, W) → (B, channels, H, W): 3×3, ReLU, 1×1; numbered as in CenterNet's public code."""
        convolution = FullPrecisionConv2d if self.full_precision else nn.Conv2d
        if self.width:
            first, last = nn.Conv2d(channels_in, self.width, 3, padding=1), convolution(self.width, self.channels, 1)
            layers: list[nn.Module] = [first, nn.ReLU(inplace=True), last]
        else:
            last = convolution(channels_in, self.channels, 3, padding=1)
            layers = [last]
        for layer in layers:
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.zeros_(layer.bias)
        nn.init.constant_(last.bias, self.bias)  # type: ignore[arg-type]
        return nn.Sequential(*layers)


class FullPrecisionConv2d(nn.Conv2d):
    """A convolution in float32 even under autocast.

    For heatmaps: in half precision, neighbouring cells round to equal values and all of them become peaks.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → float32 (B, channels, H, W)."""
        if x.dtype == torch.float32:  # skips the autocast block, which must not be in exported graphs
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def tracker_heads(classes: int = 1, dimension: int = 128, sides: int = 4) -> dict[str, Head]:
    """FairMOT's heads: heatmap of each class, centre offset, box size, embedding (Zhang 2020, sec. 4.2 and 4.3).

    sides: 4 for distances from the centre to the sides of a box, which may lie outside the image, 2 for width and
    height. Raises UserError for any other number.
    """
    if sides not in (2, 4):
        raise UserError(f"sides is {sides}, expected 4 (left, top, right, bottom) or 2 (width, height)")
    return {
        "heat": Head(classes, bias=SCORE_BIAS, full_precision=True),
        "offset": Head(OFFSET_CHANNELS),
        "size": Head(sides),
        "embedding": Head(dimension),
    }


def occlusion_heads() -> dict[str, Head]:
    """OUTrack's occlusion heads: heatmap of occlusion centres, and offsets in their cells (Liu 2021, sec. 3.3)."""
    return {
        "occlusion": Head(1, bias=SCORE_BIAS, full_precision=True),
        "occlusion_offset": Head(OFFSET_CHANNELS),
    }


class Heads(nn.ModuleDict):
    """All heads of a network on one map: (B, channels_in, h, w) → {name: (B, channels, h, w)}."""

    def __init__(self, heads: dict[str, Head], channels_in: int):
        super().__init__({name: head.build(channels_in) for name, head in heads.items()})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """A map (B, channels, H, W) for each head, by name, of features (B, C, H, W)."""
        return {name: head(x) for name, head in self.items()}
