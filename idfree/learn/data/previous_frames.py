"""Batches of images with their previous frames, for CenterTrack (Zhou et al. 2020, sec. 4): of videos, or simulated.

The previous frame of a still image is the image itself, slightly moved and scaled. Where objects were in it is shown to
the network as a heatmap, with the mistakes that a detector would make in it.
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
    """Names and defaults of the public code. frames: the previous frame is fewer than so many frames before or after,
    perhaps the frame itself (max_frame_dist), whose previous one is then simulated. still: all previous frames are
    simulated. same_aug: both frames of a video are augmented alike; without it, and if simulated, the previous one is
    moved on, by up to `shift` of the input's size, and scaled by up to `scale`. In the heatmap, centres are moved by
    `hm_disturb` of the box (standard deviation), objects left out with the probability `lost_disturb`, and false ones
    added beside them with the probability `fp_disturb`.
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


class PreviousFrames:
    """The batches of `batches` (see `make_targets`), with "previous" uint8 (B, 3, H, W), "previous_heat" float32 (B, 1,
    H, W), "displacement" float32 (B, M, 2), from the centre of each full box to the one it had in the previous frame,
    in cells, and "displaced" bool (B, M): it was there.

    A video frame without identities is its own previous frame, as a still image is.
    """

    def __init__(self, batches: ImageBatches, settings: PreviousFramesSettings | None = None):
        self.batches, self.settings = batches, settings or PreviousFramesSettings()
        frames = self.settings.frames
        pairs = FramePairsSettings(negatives=0.0, frames=frames, self_pairs=1 / (2 * frames - 1))
        self.pairs = FramePairs(batches, pairs)  # which frames are near which

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
        """An augmented image, its previous image, the displacements (N, 2) in px of its objects, NaN if they were not
        in it, and the previous heatmap (1, H, W).
        """
        number, sample = self.batches.read(number, random)
        other = self.previous_number(number, random)
        before = self.pairs.try_read(other) if other != number else None
        size_hw, augmentation = self.batches.shape.size_hw, self.batches.augmentation
        change, colours = random_affine(size_hw, random, augmentation), random_colour_table(random, augmentation)
        moved = change if before is not None and self.settings.same_aug else self.small_change(random) @ change
        current = warp_sample(sample, change @ letterbox_matrix(sample, size_hw), size_hw, colours)
        source = before or sample
        previous = warp_sample(source, moved @ letterbox_matrix(source, size_hw), size_hw, colours)
        identity = self.batches.dataset.identity
        keys = [each.row if before is None else identity[each.row] for each in (current, previous)]
        displacement = displacements(current.xyxy, previous.xyxy, *keys)
        return current, previous.image, displacement, noisy_heatmap(previous.visible, size_hw, random, self.settings)

    def previous_number(self, number: int, random: np.random.Generator) -> int:
        """The number of the previous frame: `number` itself if it is to be simulated."""
        dataset = self.batches.dataset
        footage = dataset.footages[dataset.footage[number]]
        rows = footage.boxes.rows_at(int(dataset.frame[number]))
        start = int(dataset.start[dataset.footage[number]])
        known = (dataset.identity[start + rows.start : start + rows.stop] != NO_LABEL).any()
        return number if self.settings.still or not known else self.pairs.partner(number, random)

    def small_change(self, random: np.random.Generator) -> Floats:
        """The affine map from an image to its simulated previous one."""
        height, width = self.batches.shape.size_hw
        shift = random.uniform(-1, 1, 2) * self.settings.shift * (width, height)
        scale = 1 + random.uniform(-1, 1) * self.settings.scale
        middle = translation(width / 2, height / 2)
        return translation(*shift) @ middle @ np.diag([scale, scale, 1.0]) @ np.linalg.inv(middle)


def displacements(current: Floats, previous: Floats, key: Integers, previous_key: Integers) -> Floats:
    """(N, 2) from the centres of boxes (N, 4) to those of the previous boxes (P, 4) of equal keys; NaN without one.

    A key of NO_LABEL equals none.
    """
    moved = np.full((len(current), 2), math.nan)
    same = (key[:, None] == previous_key) & (key != NO_LABEL)[:, None]
    i, j = np.nonzero(same)
    moved[i] = (previous[j, :2] + previous[j, 2:] - current[i, :2] - current[i, 2:]) / 2
    return moved


def noisy_heatmap(
    xyxy: Floats, size_hw: tuple[int, int], random: np.random.Generator, settings: PreviousFramesSettings
) -> Heatmap:
    """(1, H, W) peaks at the centres of boxes (N, 4), moved, left out, and added, as the settings say."""
    top_left, bottom_right = split_halves(xyxy)
    centre, size = (top_left + bottom_right) / 2, bottom_right - top_left
    noise = settings.hm_disturb * random.standard_normal((2, len(xyxy), 2)) * size
    kept, added = random.random((2, len(xyxy))) < np.array([[1 - settings.lost_disturb], [settings.fp_disturb]])
    points = np.concatenate([(centre + noise[0])[kept], (centre + noise[1])[added]])
    return centre_heatmap(points, np.concatenate([size[kept], size[added]]), size_hw)
