"""OUTrack (Liu et al. 2021, Online MOT with Unsupervised Re-ID Learning and Occlusion Estimation): boxes on frames.

A matching loss between the objects of two nearby frames, with pairs of two scenes as negatives; no identity labels.
Occlusion centres, learnt from boxes alone, let trackers find lost objects again (idfree.trackers.refinding). The
cycle-consistency loss `cycas` (Wang 2020) is the paper's baseline.
"""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from idfree.learn.data.batch_source import BatchSource
from idfree.learn.data.labelled_images import LabelledImages
from idfree.learn.data.views import FramePairs, FramePairsSettings, TwoViews, TwoViewsSettings
from idfree.learn.methods.method import Method, image_batches
from idfree.learn.methods.occlusions import OcclusionSettings, detection_loss, occlusion_network, with_occlusions
from idfree.learn.objectives.balance import LossBalance
from idfree.learn.objectives.matching import CycleLoss, CycleSettings, MatchingLoss, MatchingSettings
from idfree.learn.objectives.occlusion import OcclusionLoss

SELF_PAIRS = 0.5  # probability, with views=both, that a video frame is paired with itself


@dataclass(frozen=True)
class OutrackSettings(OcclusionSettings):
    """batch: number of image pairs. objective: the paper's `utrack`, or `cycas`, which uses no negative pairs. views: a
    video frame is paired with one of `frames` consecutive frames (`frames`), with a second view of itself (`images`),
    or with either at equal probability (`both`); a still image always with itself. alike: both frames of a pair get the
    same augmentation (docs/label_free.md). negatives: ratio of negative pairs (two scenes) to positive ones. All else:
    see MatchingSettings. The public code: frames=10 negative=hinge.
    """

    dimension: int = 256
    objective: Literal["utrack", "cycas"] = "utrack"
    views: Literal["frames", "images", "both"] = "frames"
    frames: int = 20
    alike: bool = True
    negatives: float = 0.25
    placeholder: Literal["mean", "zero", "none"] = "mean"
    temperature: float | None = None
    margin: float = 0.5
    negative: Literal["mean", "sum", "hinge"] = "mean"
    intra: bool = True
    inter: bool = True
    cycle: bool = True
    occlusions: Literal["joint", "only", "none"] = "joint"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.objective == "utrack" and not (self.intra or self.inter or self.cycle):
            raise ValueError("intra, inter and cycle are all off: nothing is left to learn from pairs")
        self.matching(), self.pairs()

    def matching(self) -> MatchingSettings:
        """Settings of the matching loss. Raises ValueError."""
        terms = (self.intra, self.inter, self.cycle)
        return MatchingSettings(self.placeholder, self.temperature, self.margin, self.negative, *terms)

    def pairs(self) -> TwoViewsSettings:
        """Settings of the image pairs. Raises ValueError."""
        negatives = self.negatives if self.objective == "utrack" else 0.0
        if self.views == "images":
            return TwoViewsSettings(mirrored=False, negatives=negatives)
        self_pairs = SELF_PAIRS if self.views == "both" else 0.0
        return FramePairsSettings(negatives=negatives, frames=self.frames, self_pairs=self_pairs, alike=self.alike)


def objective(settings: OutrackSettings, dataset: LabelledImages) -> nn.Module:
    """Balanced detection loss on all images and matching loss within pairs (Liu 2021, sec. 3.1)."""
    if settings.occlusions == "only":
        return OcclusionLoss()
    if settings.objective == "cycas":
        matching: nn.Module = CycleLoss(CycleSettings(settings.temperature, settings.margin))
    else:
        matching = MatchingLoss(settings.matching())
    return LossBalance(detection_loss(settings), matching, settings.balance)


def batches(settings: OutrackSettings, dataset: LabelledImages, rank_world: tuple[int, int]) -> BatchSource:
    """Batches of image pairs, with their occlusions; unreadable images are replaced."""
    images = image_batches(settings, dataset, rank_world)
    pairs = settings.pairs()
    views = FramePairs(images, pairs) if isinstance(pairs, FramePairsSettings) else TwoViews(images, pairs)
    return with_occlusions(views, settings)


OUTRACK = Method("outrack", OutrackSettings, occlusion_network, objective, batches)
