"""Batches of pictures in pairs, found by arithmetic on their numbers: nobody's identity is read, or passed on."""

import logging
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from idfree.core.boxes import halves
from idfree.core.errors import UserError
from idfree.core.types import Integers
from idfree.learn import Tensors
from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.labelled_images import LabelledImage, LabelledImages
from idfree.learn.data.targets import padded, targets
from idfree.learn.data.warp import vary

LOG = logging.getLogger("idfree")

MIDDLE_XY = ((0.25, 0.0), (0.75, 1.0))  # of a box: from where to where "around" lies (CL-MOT's code)


@dataclass(frozen=True)
class TwoViewsSettings:
    """mirrored: the second view is flipped where the first is not; otherwise each is as chance has it. negatives: so
    many pairs of two different scenes to each other pair. around: cells of each box, beside its centre, to be told.
    """

    mirrored: bool = True  # (Silva 2021, CL-MOT)
    negatives: float = 0.0  # 0.25 for matching; with 1 or more it does not converge (Liu 2021, OUTrack)
    around: int = 0  # 1 in CL-MOT's code, as an option

    def __post_init__(self) -> None:
        if not 0 <= self.negatives < np.inf or self.around < 0:
            raise ValueError(f"negatives={self.negatives} and around={self.around} must be 0 or more")


@dataclass(frozen=True)
class FramePairsSettings(TwoViewsSettings):
    """frames: both pictures lie within so many consecutive ones of a video (Liu 2021, OUTrack; its code: 10). itself:
    chance that a frame is its own partner, as still images are. alike: two frames are varied in the same way, so that
    they differ as the video has it.
    """

    mirrored: bool = False
    negatives: float = 0.25
    frames: int = 20
    itself: float = 0.0
    alike: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames < 1:
            raise ValueError(f"frames={self.frames} must be 1 or more")
        if not 0 <= self.itself <= 1:
            raise ValueError(f"itself={self.itself} must lie in 0…1")


class TwoViews:
    """Batch n of a run: the P pictures of batch n of `batches`, then, in their order, the partner of each.

    A partner is the same picture, varied anew; or, as often as the settings say, one of another scene: of another
    video, or another still image. Gives what `targets` says of these 2P pictures, but "identity"; the "row" of an
    object is the same in both views. Beside it "negative" bool (P,): the two are different scenes; and, if asked for,
    "around" int64 (2P, M, K): K cells of each object, as "index". Raises UserError for mosaics.
    """

    def __init__(self, batches: ImageBatches, settings: TwoViewsSettings | None = None):
        if batches.augmentation.mosaic:
            raise UserError(
                f"augmentation.mosaic={batches.augmentation.mosaic}: pairs are not made of mosaics, in several of which"
                " the same object would be; expected 0"
            )
        self.batches, self.settings = batches, settings or TwoViewsSettings()
        self.alike = False
        self.start, self.count = spans(batches.scenes)
        ratio = self.settings.negatives
        self.share = ratio / (1 + ratio)
        if self.share and self.count[0] == len(self.count):
            LOG.warning("%s is all one scene: there are no negative pairs", batches.scenes.footages[0].name)
            self.share = 0.0

    def __call__(self, step: int) -> Tensors:
        numbers, streams = self.batches.numbers(step).tolist(), self.batches.streams(step)
        wanted = self.negative(step).tolist()
        first, second, negative = zip(*map(self.pair, numbers, wanted, streams), strict=True)
        scenes, shape = [*first, *second], self.batches.shape
        batch = targets(scenes, self.batches.scenes, shape.stride, shape.sides)
        del batch["identity"]
        if self.settings.around:
            parts = [around(s, shape.stride, self.settings.around, r) for s, r in zip(scenes, streams * 2, strict=True)]
            batch["around"] = padded(parts, 0)
        return {**batch, "negative": torch.tensor(negative)}

    @property
    def per_epoch(self) -> int:
        """How many batches show every picture once, some of them again as the partner of another."""
        return self.batches.per_epoch

    def negative(self, step: int) -> NDArray[np.bool_]:
        """(P,) which pairs of a batch are to be of two scenes: evenly spread, so that each batch has its share."""
        place = self.batches.places(step)
        before, after = (np.floor(count * self.share + 0.5) for count in (place, place + 1))  # of all pairs so far
        return np.asarray(before < after)

    def pair(
        self, number: int, negative: bool, random: np.random.Generator
    ) -> tuple[LabelledImage, LabelledImage, bool]:
        """A picture and its partner, varied, and whether they are two scenes.

        Where the partner cannot be read and that is no error (see ImageBatches), it is the picture itself.
        """
        number, scene = self.batches.found(number, random)
        partner = self.elsewhere(number, random) if negative else self.partner(number, random)
        other = self.read(partner) if partner != number else scene
        settings, size_hw = [self.batches.augmentation] * 2, self.batches.shape.size_hw
        if self.settings.mirrored:
            flip = random.random() < settings[0].flip
            settings = [replace(settings[0], flip=float(each)) for each in (flip, not flip)]
        again = deepcopy(random) if self.alike and partner != number and other is not None else random
        first = vary(scene, size_hw, random, settings[0])
        second = vary(other or scene, size_hw, again, settings[1])
        return first, second, negative and other is not None

    def partner(self, number: int, random: np.random.Generator) -> int:
        """The picture beside which a picture is seen."""
        return number

    def elsewhere(self, number: int, random: np.random.Generator) -> int:
        """A picture of another scene."""
        nth = int(random.integers(len(self.count) - self.count[number]))
        return nth + int(self.count[number]) * (nth >= self.start[number])

    def read(self, number: int) -> LabelledImage | None:
        """A picture; None where it cannot be read and may be left out. Raises UserError naming the file."""
        try:
            return self.batches.scenes[number]
        except UserError as error:
            if not self.batches.skip:
                raise
            self.batches.leave_out(number, error)
            return None


class FramePairs(TwoViews):
    """As `TwoViews`, but the partner of a frame of a video is another frame near it; that of a still image, itself."""

    def __init__(self, batches: ImageBatches, settings: FramePairsSettings | None = None):
        settings = settings or FramePairsSettings()
        super().__init__(batches, settings)
        self.reach, self.itself, self.alike = settings.frames - 1, settings.itself, settings.alike

    def partner(self, number: int, random: np.random.Generator) -> int:
        start, frame = int(self.start[number]), self.batches.scenes.frame
        here = frame[start : start + self.count[number]]  # ascending; some may be left out
        first = start + int(np.searchsorted(here, frame[number] - self.reach))
        last = start + int(np.searchsorted(here, frame[number] + self.reach, side="right")) - 1
        if first == last or (self.itself and random.random() < self.itself):
            return number
        other = int(random.integers(first, last))  # `last` itself stands in for the picture, which is left out
        return other + (other >= number)


def spans(scenes: LabelledImages) -> tuple[Integers, Integers]:
    """(P,) the first picture of the scene that each belongs to, and how many it has: a video, or a still image."""
    count = np.bincount(scenes.footage, minlength=len(scenes.footages))
    in_video = np.array([footage.moving for footage in scenes.footages])[scenes.footage]
    start = np.where(in_video, (np.cumsum(count) - count)[scenes.footage], np.arange(len(scenes)))
    return start, np.where(in_video, count[scenes.footage], 1)


def around(scene: LabelledImage, stride: int, count: int, random: np.random.Generator) -> Integers:
    """(N, count) cells drawn from the visible part of each box: the middle half of its width, its whole height."""
    corner, opposite = halves(scene.visible / stride)
    height, width = (side // stride for side in scene.image.shape[:2])
    where = random.uniform(*MIDDLE_XY, (len(corner), count, 2))
    x, y = np.moveaxis(corner[:, None] + where * (opposite - corner)[:, None], 2, 0).astype(np.int64)
    return np.minimum(y, height - 1) * width + np.minimum(x, width - 1)
