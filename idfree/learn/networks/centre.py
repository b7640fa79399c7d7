"""Centre-based one-shot network: one forward pass gives boxes and embeddings (Zhang 2020, FairMOT, fig. 1)."""

from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor, nn

from idfree.learn.networks.decode import MAX_BOXES, decode_maps
from idfree.learn.networks.heads import Head, Heads
from idfree.learn.networks.layers import BLACK, PIXEL_DEVIATION, PIXEL_MEAN, WHITE, Standardise
from idfree.learn.tensors import Tensors

Pixels = Literal["unit", "imagenet"]
PIXELS: dict[Pixels, tuple[Sequence[float], Sequence[float]]] = {  # mean and standard deviation of RGB
    "unit": (BLACK, WHITE),  # FairMOT's code and weights
    "imagenet": (PIXEL_MEAN, PIXEL_DEVIATION),  # torchvision's and timm's weights
}
SIZE_MULTIPLE = 32  # of input height and width: the stride of the coarsest map


class CentreNetwork(nn.Module):
    """{"image": (B, 3, H, W) BGR 0…255, uint8 or float} → a map (B, channels, H/stride, W/stride) for each of `heads`.

    H and W are multiples of 32. backbone: module with attributes `channels` and `stride`. pixels: standardisation of
    the input, stored in the checkpoint as part of the network.
    """

    def __init__(self, backbone: nn.Module, heads: Mapping[str, Head], pixels: Pixels = "unit"):
        super().__init__()
        self.standardise = Standardise(*PIXELS[pixels])
        self.backbone = backbone
        self.heads = Heads(dict(heads), int(backbone.channels))  # type: ignore[arg-type]
        self.stride = int(backbone.stride)  # type: ignore[arg-type]

    @property
    def dimension(self) -> int:
        """Dimension of the embedding."""
        *_, last = self.heads["embedding"].children()
        assert isinstance(last, nn.Conv2d)
        return last.out_channels

    def forward(self, batch: Tensors) -> Tensors:
        return self.maps(batch["image"])

    def maps(self, image: Tensor) -> Tensors:
        """The maps of all heads by name, of a batch of images."""
        maps: Tensors = self.heads(self.backbone(self.standardise(image.float())))
        return maps

    def decode(self, output: Tensors, max_boxes: int = MAX_BOXES) -> Tensors:
        """Boxes, scores, classes and embeddings, best first: see `decode_maps`."""
        return decode_maps(output, self.stride, max_boxes)
