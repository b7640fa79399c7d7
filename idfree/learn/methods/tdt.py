"""TDT (Yu et al. 2022, Teaching Detectors to Track without Fully Annotated Videos): boxes on still images, a teacher.

Distillation: for each box, the detector learns the embedding that a frozen crop Re-ID network, the teacher, computes
from its crop. No identity labels.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from torch import nn

from idfree.core.errors import UserError
from idfree.learn.data.image_batches import ImageBatchShape
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.teacher_batches import TeacherBatches
from idfree.learn.data.warp import ImageAugmentation
from idfree.learn.methods.method import Method, centre_network, image_batches
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.networks.pyramid_anchors import STRIDES
from idfree.learn.networks.pyramids import make_pyramid
from idfree.learn.networks.retinanet import RetinaNet
from idfree.learn.networks.tracker import TrackerNetwork
from idfree.learn.objectives.balance import LossBalance, LossSum
from idfree.learn.objectives.detection import DetectionLoss
from idfree.learn.objectives.distillation import WEIGHT, AnchorDistillationLoss, CentreDistillationLoss
from idfree.learn.objectives.retinanet import RetinaLoss
from idfree.learn.schedule import Optimiser, RateShape

CENTRE_ONLY = ("stride", "sides", "balance")  # settings without effect on RetinaNet
# Flip and scale (Yu 2022). The shift is ours: without it, enlarged images would always be cropped about their centre.
AUGMENTATION = ImageAugmentation(
    rotation=0.0, shift=0.25, smallest=0.5, largest=2.0, shear=0.0, saturation=0.0, value=0.0
)


@dataclass(frozen=True)
class TdtSettings(OneShotSettings):
    """network: the paper's RetinaNet, or the centre-based network of FairMOT. dimension: of the student's embedding,
    which learns the first elements of the teacher's. distillation: weight of the distillation loss. Defaults are the
    paper's, except the optimiser, which it does not name.
    """

    network: Literal["retinanet", "centre"] = "retinanet"
    backbone: str = "resnet34-fpn"
    distillation: float = WEIGHT
    batch: int = 16
    lr: float = 0.15
    optimiser: Optimiser = "sgd"
    schedule: RateShape = "cosine"
    warm_up: int = 2000
    augmentation: ImageAugmentation = field(default=AUGMENTATION)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.distillation >= 0:
            raise ValueError(f"distillation is {self.distillation}, expected 0 or more")
        plain = OneShotSettings()
        changed = [name for name in CENTRE_ONLY if getattr(self, name) != getattr(plain, name)]
        if self.network == "retinanet" and changed:
            raise ValueError(f"{', '.join(changed)}: of network=centre alone, RetinaNet has no such setting")

    def target_shape(self) -> ImageBatchShape:
        """As `batch_shape`, with the stride of the network's finest map."""
        shape = self.batch_shape()
        return replace(shape, stride=STRIDES[0]) if self.network == "retinanet" else shape


def network(settings: TdtSettings, categories: int) -> TrackerNetwork:
    """RetinaNet with an embedding per anchor, or a centre-based network."""
    if settings.network == "centre":
        return centre_network(settings, categories)
    return RetinaNet(make_pyramid(settings.backbone), categories, settings.dimension, settings.pixels)


def objective(settings: TdtSettings, dataset: LabelledImages) -> nn.Module:
    """Detection losses and distillation: summed (RetinaNet), or balanced as in the other centre-based methods."""
    if settings.network == "centre":
        return LossBalance(DetectionLoss(), CentreDistillationLoss(settings.distillation), settings.balance)
    return LossSum([RetinaLoss(), AnchorDistillationLoss(settings.distillation)])


def batches(settings: TdtSettings, dataset: LabelledImages, rank_world: tuple[int, int]) -> TeacherBatches:
    """Batches of single images with the teacher's embeddings. Raises UserError without a teacher."""
    if dataset.teacher is None:
        raise UserError("tdt distils a teacher: name a crop Re-ID network (--teacher MODEL.onnx)")
    images = image_batches(settings, dataset, rank_world, settings.target_shape())
    return TeacherBatches(images, dataset.teacher, settings.dimension, settings.network == "retinanet")


TDT = Method("tdt", TdtSettings, network, objective, batches, needs_teacher=True)
