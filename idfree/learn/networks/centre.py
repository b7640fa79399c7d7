"""Centre-based one-shot network (Zhang 2020, FairMOT, fig. 1)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from idfree.learn.networks.decode import decode_maps, decode_occlusions, gather_cells
from idfree.learn.networks.heads import Head, Heads
from idfree.learn.networks.tracker import Pixels, TrackerNetwork
from idfree.learn.tensors import Tensors


class CentreNetwork(TrackerNetwork):
    """{"image": (B, 3, H, W) BGR 0…255, uint8 or float} → a map (B, channels, H/stride, W/stride) for each of `heads`.

    H and W are multiples of 32. backbone: module with attributes `channels` and `stride`.
    """

    def __init__(self, backbone: nn.Module, heads: Mapping[str, Head], pixels: Pixels = "unit"):
        super().__init__(pixels)
        self.backbone = backbone
        self.heads = Heads(dict(heads), int(backbone.channels))  # type: ignore[arg-type]
        self.stride = int(backbone.stride)  # type: ignore[arg-type]

    def forward(self, batch: Tensors) -> Tensors:
        """A map (B, channels, H/stride, W/stride) for each head, by name."""
        return self.maps(batch["image"])

    def maps(self, image: Tensor) -> Tensors:
        """The maps of all heads by name, of a batch of images."""
        maps: Tensors = self.heads(self.backbone(self.standardise(image.float())))
        return maps

    def decode(self, output: Tensors) -> Tensors:
        """The `columns`, best first: see `decode_maps`; with occlusion heads, "occlusions"."""
        decoded = decode_maps(output, self.stride)
        if self.has_occlusions:
            decoded["occlusions"] = decode_occlusions(output, self.stride)
        return decoded

    def embed(self, output: Tensors, xyxy: Tensor, visible: Tensor) -> Tensor:
        """(N, D) embeddings of boxes (N, 4), read at the centres of their visible parts."""
        maps = output["embedding"]
        last = torch.tensor([maps.shape[3] - 1, maps.shape[2] - 1], device=maps.device)
        centre = (visible[:, :2] + visible[:, 2:]) / (2 * self.stride)
        x, y = centre.clamp(min=centre.new_zeros(2), max=last).long().T
        return gather_cells(maps, (y * maps.shape[3] + x)[None])[0]
