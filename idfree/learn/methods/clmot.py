"""CL-MOT (Silva et al. 2021, A Contrastive Learning Framework for Multi-Object Tracking): boxes on still images.

A contrastive loss: positives are two augmented views of an object, negatives all other objects of the image. No
identity labels.
"""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from idfree.learn.data.batch_source import BatchSource
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.views import TwoViews, TwoViewsSettings
from idfree.learn.methods.method import Method, image_batches
from idfree.learn.methods.occlusions import OcclusionSettings, detection_loss, occlusion_network, with_occlusions
from idfree.learn.objectives.balance import LossBalance
from idfree.learn.objectives.contrastive import ContrastiveKind, ContrastiveLoss, ContrastiveSettings, Pool
from idfree.learn.objectives.occlusion import OcclusionLoss
from idfree.learn.objectives.pairs import FirstViewLoss


@dataclass(frozen=True)
class ClmotSettings(OcclusionSettings):
    """batch: number of images, each in two views. objective, margin, temperature, violating, projection, pool: see
    ContrastiveSettings. around: additional off-centre cells per object, whose embeddings are compared, too. detect:
    detection losses on first views only, or on both. Defaults are the paper's; its code: margin=0.5 violating=true
    balance=frozen pool=batch, around=1 optional.
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
    pairs = TwoViews(image_batches(settings, dataset, rank_world), settings.views())
    return with_occlusions(pairs, settings)


CLMOT = Method("clmot", ClmotSettings, occlusion_network, objective, batches)
