"""Interface of one-shot networks: one forward pass gives maps, from which boxes and embeddings are decoded."""

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
SIZE_MULTIPLE = 32  # input height and width are multiples of it


class TrackerNetwork(nn.Module):
    """{"image": (B, 3, H, W) BGR 0…255, uint8 or float, …} → tensors for the objective. H and W are multiples of 32.

    stride: stride of the finest map. inputs: keys of the batch that `maps` takes, concatenated along channels. kind:
    kind of the exported file, by which a detector is chosen to run it. columns: what `decode` returns for each box.
    pixels: standardisation of the input, stored in the checkpoint as part of the network.
    """

    stride: int
    heads: nn.ModuleDict
    inputs: tuple[str, ...] = ("image",)
    kind = "tracker"
    columns: tuple[str, ...] = ("boxes", "scores", "classes", "embedding")

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
        """Whether there are occlusion heads: `decode` then also returns "occlusions" (B, K, 3): x, y, score."""
        return "occlusion" in self.heads

    def maps(self, image: Tensor) -> Tensors:
        """All maps of a batch, for `decode` and `embed`. image (B, channels, H, W): all `inputs`, concatenated."""
        raise NotImplementedError

    def decode(self, output: Tensors) -> Tensors:
        """Detections of each image from its maps (float32), by descending score, in `columns`.

        "boxes" (B, K, 4) xyxy in pixels of the input, "scores" (B, K), "classes" (B, K) int64, "embedding" (B, K, D) of
        unit length …
        """
        raise NotImplementedError

    def candidates(self, output: Tensors) -> Tensors:
        """All detections among which `decode` selects, in the same columns and in any order.

        For comparing an exported graph with the network: among nearly equal scores, rounding decides which `decode`
        selects, so that two runtimes may differ.
        """
        return self.decode(output)

    def embed(self, output: Tensors, xyxy: Tensor, visible: Tensor) -> Tensor:
        """(N, D) embeddings of given boxes from the maps of one image, not normalised.

        xyxy (N, 4): boxes in pixels of the input. visible (N, 4): their parts within the image.
        """
        raise NotImplementedError
