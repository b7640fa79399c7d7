"""Occlusion heads as a part of any centre-based method (Liu et al. 2021, OUTrack, sec. 3.3)."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from idfree.core.occlusions import MIN_SHARE
from idfree.learn.data.batch_source import BatchSource
from idfree.learn.data.occlusion_targets import OcclusionBatches
from idfree.learn.methods.method import centre_network
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.heads import occlusion_heads
from idfree.learn.objectives.balance import LossSum
from idfree.learn.objectives.detection import DetectionLoss
from idfree.learn.objectives.occlusion import WEIGHT, OcclusionLoss


@dataclass(frozen=True)
class OcclusionSettings(OneShotSettings):
    """occlusions: heads for occlusion centres are trained with the others (`joint`), alone on the frozen network of
    `init` (`only`), or absent (`none`). occlusion_share: minimum share τ of the smaller box that is covered (see
    `occlusion_regions`). occlusion_weight: weight of their loss within the detection loss. Raises ValueError.
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
    """FairMOT's network, with occlusion heads unless they are off; `only` freezes all else."""
    if settings.occlusions == "none":
        return centre_network(settings, categories)
    network = centre_network(settings, categories, occlusion_heads())
    if settings.occlusions == "only":
        network.requires_grad_(False)
        for name in occlusion_heads():
            network.heads[name].requires_grad_(True)
    return network


def detection_loss(settings: OcclusionSettings) -> nn.Module:
    """Detection loss and, if trained jointly, the loss of the occlusion heads."""
    if settings.occlusions != "joint":
        return DetectionLoss()
    return LossSum([DetectionLoss(), OcclusionLoss(settings.occlusion_weight)])


def with_occlusions(batches: BatchSource, settings: OcclusionSettings) -> BatchSource:
    """The batches with occlusion targets, unless they are off."""
    if settings.occlusions == "none":
        return batches
    return OcclusionBatches(batches, settings.stride, settings.occlusion_share)
