"""CL-MOT (Silva et al. 2021, A Contrastive Learning Framework for Multi-Object Tracking): boxes on still images.

Whoever is at the same place in two views of one picture is one, all others of the picture are others. No identities.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import nn

from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.labelled_images import Footage, LabelledImages
from idfree.learn.data.views import TwoViews, TwoViewsSettings
from idfree.learn.methods import one_shot
from idfree.learn.methods.one_shot import Method, OneShotSettings, centre
from idfree.learn.objectives.balance import LossBalance
from idfree.learn.objectives.contrast import ContrastiveLoss, ContrastiveSettings, Kind
from idfree.learn.objectives.detection import DetectionLoss
from idfree.learn.objectives.pairs import FirstViewLoss


@dataclass(frozen=True)
class ClmotSettings(OneShotSettings):
    """batch: pictures, of which the network sees two views each. objective, margin, temperature, violating, projection:
    see ContrastiveSettings. around: more cells of each object that are to look like its centre. detect: objects are found
    in the first views, or in both. The paper's; its code: margin=0.5 violating=true balance=frozen, around=1 at will.
    """

    dimension: int = 512
    epochs: int = 40
    batch: int = 8
    first_drop: float = 20 / 40
    second_drop: float = 30 / 40
    objective: Kind = "triplet-hard"
    margin: float = 0.3
    temperature: float = 0.5
    violating: bool = False
    projection: int = 0
    around: int = 0
    detect: Literal["first", "both"] = "first"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.contrast(), self.views()

    def contrast(self) -> ContrastiveSettings:
        """What views are compared by. Raises ValueError."""
        return ContrastiveSettings(self.objective, self.margin, self.temperature, self.violating, self.projection)

    def views(self) -> TwoViewsSettings:
        """What the two views are. Raises ValueError."""
        return TwoViewsSettings(around=self.around)


def objective(settings: ClmotSettings, scenes: LabelledImages) -> nn.Module:
    """Detection in first views, contrast between both, balanced (sec. 3.3)."""
    detection = FirstViewLoss(DetectionLoss()) if settings.detect == "first" else DetectionLoss()
    return LossBalance(detection, ContrastiveLoss(settings.dimension, settings.contrast()), settings.balance)


def batches(settings: ClmotSettings, scenes: LabelledImages, share: tuple[int, int]) -> TwoViews:
    """Two views of each picture; those that cannot be read are replaced."""
    pictures = ImageBatches(scenes, settings.shape(), settings.seed, settings.augmentation, skip=True, share=share)
    return TwoViews(pictures, settings.views())


CLMOT = Method("clmot", ClmotSettings, centre, objective, batches)


def train(footages: Sequence[Footage], settings: ClmotSettings, run: Path, **options: Any) -> Path:
    """Train on pictures with boxes; gives the path of RUN/model.onnx. options, and what is written: one_shot.train."""
    return one_shot.train(CLMOT, footages, settings, run, **options)
