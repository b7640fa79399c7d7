"""OUTrack (Liu et al. 2021, Online MOT with Unsupervised Re-ID Learning and Occlusion Estimation): boxes on frames.

Two frames near each other show mostly the same people, so most of one match in the other, both ways alike; two scenes
share nobody. No identities. `cycas` is the rival of the paper: from frame to frame and back (Wang 2020).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import nn

from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.labelled_images import Footage, LabelledImages
from idfree.learn.data.views import FramePairs, FramePairsSettings, TwoViews, TwoViewsSettings
from idfree.learn.methods import one_shot
from idfree.learn.methods.one_shot import Method, OneShotSettings, centre
from idfree.learn.objectives.balance import LossBalance
from idfree.learn.objectives.detection import DetectionLoss
from idfree.learn.objectives.matching import CycleLoss, CycleSettings, MatchingLoss, MatchingSettings

EVEN = 0.5  # share of the frames of videos that are seen beside themselves where both kinds of pairs are wanted


@dataclass(frozen=True)
class OutrackSettings(OneShotSettings):
    """batch: pairs of pictures. objective: the paper's `utrack`, or `cycas`, which learns from no pair of two scenes.
    views: a frame of a video is seen beside another of `frames` consecutive ones (`frames`), beside itself, varied anew
    (`images`), or as often the one as the other (`both`); a still image always beside itself. negatives: pairs of two
    scenes to each other pair. All else: see MatchingSettings. The code: frames=10 negative=hinge.

    alike: two frames are varied in the same way, so that they differ as the video has it. The objective takes the most
    alike for the same: from a detector that knows no looks, 36 % of them are so if each frame is varied anew, 71 % if
    both alike, and what is learnt follows: mAP 55 and 59 (docs/label_free.md).
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

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.objective == "utrack" and not (self.intra or self.inter or self.cycle):
            raise ValueError("intra, inter and cycle are all off: nothing is left to learn from pairs")
        self.matching(), self.pairs()

    def matching(self) -> MatchingSettings:
        """What pairs are matched by. Raises ValueError."""
        terms = (self.intra, self.inter, self.cycle)
        return MatchingSettings(self.placeholder, self.temperature, self.margin, self.negative, *terms)

    def pairs(self) -> TwoViewsSettings:
        """What the pairs are. Raises ValueError."""
        negatives = self.negatives if self.objective == "utrack" else 0.0
        if self.views == "images":
            return TwoViewsSettings(mirrored=False, negatives=negatives)
        itself = EVEN if self.views == "both" else 0.0
        return FramePairsSettings(negatives=negatives, frames=self.frames, itself=itself, alike=self.alike)


def objective(settings: OutrackSettings, scenes: LabelledImages) -> nn.Module:
    """Detection in all pictures, matching within pairs, balanced (Liu 2021, sec. 3.1)."""
    if settings.objective == "cycas":
        matching: nn.Module = CycleLoss(CycleSettings(settings.temperature, settings.margin))
    else:
        matching = MatchingLoss(settings.matching())
    return LossBalance(DetectionLoss(), matching, settings.balance)


def batches(settings: OutrackSettings, scenes: LabelledImages, share: tuple[int, int]) -> TwoViews:
    """Pairs of pictures; those that cannot be read are replaced."""
    pictures = ImageBatches(scenes, settings.shape(), settings.seed, settings.augmentation, skip=True, share=share)
    pairs = settings.pairs()
    return FramePairs(pictures, pairs) if isinstance(pairs, FramePairsSettings) else TwoViews(pictures, pairs)


OUTRACK = Method("outrack", OutrackSettings, centre, objective, batches)


def train(footages: Sequence[Footage], settings: OutrackSettings, run: Path, **options: Any) -> Path:
    """Train on pictures with boxes; gives the path of RUN/model.onnx. options, and what is written: one_shot.train."""
    return one_shot.train(OUTRACK, footages, settings, run, **options)
