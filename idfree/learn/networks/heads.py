"""Heads: what is read off the map of a backbone, each by a small convolution of its own (Zhang 2020, sec. 4.2)."""

from dataclasses import dataclass

from torch import Tensor, nn

from idfree.errors import UserError

WIDTH = 256  # channels between the two convolutions of a head (Zhou 2019, sec. 5; Zhang 2020, sec. 4.2)
RARE = -2.19  # bias of a map of scores: all begin at a probability of 0.1 (Lin 2017, RetinaNet, sec. 3.3; Zhou 2019)
OFFSET = 2  # x and y of the centre within its cell


@dataclass(frozen=True)
class Head:
    """What a head gives: channels; the width between its two convolutions; the bias that it begins with.

    width 0: one 3×3 convolution and nothing else, the embedding of FairMOT's paper (sec. 4.2).
    """

    channels: int
    width: int = WIDTH
    bias: float = 0.0

    def build(self, channels_in: int) -> nn.Sequential:
        """(B, channels_in, H, W) → (B, channels, H, W): 3×3, ReLU, 1×1; numbered as in CenterNet's public code."""
        if self.width:
            first, last = nn.Conv2d(channels_in, self.width, 3, padding=1), nn.Conv2d(self.width, self.channels, 1)
            layers: list[nn.Module] = [first, nn.ReLU(inplace=True), last]
        else:
            last = nn.Conv2d(channels_in, self.channels, 3, padding=1)
            layers = [last]
        for layer in layers:
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.zeros_(layer.bias)
        nn.init.constant_(last.bias, self.bias)  # type: ignore[arg-type]
        return nn.Sequential(*layers)


def tracker_heads(classes: int = 1, dimension: int = 128, sides: int = 4) -> dict[str, Head]:
    """FairMOT's: centres of each class, offset in the cell, size, embedding (Zhang 2020, sec. 4.2 and 4.3).

    sides: 4 for the distances to the four sides of a box, which may lie outside the picture, 2 for width and height.
    Raises UserError for any other.
    """
    if sides not in (2, 4):
        raise UserError(f"sides is {sides}, expected 4 (left, top, right, bottom) or 2 (width, height)")
    return {
        "heat": Head(classes, bias=RARE),
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
