"""Batches of image pairs: two views of an image, nearby frames of a video, or two scenes. Identities are not used."""

import logging
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from idfree.core.boxes import split_halves
from idfree.core.errors import UserError
from idfree.core.types import Integers
from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.labelled_images import LabelledImage
from idfree.learn.data.scenes import Scenes, scene_groups, video_spans
from idfree.learn.data.targets import make_targets, stack_padded
from idfree.learn.data.warp import augment_image
from idfree.learn.tensors import Tensors

LOG = logging.getLogger("idfree")

MIDDLE_XY = ((0.25, 0.0), (0.75, 1.0))  # range of off-centre cells, as fractions of the box (CL-MOT's code)


@dataclass(frozen=True)
class TwoViewsSettings:
    """mirrored: exactly one of the two views is flipped; otherwise each is flipped at random. negatives: ratio of
    negative pairs (two scenes) to positive ones. around: off-centre cells per object.
    """

    mirrored: bool = True  # Silva 2021, CL-MOT
    negatives: float = 0.0  # Liu 2021, OUTrack: 0.25; training does not converge from 1 on
    around: int = 0  # an option of CL-MOT's code, with 1

    def __post_init__(self) -> None:
        if not 0 <= self.negatives < np.inf or self.around < 0:
            raise ValueError(f"negatives={self.negatives} and around={self.around} must be 0 or more")


@dataclass(frozen=True)
class FramePairsSettings(TwoViewsSettings):
    """frames: both images lie within so many consecutive frames of a video (Liu 2021, OUTrack: 20; its code: 10).
    self_pairs: probability that a frame is paired with a second view of itself, as still images are. alike: both frames
    get the same augmentation.
    """

    mirrored: bool = False
    negatives: float = 0.25
    frames: int = 20
    self_pairs: float = 0.0
    alike: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames < 1:
            raise ValueError(f"frames={self.frames} must be 1 or more")
        if not 0 <= self.self_pairs <= 1:
            raise ValueError(f"self_pairs={self.self_pairs} must lie in 0…1")


class TwoViews:
    """A BatchSource of image pairs: the P images of each batch of `batches`, then their partners in the same order.

    The partner is a second view (augmentation) of the same image or, in negative pairs, an image of another scene (see
    `scene_groups`). A batch has the columns of `make_targets` for these 2P images, except "identity"; "row" is equal
    for an object in both views. Also "negative" bool (P,): the pair shows two scenes; and, if requested, "around" int64
    (2P, M, K): K off-centre cells of each object, numbered as "index". Raises UserError for mosaics.
    """

    alike = False  # whether two images of one scene get the same augmentation

    def __init__(self, batches: ImageBatches, settings: TwoViewsSettings | None = None):
        if batches.augmentation.mosaic:
            raise UserError(
                f"augmentation.mosaic={batches.augmentation.mosaic}: pairs are not made of mosaics, in several of which"
                " the same object would be; expected 0"
            )
        self.batches, self.settings = batches, settings or TwoViewsSettings()
        self.scenes = Scenes.from_groups(scene_groups(batches.dataset))
        ratio = self.settings.negatives
        self.negative_fraction = ratio / (1 + ratio)
        if self.negative_fraction and self.scenes.count[0] == len(batches.dataset):
            LOG.warning("%s is all one scene: there are no negative pairs", batches.dataset.footages[0].name)
            self.negative_fraction = 0.0

    def __call__(self, step: int) -> Tensors:
        numbers, streams = self.batches.image_numbers(step).tolist(), self.batches.random_streams(step)
        is_negative = self.negative_pairs(step).tolist()
        first, second, negative = zip(*map(self.make_pair, numbers, is_negative, streams), strict=True)
        samples, shape = [*first, *second], self.batches.shape
        batch = make_targets(samples, self.batches.dataset, shape.stride, shape.sides)
        del batch["identity"]
        if count := self.settings.around:
            both = zip(samples, streams * 2, strict=True)
            cells = [off_centre_cells(sample, shape.stride, count, random) for sample, random in both]
            batch["around"] = stack_padded(cells, 0)
        return {**batch, "negative": torch.tensor(negative)}

    @property
    def per_epoch(self) -> int:
        """Batches per epoch; partners are not counted."""
        return self.batches.per_epoch

    def negative_pairs(self, step: int) -> NDArray[np.bool_]:
        """(P,) mask of the pairs of a batch that are to be negative, evenly spread over the run."""
        position = self.batches.positions(step)
        before, after = (np.floor(count * self.negative_fraction + 0.5) for count in (position, position + 1))
        return np.asarray(before < after)

    def make_pair(
        self, number: int, is_negative: bool, random: np.random.Generator
    ) -> tuple[LabelledImage, LabelledImage, bool]:
        """An image and its partner, augmented, and whether the pair is negative.

        If the partner is unreadable and may be skipped (see ImageBatches), it is replaced by a second view.
        """
        number, sample = self.batches.read(number, random)
        partner_number = self.scenes.draw_other(number, random) if is_negative else self.partner(number, random)
        partner = self.try_read(partner_number) if partner_number != number else sample
        settings, size_hw = [self.batches.augmentation] * 2, self.batches.shape.size_hw
        if self.settings.mirrored:
            flip = random.random() < settings[0].flip
            settings = [replace(settings[0], flip=float(each)) for each in (flip, not flip)]
        same_augmentation = self.alike and partner_number != number and partner is not None
        partner_random = deepcopy(random) if same_augmentation else random
        first = augment_image(sample, size_hw, random, settings[0])
        second = augment_image(partner or sample, size_hw, partner_random, settings[1])
        return first, second, is_negative and partner is not None

    def partner(self, number: int, random: np.random.Generator) -> int:
        """The number of the partner in a positive pair."""
        return number

    def try_read(self, number: int) -> LabelledImage | None:
        """Read an image; None if it is unreadable and may be skipped. Raises UserError that names the file."""
        try:
            return self.batches.dataset[number]
        except UserError as error:
            if not self.batches.skip_unreadable:
                raise
            self.batches.warn_unreadable(number, error)
            return None


class FramePairs(TwoViews):
    """As `TwoViews`, but a video frame is paired with a nearby frame; a still image with a second view of itself."""

    def __init__(self, batches: ImageBatches, settings: FramePairsSettings | None = None):
        settings = settings or FramePairsSettings()
        super().__init__(batches, settings)
        self.max_gap, self.self_pairs, self.alike = settings.frames - 1, settings.self_pairs, settings.alike
        self.start, self.count = video_spans(batches.dataset)

    def partner(self, number: int, random: np.random.Generator) -> int:
        """The number of a random frame of the same video within `max_gap` frames, or `number` itself."""
        start, frame = int(self.start[number]), self.batches.dataset.frame
        frames = frame[start : start + self.count[number]]  # of the video, ascending, perhaps with gaps
        first = start + int(np.searchsorted(frames, frame[number] - self.max_gap))
        last = start + int(np.searchsorted(frames, frame[number] + self.max_gap, side="right")) - 1
        if first == last or (self.self_pairs and random.random() < self.self_pairs):
            return number
        other = int(random.integers(first, last))  # uniform over first…last without `number`
        return other + (other >= number)


def off_centre_cells(sample: LabelledImage, stride: int, count: int, random: np.random.Generator) -> Integers:
    """(N, count) random cells of each box's visible part: the middle half of its width, its full height."""
    top_left, bottom_right = split_halves(sample.visible / stride)
    height, width = (side // stride for side in sample.image.shape[:2])
    fraction = random.uniform(*MIDDLE_XY, (len(top_left), count, 2))
    xy = top_left[:, None] + fraction * (bottom_right - top_left)[:, None]
    x, y = np.moveaxis(xy, 2, 0).astype(np.int64)
    return np.minimum(y, height - 1) * width + np.minimum(x, width - 1)
