"""Occlusion heads as a part of any centre-based method (Liu et al. 2021, OUTrack, sec. 3.3)."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from idfree.core.occlusions import MIN_SHARE
from idfree.learn.data.occlusion_targets import WithOcclusions
from idfree.learn.methods.one_shot import BatchSource
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.networks.backbones import make_backbone
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.frozen import FrozenCentreNetwork
from idfree.learn.networks.heads import occlusion_heads, tracker_heads
from idfree.learn.objectives.balance import LossSum
from idfree.learn.objectives.detection import DetectionLoss
from idfree.learn.objectives.occlusion import WEIGHT, OcclusionLoss


@dataclass(frozen=True)
class OcclusionSettings(OneShotSettings):
    """occlusions: heads for occlusion centres, trained with the others (`joint`), or alone on the frozen network of
    `init` (`only`), or none. occlusion_share: τ, of `occlusion_regions`. occlusion_weight: of their loss within that of
    detection. Raises ValueError.
    """

    occlusions: Literal["joint", "only", "none"] = "none"
    occlusion_share: float = MIN_SHARE
    occlusion_weight: float = WEIGHT

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.occlusions == "only" and not self.init:
            raise ValueError("occlusions=only trains heads on a frozen network: name it with init=LAST.pt")
        if not 0 <= self.occlusion_share < 1 or not 0 < self.occlusion_weight < float("inf"):
            raise ValueError("occlusion_share must lie in 0…1, occlusion_weight above 0")


def occlusion_network(settings: OcclusionSettings, categories: int) -> CentreNetwork:
    """FairMOT's network, with occlusion heads unless they are off; frozen but for these if they alone are trained."""
    heads = tracker_heads(categories, settings.dimension, settings.sides)
    if settings.occlusions != "none":
        heads |= occlusion_heads()
    backbone = make_backbone(settings.backbone, settings.stride)
    if settings.occlusions == "only":
        return FrozenCentreNetwork(backbone, heads, settings.pixels, trained=tuple(occlusion_heads()))
    return CentreNetwork(backbone, heads, settings.pixels)


def detection_loss(settings: OcclusionSettings) -> nn.Module:
    """The losses of the boxes and, if they are trained jointly, of the occlusions."""
    if settings.occlusions != "joint":
        return DetectionLoss()
    return LossSum([DetectionLoss(), OcclusionLoss(settings.occlusion_weight)])


def with_occlusions(batches: BatchSource, settings: OcclusionSettings) -> BatchSource:
    """The batches, with occlusions unless they are off."""
    if settings.occlusions == "none":
        return batches
    return WithOcclusions(batches, settings.stride, settings.occlusion_share)
