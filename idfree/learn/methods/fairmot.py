"""FairMOT (Zhang et al. 2020, A Simple Baseline for Multi-Object Tracking): boxes and identities of labelled videos.

The supervised baseline: embeddings are learnt by classifying all identities of the training set.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from idfree.core.errors import UserError
from idfree.datasets.footage import Footage
from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.methods import one_shot
from idfree.learn.methods.occlusions import OcclusionSettings, detection_loss, occlusion_network, with_occlusions
from idfree.learn.methods.one_shot import BatchSource, Method
from idfree.learn.networks.anchors import ANCHOR_SIZES, AnchorNetwork, anchor_heads
from idfree.learn.networks.backbones import make_backbone
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.objectives.anchors import AnchorDetectionLoss, AnchorTargets
from idfree.learn.objectives.balance import LossBalance
from idfree.learn.objectives.centre_identity import CentreIdentityLoss
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
            raise ValueError("augmentation.mosaic: no occlusions are learnt from mosaics, whose pictures overlap")


def network(settings: FairmotSettings, categories: int) -> CentreNetwork:
    """Network with centre heads, or with anchor heads. Raises UserError for anchors with several categories."""
    if not settings.anchors:
        return occlusion_network(settings, categories)
    if categories > 1:
        raise UserError(
            f"anchors are for one class of objects, not {categories}: leave anchors=true or the classes out"
        )
    return AnchorNetwork(
        make_backbone(settings.backbone, settings.stride), anchor_heads(settings.dimension), settings.pixels
    )


def objective(settings: FairmotSettings, dataset: LabelledImages) -> nn.Module:
    """Balanced detection and identity classification losses (Zhang 2020, eq. 5)."""
    if settings.occlusions == "only":
        return OcclusionLoss()
    identity = CentreIdentityLoss(dataset.identity_count, settings.dimension)
    if settings.anchors:
        return AnchorTargets(LossBalance(AnchorDetectionLoss(), identity, settings.balance), ANCHOR_SIZES)
    return LossBalance(detection_loss(settings), identity, settings.balance)


def batches(settings: FairmotSettings, dataset: LabelledImages, rank_world: tuple[int, int]) -> BatchSource:
    """Batches of single images; unreadable ones are replaced."""
    images = ImageBatches(
        dataset,
        settings.batch_shape(),
        settings.seed,
        settings.augmentation,
        skip_unreadable=True,
        rank_world=rank_world,
    )
    return with_occlusions(images, settings)


FAIRMOT = Method("fairmot", FairmotSettings, network, objective, batches, uses_identities=True)


def train(footages: Sequence[Footage], settings: FairmotSettings, run: Path, **options: Any) -> Path:
    """Train on labelled videos; returns the path of RUN/model.onnx. Options and outputs: see one_shot.train."""
    return one_shot.train(FAIRMOT, footages, settings, run, **options)
