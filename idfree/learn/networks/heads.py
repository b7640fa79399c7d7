"""Heads: what is read off the map of a backbone, each by a small convolution of its own (Zhang 2020, sec. 4.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from idfree.core.errors import UserError

WIDTH = 256  # channels between the two convolutions of a head (Zhou 2019, sec. 5; Zhang 2020, sec. 4.2)
RARE = -2.19  # bias of a map of scores: all begin at a probability of 0.1 (Lin 2017, RetinaNet, sec. 3.3; Zhou 2019)
OFFSET = 2  # x and y of the centre within its cell


@dataclass(frozen=True)
class Head:
    """What a head gives: channels; the width between its two convolutions; the bias that it begins with.

    width 0: one 3×3 convolution and nothing else, the embedding of FairMOT's paper (sec. 4.2). full: the last
    convolution works in full precision, whatever the network does.
    """

    channels: int
    width: int = WIDTH
    bias: float = 0.0
    full: bool = False

    def build(self, channels_in: int) -> nn.Sequential:
        """(B, channels_in, H, W) → (B, channels, H, W): 3×3, ReLU, 1×1; numbered as in CenterNet's public code."""
        kind = FullPrecision if self.full else nn.Conv2d
        if self.width:
            first, last = nn.Conv2d(channels_in, self.width, 3, padding=1), kind(self.width, self.channels, 1)
            layers: list[nn.Module] = [first, nn.ReLU(inplace=True), last]
        else:
            last = kind(channels_in, self.channels, 3, padding=1)
            layers = [last]
        for layer in layers:
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.zeros_(layer.bias)
        nn.init.constant_(last.bias, self.bias)  # type: ignore[arg-type]
        return nn.Sequential(*layers)


class FullPrecision(nn.Conv2d):
    """A convolution in float32 even where others work in half precision.

    Heat needs it: half a precision makes neighbours equal that are not, and all of them peaks.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype == torch.float32:  # nor is a block of autocast put into exported graphs
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def tracker_heads(classes: int = 1, dimension: int = 128, sides: int = 4) -> dict[str, Head]:
    """FairMOT's: centres of each class, offset in the cell, size, embedding (Zhang 2020, sec. 4.2 and 4.3).

    sides: 4 for the distances to the four sides of a box, which may lie outside the picture, 2 for width and height.
    Raises UserError for any other.
    """
    if sides not in (2, 4):
        raise UserError(f"sides is {sides}, expected 4 (left, top, right, bottom) or 2 (width, height)")
    return {
        "heat": Head(classes, bias=RARE, full=True),
        "offset": Head(OFFSET),
        "size": Head(sides),
        "embedding": Head(dimension),
    }


class Heads(nn.ModuleDict):
    """All heads of a network on one map, by name."""

    def __init__(self, heads: dict[str, Head], channels_in: int):
        super().__init__({name: head.build(channels_in) for name, head in heads.items()})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {name: head(x) for name, head in self.items()}
