"""CenterTrack's network (Zhou et al. 2020, Tracking Objects as Points): a detector whose input is two frames.

The backbone's first convolution takes four more channels: the previous image, and the heatmap of its objects' centres.
One more head regresses each object's displacement to the previous frame.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.heads import OFFSET_CHANNELS, Head, tracker_heads
from idfree.learn.networks.tracker import Pixels
from idfree.learn.tensors import Tensors

INPUT_CHANNELS = [3, 3, 1]  # image, previous image, and its heatmap (sec. 4.1)
PRIOR_CHANNELS = sum(INPUT_CHANNELS[1:])


class PriorConv2d(nn.Conv2d):
    """First convolution of a backbone on an image (B, 3, H, W) and, concatenated, its prior (B, 4, H, W).

    The prior (previous image and its heatmap) has weights of its own, "prior"; the image's weights keep their name and
    shape, so that those of detectors can be loaded.
    """

    def __init__(self, image: nn.Conv2d):
        options = {name: getattr(image, name) for name in ("kernel_size", "stride", "padding")}
        super().__init__(image.in_channels, image.out_channels, bias=image.bias is not None, **options)
        self.load_state_dict(image.state_dict())
        self.prior = nn.Conv2d(PRIOR_CHANNELS, image.out_channels, bias=False, **options)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 7, H, W) → (B, channels, H/stride, W/stride): the sum of both convolutions."""
        return super().forward(x[:, : self.in_channels]) + self.prior(x[:, self.in_channels :])


def widen_input(backbone: nn.Module) -> nn.Module:
    """Replace the first convolution of the backbone by a PriorConv2d, in place; returns the backbone."""
    for name, module in backbone.named_modules():
        if isinstance(module, nn.Conv2d):
            parent, _, own = name.rpartition(".")
            setattr(backbone.get_submodule(parent), own, PriorConv2d(module))
            return backbone
    raise ValueError("a backbone without a convolution")


def centertrack_heads(classes: int = 1, sides: int = 4) -> dict[str, Head]:
    """FairMOT's heads without the embedding, and one for the displacement to the previous frame."""
    heads = tracker_heads(classes, 1, sides)
    del heads["embedding"]
    return {**heads, "displacement": Head(OFFSET_CHANNELS)}


class CenterTrackNetwork(CentreNetwork):
    """{"image", "previous": (B, 3, H, W) BGR 0…255, "previous_heat": (B, 1, H, W) 0…1} → a map for each of `heads`.

    backbone: as for CentreNetwork; its first convolution is widened in place. The first frame of a video is its own
    previous frame, with an empty heatmap.
    """

    inputs = ("image", "previous", "previous_heat")
    kind = "centertrack"
    columns = ("boxes", "scores", "classes", "displacement")

    def __init__(self, backbone: nn.Module, heads: Mapping[str, Head], pixels: Pixels = "unit"):
        super().__init__(widen_input(backbone), heads, pixels)

    def forward(self, batch: Tensors) -> Tensors:
        """A map (B, channels, H/stride, W/stride) for each head, by name."""
        return self.maps(torch.cat([batch[name].float() for name in self.inputs], dim=1))

    def maps(self, image: Tensor) -> Tensors:
        """The maps of all heads by name. image (B, 7, H, W): the three `inputs`, concatenated."""
        image, previous, heat = torch.split(image.float(), INPUT_CHANNELS, dim=1)
        maps: Tensors = self.heads(
            self.backbone(torch.cat([self.standardise(image), self.standardise(previous), heat], dim=1))
        )
        return maps
