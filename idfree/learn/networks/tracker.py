"""What all one-shot networks share: one forward pass gives maps, from which boxes and embeddings are decoded."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from idfree.learn.networks.layers import BLACK, PIXEL_DEVIATION, PIXEL_MEAN, WHITE, Standardise
from idfree.learn.tensors import Tensors

Pixels = Literal["unit", "imagenet"]
PIXELS: dict[Pixels, tuple[Sequence[float], Sequence[float]]] = {  # mean and standard deviation of RGB
    "unit": (BLACK, WHITE),  # FairMOT's code and weights
    "imagenet": (PIXEL_MEAN, PIXEL_DEVIATION),  # torchvision's and timm's weights
}
SIZE_MULTIPLE = 32  # of input height and width


class TrackerNetwork(nn.Module):
    """{"image": (B, 3, H, W) BGR 0…255, uint8 or float, …} → tensors for the objective. H and W are multiples of 32.

    stride: of the finest map. pixels: standardisation of the input, stored in the checkpoint as part of the network.
    """

    stride: int
    heads: nn.ModuleDict
    inputs: tuple[str, ...] = ("image",)  # of a batch, one behind the other in what `maps` takes
    kind = "tracker"  # of the files that it is exported to: which detector reads them
    columns: tuple[str, ...] = ("boxes", "scores", "classes", "embedding")  # that `decode` gives of each box

    def __init__(self, pixels: Pixels = "unit"):
        super().__init__()
        self.standardise = Standardise(*PIXELS[pixels])

    @property
    def dimension(self) -> int:
        """Dimension of the embedding; 0 without one."""
        if "embedding" not in self.heads:
            return 0
        *_, last = self.heads["embedding"].children()
        assert isinstance(last, nn.Conv2d)
        return last.out_channels

    @property
    def has_occlusions(self) -> bool:
        """Whether there are heads for occlusion centres: `decode` then gives "occlusions" (B, K, 3): x, y, score."""
        return "occlusion" in self.heads

    def maps(self, image: Tensor) -> Tensors:
        """All maps of a batch of images (with all channels of `inputs`), as `decode` and `embed` take them."""
        raise NotImplementedError

    def decode(self, output: Tensors) -> Tensors:
        """Of maps in float32, the `columns`, best first: "boxes" (B, K, 4) xyxy in pixels of the input, "scores" (B,
        K), "classes" (B, K) int64, "embedding" (B, K, D) of unit length …
        """
        raise NotImplementedError

    def candidates(self, output: Tensors) -> Tensors:
        """All rows that `decode` may give, in the same columns and in any order: to check a graph that is exported.

        Where it chooses among nearly equal scores, rounding decides, and the choices of two runtimes differ.
        """
        return self.decode(output)

    def embed(self, output: Tensors, xyxy: Tensor, visible: Tensor) -> Tensor:
        """(N, D) embeddings of given boxes from the maps of one image; xyxy (N, 4) in pixels of the input; visible
        (N, 4): their parts within the image.
        """
        raise NotImplementedError
