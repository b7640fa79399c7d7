"""The one-shot network: one look at the picture gives boxes and embeddings (Zhang 2020, FairMOT, fig. 1)."""

from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor, nn

from idfree.learn import Tensors
from idfree.learn.networks import decode
from idfree.learn.networks.heads import Head, Heads
from idfree.learn.networks.layers import BLACK, PIXEL_DEVIATION, PIXEL_MEAN, WHITE, Standardise

Pixels = Literal["unit", "imagenet"]
PIXELS: dict[Pixels, tuple[Sequence[float], Sequence[float]]] = {  # mean and deviation of red, green and blue
    "unit": (BLACK, WHITE),  # as FairMOT's code and weights
    "imagenet": (PIXEL_MEAN, PIXEL_DEVIATION),  # as torchvision's and timm's weights
}
MULTIPLE = 32  # of which height and width of a picture are: the stride of the coarsest map


class CentreNetwork(nn.Module):
    """{"image": (B, 3, H, W) BGR 0…255, uint8 or float} → a map (B, channels, H/stride, W/stride) for each of `heads`.

    H and W are multiples of 32. backbone: declares its `channels` and `stride`. pixels: how they are standardised;
    that belongs to the network, hence to its checkpoint.
    """

    def __init__(self, backbone: nn.Module, heads: Mapping[str, Head], pixels: Pixels = "unit"):
        super().__init__()
        self.standardise = Standardise(*PIXELS[pixels])
        self.backbone = backbone
        self.heads = Heads(dict(heads), int(backbone.channels))  # type: ignore[arg-type]
        self.stride = int(backbone.stride)  # type: ignore[arg-type]

    @property
    def dimension(self) -> int:
        """Of the embedding."""
        *_, last = self.heads["embedding"].children()
        assert isinstance(last, nn.Conv2d)
        return last.out_channels

    def forward(self, batch: Tensors) -> Tensors:
        return self.maps(batch["image"])

    def maps(self, image: Tensor) -> Tensors:
        found: Tensors = self.heads(self.backbone(self.standardise(image.float())))
        return found

    def decode(self, output: Tensors, most: int = decode.MOST) -> Tensors:
        """Boxes, scores, classes and embeddings, best first: see decode.decode."""
        return decode.decode(output, self.stride, most)
