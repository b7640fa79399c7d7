"""FairMOT (Zhang et al. 2020, A Simple Baseline for Multi-Object Tracking): boxes and who is who, from labelled videos.

The yardstick for what learns without identities: every identity of the training set is a class. `anchors` is the design
that it was measured against: boxes of fixed sizes in place of centres (Wang 2020, JDE).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from idfree.core.errors import UserError
from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.labelled_images import Footage, LabelledImages
from idfree.learn.methods import one_shot
from idfree.learn.methods.one_shot import Method, OneShotSettings, centre
from idfree.learn.networks.anchors import SIZES, AnchorNetwork, anchor_heads
from idfree.learn.networks.backbones import make_backbone
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.objectives.anchors import AnchorDetectionLoss, AnchorTargets
from idfree.learn.objectives.balance import LossBalance
from idfree.learn.objectives.centre_identity import CentreIdentityLoss
from idfree.learn.objectives.detection import DetectionLoss


@dataclass(frozen=True)
class FairmotSettings(OneShotSettings):
    """anchors: the anchor-based rival (Zhang 2020, sec. 5.3)."""

    anchors: bool = False


def network(settings: FairmotSettings, categories: int) -> CentreNetwork:
    """Centres, or anchors on the same map. Raises UserError for anchors of several categories."""
    if not settings.anchors:
        return centre(settings, categories)
    if categories > 1:
        raise UserError(
            f"anchors are for one class of objects, not {categories}: leave anchors=true or the classes out"
        )
    return AnchorNetwork(
        make_backbone(settings.backbone, settings.stride), anchor_heads(settings.dimension), settings.pixels
    )


def objective(settings: FairmotSettings, scenes: LabelledImages) -> nn.Module:
    """Detection and identities, balanced (Zhang 2020, eq. 5)."""
    identity = CentreIdentityLoss(scenes.identities, settings.dimension)
    if settings.anchors:
        return AnchorTargets(LossBalance(AnchorDetectionLoss(), identity, settings.balance), SIZES)
    return LossBalance(DetectionLoss(), identity, settings.balance)


def batches(settings: FairmotSettings, scenes: LabelledImages, share: tuple[int, int]) -> ImageBatches:
    """Pictures one by one; those that cannot be read are replaced."""
    return ImageBatches(scenes, settings.shape(), settings.seed, settings.augmentation, skip=True, share=share)


FAIRMOT = Method("fairmot", FairmotSettings, network, objective, batches, identities=True)


def train(footages: Sequence[Footage], settings: FairmotSettings, run: Path, **options: Any) -> Path:
    """Train on labelled videos; gives the path of RUN/model.onnx. options, and what is written: see one_shot.train."""
    return one_shot.train(FAIRMOT, footages, settings, run, **options)
