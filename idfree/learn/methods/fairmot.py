"""FairMOT (Zhang et al. 2020, A Simple Baseline for Multi-Object Tracking): boxes and identities of labelled videos.

The supervised baseline: embeddings are learnt by classifying all identities of the training set.
"""

from dataclasses import dataclass

from torch import nn

from idfree.core.errors import UserError
from idfree.learn.data.batch_source import BatchSource
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.methods.method import Method, image_batches
from idfree.learn.methods.occlusions import OcclusionSettings, detection_loss, occlusion_network, with_occlusions
from idfree.learn.networks.backbones import make_backbone
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.jde import ANCHOR_SIZES, JdeNetwork, jde_heads
from idfree.learn.objectives.balance import LossBalance
from idfree.learn.objectives.centre_identity import CentreIdentityLoss
from idfree.learn.objectives.jde import JdeDetectionLoss, JdeTargets
from idfree.learn.objectives.occlusion import OcclusionLoss


@dataclass(frozen=True)
class FairmotSettings(OcclusionSettings):
    """anchors: anchor boxes in place of centres (Wang 2020, JDE), the design compared in Zhang 2020, sec. 5.3."""

    anchors: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.anchors and self.occlusions != "none":
            raise ValueError("occlusions are learnt beside centres: leave anchors=true out")
        if self.occlusions != "none" and self.augmentation.mosaic:
            raise ValueError("augmentation.mosaic: no occlusions are learnt from mosaics, whose images overlap")


def network(settings: FairmotSettings, categories: int) -> CentreNetwork:
    """Network with centre heads, or with anchor heads. Raises UserError for anchors with several categories."""
    if not settings.anchors:
        return occlusion_network(settings, categories)
    if categories > 1:
        raise UserError(
            f"anchors are for one class of objects, not {categories}: leave anchors=true or the classes out"
        )
    return JdeNetwork(make_backbone(settings.backbone, settings.stride), jde_heads(settings.dimension), settings.pixels)


def objective(settings: FairmotSettings, dataset: LabelledImages) -> nn.Module:
    """Balanced detection and identity classification losses (Zhang 2020, eq. 5)."""
    if settings.occlusions == "only":
        return OcclusionLoss()
    identity = CentreIdentityLoss(dataset.identity_count, settings.dimension)
    if settings.anchors:
        return JdeTargets(LossBalance(JdeDetectionLoss(), identity, settings.balance), ANCHOR_SIZES)
    return LossBalance(detection_loss(settings), identity, settings.balance)


def batches(settings: FairmotSettings, dataset: LabelledImages, rank_world: tuple[int, int]) -> BatchSource:
    """Batches of single images; unreadable ones are replaced."""
    return with_occlusions(image_batches(settings, dataset, rank_world), settings)


FAIRMOT = Method("fairmot", FairmotSettings, network, objective, batches, uses_identities=True)
