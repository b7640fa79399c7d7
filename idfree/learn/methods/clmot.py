"""CL-MOT (Silva et al. 2021, A Contrastive Learning Framework for Multi-Object Tracking): boxes on still images.

Positives are the same object in two augmented views of an image, negatives all other objects of that image. No
identity labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import nn

from idfree.datasets.footage import Footage
from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.views import TwoViews, TwoViewsSettings
from idfree.learn.methods import one_shot
from idfree.learn.methods.occlusions import OcclusionSettings, detection_loss, occlusion_network, with_occlusions
from idfree.learn.methods.one_shot import BatchSource, Method
from idfree.learn.objectives.balance import LossBalance
from idfree.learn.objectives.contrastive import ContrastiveKind, ContrastiveLoss, ContrastiveSettings, Pool
from idfree.learn.objectives.occlusion import OcclusionLoss
from idfree.learn.objectives.pairs import FirstViewLoss


@dataclass(frozen=True)
class ClmotSettings(OcclusionSettings):
    """batch: images, each in two views. objective, margin, temperature, violating, projection: see ContrastiveSettings.
    pool: also there. around: additional off-centre cells per object that enter the contrast. detect: detection losses
    on first views only or on both. Defaults are the paper's; its code: margin=0.5 violating=true balance=frozen
    pool=batch, around=1 optional.
    """

    dimension: int = 512
    epochs: int = 40
    batch: int = 8
    first_drop: float = 20 / 40
    second_drop: float = 30 / 40
    objective: ContrastiveKind = "triplet-hard"
    margin: float = 0.3
    temperature: float = 0.5
    violating: bool = False
    projection: int = 0
    pool: Pool = "image"
    around: int = 0
    detect: Literal["first", "both"] = "first"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.contrast(), self.views()

    def contrast(self) -> ContrastiveSettings:
        """Settings of the contrastive loss. Raises ValueError."""
        return ContrastiveSettings(
            self.objective, self.margin, self.temperature, self.violating, self.projection, self.pool
        )

    def views(self) -> TwoViewsSettings:
        """Settings of the two views. Raises ValueError."""
        return TwoViewsSettings(around=self.around)


def objective(settings: ClmotSettings, dataset: LabelledImages) -> nn.Module:
    """Balanced detection loss on first views and contrastive loss between both views (sec. 3.3)."""
    if settings.occlusions == "only":
        return OcclusionLoss()
    detection = detection_loss(settings)
    if settings.detect == "first":
        detection = FirstViewLoss(detection)
    return LossBalance(detection, ContrastiveLoss(settings.dimension, settings.contrast()), settings.balance)


def batches(settings: ClmotSettings, dataset: LabelledImages, rank_world: tuple[int, int]) -> BatchSource:
    """Batches of two views per image; unreadable images are replaced."""
    images = ImageBatches(
        dataset,
        settings.batch_shape(),
        settings.seed,
        settings.augmentation,
        skip_unreadable=True,
        rank_world=rank_world,
    )
    return with_occlusions(TwoViews(images, settings.views()), settings)


CLMOT = Method("clmot", ClmotSettings, occlusion_network, objective, batches)


def train(footages: Sequence[Footage], settings: ClmotSettings, run: Path, **options: Any) -> Path:
    """Train on images with boxes; returns the path of RUN/model.onnx. Options and outputs: see one_shot.train."""
    return one_shot.train(CLMOT, footages, settings, run, **options)
