"""Anchors of a feature pyramid (Lin 2017, RetinaNet, sec. 4), with the aspect ratios of people (Yu 2022, TDT)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

STRIDES = (8, 16, 32, 64, 128)  # levels 3 to 7 (Lin 2017, sec. 4)
SIDE = 4  # √area of a level's smallest anchors, in strides: 32 to 512 px (Lin 2017, sec. 4)
SCALES = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))  # multiples of that side (Lin 2017, sec. 4)
RATIOS = (0.25, 0.5, 1.0)  # width / height (Yu 2022)
ANCHORS = len(SCALES) * len(RATIOS)  # per cell


def level_sizes(stride: int) -> list[tuple[float, float]]:
    """Widths and heights in pixels of the anchors of each cell of a level."""
    sides = [SIDE * stride * scale for scale in SCALES]
    return [(side * math.sqrt(ratio), side / math.sqrt(ratio)) for side in sides for ratio in RATIOS]


def map_sizes(size_hw: tuple[int, int]) -> list[tuple[int, int]]:
    """(height, width) in cells of each level for an input of `size_hw` pixels, rounded up."""
    height, width = size_hw
    return [(-(-height // stride), -(-width // stride)) for stride in STRIDES]


def pyramid_anchors(sizes_hw: Sequence[Sequence[int]], device: torch.device | None = None) -> Tensor:
    """(N, 4) centre x, y, width and height in pixels of all anchors, ordered by level, row, column, anchor of a cell.

    sizes_hw: (height, width) of each level's map, see `map_sizes`.
    """
    levels = zip(sizes_hw, STRIDES, strict=True)
    return torch.cat([level_anchors(height, width, stride, device) for (height, width), stride in levels])


def level_anchors(height: int, width: int, stride: int, device: torch.device | None = None) -> Tensor:
    """(h·w·ANCHORS, 4) anchors of one level, as `pyramid_anchors`."""
    x, y = ((torch.arange(cells, device=device) + 0.5) * stride for cells in (width, height))
    centre = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=2)  # h w 2
    shape = (height, width, ANCHORS, 2)
    size = torch.tensor(level_sizes(stride), device=device)
    anchors = torch.cat([centre[:, :, None].expand(shape), size.expand(shape)], dim=3)
    return anchors.reshape(height * width * ANCHORS, 4)


def to_corners(anchors: Tensor) -> Tensor:
    """(N, 4) xyxy of anchors (N, 4)."""
    centre, half = anchors[:, :2], anchors[:, 2:] / 2
    return torch.cat([centre - half, centre + half], dim=1)
