"""Faster R-CNN (Ren et al. 2015) on a feature pyramid (Lin et al. 2017): a detector from boxes, without identities.

Its box head regresses any box that it is given, on which the tracker `tracktor` is built (Bergmann 2019). The region
proposal network and the box head are trained jointly ("approximate joint training", Ren 2015, sec. 3.2).
"""

from dataclasses import dataclass

from torch import nn

from idfree.learn.data.anchor_batches import AnchorBatches
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.methods.method import Method, image_batches
from idfree.learn.methods.one_shot_settings import OneShotSettings
from idfree.learn.networks.faster_rcnn import CHANNELS, HIDDEN, REGIONS, FasterRcnn, make_body
from idfree.learn.networks.faster_rcnn_weights import load_initial_weights
from idfree.learn.networks.proposals import PROPOSALS, SIDE
from idfree.learn.networks.tracker import Pixels
from idfree.learn.objectives.faster_rcnn import FasterRcnnLoss
from idfree.learn.schedule import Optimiser

ANCHORS = 256  # sampled in an image (Ren 2015, sec. 3.1.3)


@dataclass(frozen=True)
class FasterRcnnSettings(OneShotSettings):
    """channels: of the pyramid's levels. hidden: units of the box head's two layers. anchor: √area in pixels of the
    anchors of the finest level, which doubles with each. proposals: boxes of an image that the box head classifies.
    anchors, regions: anchors and proposals sampled for the losses of an image. Defaults are those of torchvision's
    reference training but for the backbone. stride, sides, dimension and balance have no effect.
    """

    backbone: str = "resnet18-fpn"
    pixels: Pixels = "imagenet"
    channels: int = CHANNELS
    hidden: int = HIDDEN
    anchor: int = SIDE
    proposals: int = PROPOSALS
    anchors: int = ANCHORS
    regions: int = REGIONS
    epochs: int = 26
    batch: int = 16
    lr: float = 0.02
    optimiser: Optimiser = "sgd"
    first_drop: float = 16 / 26
    second_drop: float = 22 / 26
    warm_up: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("channels", "hidden", "anchor", "proposals", "anchors", "regions"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 1 or more")


def network(settings: FasterRcnnSettings, categories: int) -> FasterRcnn:
    """Faster R-CNN of the categories and the background."""
    return FasterRcnn(
        make_body(settings.backbone),
        categories + 1,
        settings.channels,
        settings.hidden,
        settings.pixels,
        side=settings.anchor,
        proposals=settings.proposals,
        regions=settings.regions,
    )


def objective(settings: FasterRcnnSettings, dataset: LabelledImages) -> nn.Module:
    """Losses of the region proposal network and of the box head, summed."""
    return FasterRcnnLoss(settings.anchor)


def batches(settings: FasterRcnnSettings, dataset: LabelledImages, rank_world: tuple[int, int]) -> AnchorBatches:
    """Batches of images with sampled anchors; unreadable images are replaced."""
    return AnchorBatches(image_batches(settings, dataset, rank_world), settings.anchor, settings.anchors)


FASTERRCNN = Method("fasterrcnn", FasterRcnnSettings, network, objective, batches, load_weights=load_initial_weights)
