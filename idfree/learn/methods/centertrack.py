"""CenterTrack (Zhou et al. 2020, Tracking Objects as Points): boxes on video with identities, or on still images.

A detector that takes two frames regresses each object's displacement to the previous one, by which the tracker
`centertrack` matches detections.
"""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from idfree.learn.data.batch_source import BatchSource
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.previous_frames import PreviousFrameBatches, PreviousFramesSettings
from idfree.learn.methods.method import Method, image_batches
from idfree.learn.methods.occlusions import OcclusionSettings, detection_loss, with_occlusions
from idfree.learn.networks.backbones import make_backbone
from idfree.learn.networks.centertrack import CenterTrackNetwork, centertrack_heads
from idfree.learn.networks.heads import occlusion_heads
from idfree.learn.objectives.balance import LossSum
from idfree.learn.objectives.displacement import DisplacementLoss


@dataclass(frozen=True)
class CenterTrackSettings(OcclusionSettings):
    """views: the previous frame is a neighbouring one in videos and simulated for still images (`frames`), or always
    simulated (`images`), for which no identities are needed. frames, same_aug, shift, scale, hm_disturb, lost_disturb,
    fp_disturb: see PreviousFramesSettings. Defaults are the public code's for MOT17, whose `ltrb_amodal` is sides=4.
    dimension and balance are without effect, since there is no embedding.
    """

    epochs: int = 70
    batch: int = 32
    first_drop: float = 60 / 70
    second_drop: float = 1.0
    occlusions: Literal["joint", "none"] = "none"
    views: Literal["frames", "images"] = "frames"
    frames: int = 3
    same_aug: bool = True
    shift: float = 0.05
    scale: float = 0.05
    hm_disturb: float = 0.05
    lost_disturb: float = 0.4
    fp_disturb: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.previous()

    def previous(self) -> PreviousFramesSettings:
        """Settings of the previous frames. Raises ValueError."""
        return PreviousFramesSettings(
            self.frames,
            self.views == "images",
            self.same_aug,
            self.shift,
            self.scale,
            self.hm_disturb,
            self.lost_disturb,
            self.fp_disturb,
        )


def network(settings: CenterTrackSettings, categories: int) -> CenterTrackNetwork:
    """CenterTrack's network (Zhou 2020, fig. 2), with occlusion heads if `occlusions` is `joint`."""
    heads = centertrack_heads(categories, settings.sides)
    if settings.occlusions == "joint":
        heads |= occlusion_heads()
    return CenterTrackNetwork(make_backbone(settings.backbone, settings.stride), heads, settings.pixels)


def objective(settings: CenterTrackSettings, dataset: LabelledImages) -> nn.Module:
    """Sum of detection and displacement losses (Zhou 2020, sec. 4.2)."""
    return LossSum([detection_loss(settings), DisplacementLoss()])


def batches(settings: CenterTrackSettings, dataset: LabelledImages, rank_world: tuple[int, int]) -> BatchSource:
    """Batches of images with their previous frames; unreadable images are replaced."""
    pairs = PreviousFrameBatches(image_batches(settings, dataset, rank_world), settings.previous())
    return with_occlusions(pairs, settings)


CENTERTRACK = Method("centertrack", CenterTrackSettings, network, objective, batches, uses_identities=True)
