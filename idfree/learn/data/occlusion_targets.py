"""Targets of occlusion heads, computed from boxes alone (Liu et al. 2021, OUTrack, eqs. 9 and 10)."""

from dataclasses import dataclass

import numpy as np
import torch

from idfree.core.boxes import split_halves
from idfree.core.heatmaps import draw_heatmap, gaussian_radius
from idfree.core.occlusions import MIN_SHARE, occlusion_regions
from idfree.core.types import Floats
from idfree.learn.data.batch_source import BatchSource
from idfree.learn.data.targets import stack_padded
from idfree.learn.tensors import Tensors


@dataclass(frozen=True)
class OcclusionBatches:
    """The batches of `batches` with `occlusion_targets` for maps of a stride. min_share: see `occlusion_regions`."""

    batches: BatchSource
    stride: int = 4
    min_share: float = MIN_SHARE

    @property
    def per_epoch(self) -> int:
        """Batches per epoch."""
        return self.batches.per_epoch

    def __call__(self, step: int) -> Tensors:
        batch = self.batches(step)
        return batch | occlusion_targets(batch, self.stride, self.min_share)


def occlusion_targets(batch: Tensors, stride: int, min_share: float = MIN_SHARE) -> Tensors:
    """Targets of the occlusions in a batch of `make_targets`; M ≥ 1: the most of an image.

    "occlusion" float32 (B, 1, h, w): heatmap with a Gaussian peak at the cell of each region's centre, its radius by
    the region's size. Per occlusion: "occlusion_mask" bool (B, M): not padding; "occlusion_index" int64 (B, M): cell
    y·w + x; "occlusion_offset" float32 (B, M, 2): the centre's offset in its cell. Centres outside the image are left
    out.
    """
    height, width = (side // stride for side in batch["image"].shape[2:])
    boxes = [xyxy[mask].double().numpy() for xyxy, mask in zip(batch["xyxy"], batch["mask"], strict=True)]
    regions = [regions_inside(occlusion_regions(each, min_share) / stride, (width, height)) for each in boxes]
    centres = [(each[:, :2] + each[:, 2:]) / 2 for each in regions]
    cells = [np.floor(each).astype(np.int64) for each in centres]
    heat = [
        draw_heatmap((1, height, width), np.zeros(len(cell), dtype=np.int64), cell, region_radii(each).astype(np.int64))
        for cell, each in zip(cells, regions, strict=True)
    ]
    return {
        "occlusion": torch.from_numpy(np.stack(heat)),
        "occlusion_mask": stack_padded([np.ones(len(cell), dtype=bool) for cell in cells], 0),
        "occlusion_index": stack_padded([cell[:, 1] * width + cell[:, 0] for cell in cells], 0),
        "occlusion_offset": stack_padded(
            [(centre - cell).astype(np.float32) for centre, cell in zip(centres, cells, strict=True)], 0
        ),
    }


def regions_inside(regions: Floats, size_wh: tuple[int, int]) -> Floats:
    """The regions (K, 4) whose centre lies in a map of this width and height."""
    centre = (regions[:, :2] + regions[:, 2:]) / 2
    return regions[((centre >= 0) & (centre < size_wh)).all(axis=1)]


def region_radii(regions: Floats) -> Floats:
    """Gaussian radii (K,) of regions (K, 4) in cells, sides rounded up, as of boxes."""
    top_left, bottom_right = split_halves(regions)
    width, height = np.ceil(bottom_right - top_left).T
    return gaussian_radius(height, width)
