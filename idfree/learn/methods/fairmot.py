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
from idfree.learn.data.scene_batches import SceneBatches
from idfree.learn.data.scenes import Footage, Scenes
from idfree.learn.methods import one_shot
from idfree.learn.methods.one_shot import Method, OneShotSettings, centre
from idfree.learn.networks.anchors import SIZES, Anchored, anchor_heads
from idfree.learn.networks.backbones import make_backbone
from idfree.learn.networks.centre import Centre
from idfree.learn.objectives.anchors import AnchorDetection, AtAnchors
from idfree.learn.objectives.balance import Balance
from idfree.learn.objectives.center_identity import IdentityAtCentres
from idfree.learn.objectives.detection import Detection


@dataclass(frozen=True)
class FairmotSettings(OneShotSettings):
    """anchors: the anchor-based rival (Zhang 2020, sec. 5.3)."""

    anchors: bool = False


def network(settings: FairmotSettings, categories: int) -> Centre:
    """Centres, or anchors on the same map. Raises UserError for anchors of several categories."""
    if not settings.anchors:
        return centre(settings, categories)
    if categories > 1:
        raise UserError(
            f"anchors are for one class of objects, not {categories}: leave anchors=true or the classes out"
        )
    return Anchored(
        make_backbone(settings.backbone, settings.stride), anchor_heads(settings.dimension), settings.pixels
    )


def objective(settings: FairmotSettings, scenes: Scenes) -> nn.Module:
    """Detection and identities, balanced (Zhang 2020, eq. 5)."""
    identity = IdentityAtCentres(scenes.identities, settings.dimension)
    if settings.anchors:
        return AtAnchors(Balance(AnchorDetection(), identity, settings.balance), SIZES)
    return Balance(Detection(), identity, settings.balance)


def batches(settings: FairmotSettings, scenes: Scenes, share: tuple[int, int]) -> SceneBatches:
    """Pictures one by one; those that cannot be read are replaced."""
    return SceneBatches(scenes, settings.shape(), settings.seed, settings.augmentation, skip=True, share=share)


FAIRMOT = Method("fairmot", FairmotSettings, network, objective, batches, identities=True)


def train(footages: Sequence[Footage], settings: FairmotSettings, run: Path, **options: Any) -> Path:
    """Train on labelled videos; gives the path of RUN/model.onnx. options, and what is written: see one_shot.train."""
    return one_shot.train(FAIRMOT, footages, settings, run, **options)
