"""All objectives by name, each with a small instance for the contract test (tests/learn/objectives/test_contract.py).

A new objective is a module of its own and an entry here; methods (`idfree.learn.methods`) import the classes directly.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from idfree.learn.objectives.balance import LossBalance, LossSum
from idfree.learn.objectives.centre_identity import CentreIdentityLoss
from idfree.learn.objectives.contrastive import ContrastiveLoss
from idfree.learn.objectives.detection import DetectionLoss
from idfree.learn.objectives.displacement import DisplacementLoss
from idfree.learn.objectives.distillation import AnchorDistillationLoss, CentreDistillationLoss
from idfree.learn.objectives.faster_rcnn import FasterRcnnLoss
from idfree.learn.objectives.identity import MaskedSoftmaxLoss, SoftmaxLoss
from idfree.learn.objectives.jde import JdeDetectionLoss, JdeTargets
from idfree.learn.objectives.matching import CycleLoss, MatchingLoss
from idfree.learn.objectives.occlusion import OcclusionLoss
from idfree.learn.objectives.pairs import FirstViewLoss
from idfree.learn.objectives.retinanet import RetinaLoss
from idfree.learn.objectives.triplet import TripletLoss
from idfree.learn.tensors import Tensors

BatchKind = Literal["images", "pyramids", "regions", "pairs", "crops"]

DIMENSION, CLASSES = 8, 5  # of the small instances: embedding dimension, number of identities or tracklets
ANCHOR_SIZES = ((16.0, 24.0), (32.0, 16.0))  # width and height in pixels
TRACKLETS: Tensors = {  # five tracklets of two videos, some of which coexist
    "tracklet": torch.arange(CLASSES),
    "video": torch.tensor([0, 0, 0, 0, 1]),
    "first": torch.tensor([1, 10, 30, 15, 1]),
    "last": torch.tensor([10, 20, 40, 29, 10]),
}


@dataclass(frozen=True)
class ObjectiveEntry:
    """objective: the class. build: makes a small instance, for `DIMENSION` and `CLASSES`. batch: kind of its batches:
    images with targets of a centre-based network (`idfree.learn.data.targets`), images with targets of RetinaNet
    (`idfree.learn.data.teacher_batches`), pairs of images (`idfree.learn.data.views`), or crops
    (`idfree.learn.data.crop_batches`). float32_only: outputs must be float32, as the training loop passes them; the
    other objectives accept half precision, too.
    """

    objective: type[nn.Module]
    build: Callable[[], nn.Module]
    batch: BatchKind
    float32_only: bool = False


def build_jde_balance() -> nn.Module:
    """Anchor targets with detection and identities, as JDE trains them."""
    return JdeTargets(LossBalance(JdeDetectionLoss(), CentreIdentityLoss(CLASSES, DIMENSION)), ANCHOR_SIZES)


OBJECTIVES: dict[str, ObjectiveEntry] = {
    "jde_detection": ObjectiveEntry(
        JdeDetectionLoss, lambda: JdeTargets(JdeDetectionLoss(), ANCHOR_SIZES), "images", float32_only=True
    ),
    "jde_targets": ObjectiveEntry(JdeTargets, build_jde_balance, "images", float32_only=True),
    "anchor_distillation": ObjectiveEntry(AnchorDistillationLoss, AnchorDistillationLoss, "pyramids"),
    "balance": ObjectiveEntry(
        LossBalance, lambda: LossBalance(DetectionLoss(), CentreIdentityLoss(CLASSES, DIMENSION)), "images"
    ),
    "centre_distillation": ObjectiveEntry(CentreDistillationLoss, CentreDistillationLoss, "images"),
    "centre_identity": ObjectiveEntry(CentreIdentityLoss, lambda: CentreIdentityLoss(CLASSES, DIMENSION), "images"),
    "contrastive": ObjectiveEntry(ContrastiveLoss, lambda: ContrastiveLoss(DIMENSION), "pairs"),
    "cycle": ObjectiveEntry(CycleLoss, CycleLoss, "pairs"),
    "detection": ObjectiveEntry(DetectionLoss, DetectionLoss, "images"),
    "displacement": ObjectiveEntry(DisplacementLoss, DisplacementLoss, "images"),
    "faster_rcnn": ObjectiveEntry(FasterRcnnLoss, FasterRcnnLoss, "regions", float32_only=True),
    "first_view": ObjectiveEntry(FirstViewLoss, lambda: FirstViewLoss(DetectionLoss()), "pairs"),
    "masked_softmax": ObjectiveEntry(
        MaskedSoftmaxLoss, lambda: MaskedSoftmaxLoss(TRACKLETS, DIMENSION), "crops", float32_only=True
    ),
    "matching": ObjectiveEntry(MatchingLoss, MatchingLoss, "pairs"),
    "occlusion": ObjectiveEntry(OcclusionLoss, OcclusionLoss, "images"),
    "retina": ObjectiveEntry(RetinaLoss, RetinaLoss, "pyramids", float32_only=True),
    "softmax": ObjectiveEntry(SoftmaxLoss, lambda: SoftmaxLoss(CLASSES, DIMENSION), "crops", float32_only=True),
    "sum": ObjectiveEntry(
        LossSum, lambda: LossSum([SoftmaxLoss(CLASSES, DIMENSION), TripletLoss()]), "crops", float32_only=True
    ),
    "triplet": ObjectiveEntry(TripletLoss, TripletLoss, "crops", float32_only=True),
}
