"""Batches of images with their previous frames, for CenterTrack (Zhou et al. 2020, sec. 4).

The previous frame is a neighbouring video frame or, for still images, simulated: the image itself, shifted and scaled
(sec. 4.4). The heatmap of the previous frame's objects is rendered with the errors of a detector: jittered, missing and
false centres (sec. 4.3).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from idfree.core.boxes import split_halves
from idfree.core.heatmaps import Heatmap, centre_heatmap
from idfree.core.types import Floats, Integers
from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.labelled_images import NO_LABEL, LabelledImage
from idfree.learn.data.targets import make_targets, stack_padded
from idfree.learn.data.views import FramePairs, FramePairsSettings
from idfree.learn.data.warp import letterbox_matrix, random_affine, random_colour_table, translation, warp_sample
from idfree.learn.tensors import Tensors


@dataclass(frozen=True)
class PreviousFramesSettings:
    """Names and defaults are the public code's.

    frames: the previous frame is less than so many frames before or after (max_frame_dist); if the frame itself is
    drawn, its previous frame is simulated. still: all previous frames are simulated. same_aug: both frames of a video
    get the same augmentation; without it, and if simulated, the previous frame is also shifted, by up to `shift` of the
    input size, and scaled, by up to `scale`. hm_disturb: standard deviation of the heatmap's centres, in box sizes.
    lost_disturb: probability that an object is missing from the heatmap. fp_disturb: probability that a false object
    is added beside it.
    """

    frames: int = 3
    still: bool = False
    same_aug: bool = True
    shift: float = 0.05
    scale: float = 0.05
    hm_disturb: float = 0.05
    lost_disturb: float = 0.4
    fp_disturb: float = 0.1

    def __post_init__(self) -> None:
        if self.frames < 1 or min(self.shift, self.hm_disturb) < 0 or not 0 <= self.scale < 1:
            raise ValueError("frames must be at least 1, shift and hm_disturb at least 0, scale in 0…1")
        if not (0 <= self.lost_disturb <= 1 and 0 <= self.fp_disturb <= 1):
            raise ValueError("lost_disturb and fp_disturb are probabilities, 0…1")


class PreviousFrameBatches:
    """The batches of `batches` (see `make_targets`) with the previous frame of each image.

    Adds "previous" uint8 (B, 3, H, W); "previous_heat" float32 (B, 1, H, W); "displacement" float32 (B, M, 2), from the
    centre of each full box to its centre in the previous frame, in cells; "displaced" bool (B, M): the object is in the
    previous frame. Video frames without identities are treated as still images.
    """

    def __init__(self, batches: ImageBatches, settings: PreviousFramesSettings | None = None):
        self.batches, self.settings = batches, settings or PreviousFramesSettings()
        frames = self.settings.frames
        pairs = FramePairsSettings(negatives=0.0, frames=frames, self_pairs=1 / (2 * frames - 1))
        self.pairs = FramePairs(batches, pairs)  # draws neighbouring frames

    @property
    def per_epoch(self) -> int:
        """Batches per epoch."""
        return self.batches.per_epoch

    def __call__(self, step: int) -> Tensors:
        numbers, streams = self.batches.image_numbers(step).tolist(), self.batches.random_streams(step)
        current, previous, moved, heat = zip(*map(self.make_pair, numbers, streams), strict=True)
        shape = self.batches.shape
        batch = make_targets(current, self.batches.dataset, shape.stride, shape.sides)
        return batch | {
            "previous": torch.from_numpy(np.stack(previous)).permute(0, 3, 1, 2),  # B H W 3 -> B 3 H W
            "previous_heat": torch.from_numpy(np.stack(heat)),
            "displacement": stack_padded([np.nan_to_num(each / shape.stride).astype(np.float32) for each in moved], 0),
            "displaced": stack_padded([np.isfinite(each).all(axis=1) for each in moved], 0),
        }

    def make_pair(
        self, number: int, random: np.random.Generator
    ) -> tuple[LabelledImage, NDArray[np.uint8], Floats, Heatmap]:
        """An augmented image, the previous image, displacements (N, 2) of the image's objects in px, and the previous
        heatmap (1, H, W). Displacements are NaN for objects that are not in the previous image.
        """
        number, sample = self.batches.read(number, random)
        previous_number = self.previous_number(number, random)
        read = self.pairs.try_read(previous_number) if previous_number != number else None
        is_simulated, previous_sample = read is None, read or sample
        size_hw, augmentation = self.batches.shape.size_hw, self.batches.augmentation
        affine, colours = random_affine(size_hw, random, augmentation), random_colour_table(random, augmentation)
        is_moved = is_simulated or not self.settings.same_aug
        previous_affine = self.random_shift_and_scale(random) @ affine if is_moved else affine
        current = warp_sample(sample, affine @ letterbox_matrix(sample, size_hw), size_hw, colours)
        matrix = previous_affine @ letterbox_matrix(previous_sample, size_hw)
        previous = warp_sample(previous_sample, matrix, size_hw, colours)
        identity = self.batches.dataset.identity
        keys = [each.row if is_simulated else identity[each.row] for each in (current, previous)]
        displacement = displacements(current.xyxy, previous.xyxy, *keys)
        return current, previous.image, displacement, noisy_heatmap(previous.visible, size_hw, random, self.settings)

    def previous_number(self, number: int, random: np.random.Generator) -> int:
        """The number of the previous frame; `number` itself if it is to be simulated."""
        dataset = self.batches.dataset
        footage = dataset.footages[dataset.footage[number]]
        rows = footage.boxes.rows_at(int(dataset.frame[number]))
        start = int(dataset.start[dataset.footage[number]])
        known = (dataset.identity[start + rows.start : start + rows.stop] != NO_LABEL).any()
        return number if self.settings.still or not known else self.pairs.partner(number, random)

    def random_shift_and_scale(self, random: np.random.Generator) -> Floats:
        """A random affine map (3, 3): scaling about the centre of the input, then a shift."""
        height, width = self.batches.shape.size_hw
        shift = random.uniform(-1, 1, 2) * self.settings.shift * (width, height)
        scale = 1 + random.uniform(-1, 1) * self.settings.scale
        middle = translation(width / 2, height / 2)
        return translation(*shift) @ middle @ np.diag([scale, scale, 1.0]) @ np.linalg.inv(middle)


def displacements(current: Floats, previous: Floats, key: Integers, previous_key: Integers) -> Floats:
    """(N, 2) from the centres of boxes (N, 4) to those of the previous boxes (P, 4) with the same key; NaN without one.

    key (N,), previous_key (P,): identities or rows of the dataset; NO_LABEL matches nothing.
    """
    moved = np.full((len(current), 2), math.nan)
    same = (key[:, None] == previous_key) & (key != NO_LABEL)[:, None]
    i, j = np.nonzero(same)
    moved[i] = (previous[j, :2] + previous[j, 2:] - current[i, :2] - current[i, 2:]) / 2
    return moved


def noisy_heatmap(
    xyxy: Floats, size_hw: tuple[int, int], random: np.random.Generator, settings: PreviousFramesSettings
) -> Heatmap:
    """(1, H, W) heatmap of the centres of boxes (N, 4), with jittered, missing and false ones (Zhou 2020, sec. 4.3)."""
    top_left, bottom_right = split_halves(xyxy)
    centre, size = (top_left + bottom_right) / 2, bottom_right - top_left
    noise = settings.hm_disturb * random.standard_normal((2, len(xyxy), 2)) * size
    kept, added = random.random((2, len(xyxy))) < np.array([[1 - settings.lost_disturb], [settings.fp_disturb]])
    points = np.concatenate([(centre + noise[0])[kept], (centre + noise[1])[added]])
    return centre_heatmap(points, np.concatenate([size[kept], size[added]]), size_hw)
