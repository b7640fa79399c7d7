"""RoIAlign (He 2017, Mask R-CNN, sec. 3) on the levels of a feature pyramid (Lin 2017, FPN, sec. 4.2).

In tensor operations alone, so that gradients flow to the maps and the boxes; in exported graphs, ONNX's RoiAlign.
Sampling is that of torchvision's detectors (`aligned=False`): the value of a cell lies at its whole coordinates.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

BINS = 7  # of a region along each side (Ren 2015; torchvision)
SAMPLES = 2  # per bin along each side (He 2017)
STRIDES = (4, 8, 16, 32)  # px, of the levels that regions are read from
CANONICAL_SIDE, CANONICAL_LEVEL = 224, 2  # px, and the index of the level that a square of it is read from (Lin 2017)
SLACK = 1e-6  # added to the level before it is rounded down (torchvision)


def roi_align(level: Tensor, boxes: Tensor) -> Tensor:
    """(N, C, BINS, BINS) mean samples in the bins of boxes (N, 4), xyxy in cells of a map (1, C, H, W).

    Sides of less than a cell count as one cell. Samples more than a cell outside the map are 0.
    """
    corner, size = boxes[:, :2], (boxes[:, 2:] - boxes[:, :2]).clamp(min=1)
    step = (torch.arange(BINS * SAMPLES, device=boxes.device) + 0.5) / (BINS * SAMPLES)
    x, y = (corner[:, None] + step[:, None] * size[:, None]).unbind(2)  # N S each
    return avg_pool2d(sample_grids(level, x, y), SAMPLES)


def sample_grids(level: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(N, C, S, S) values, interpolated bilinearly, of a map (1, C, H, W) at columns x (N, S) and rows y (N, S)."""
    (height, width), (count, side) = level.shape[2:], x.shape
    columns, rows = 2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1
    shape = (count, side, side)
    grid = torch.stack([columns[:, None].expand(shape), rows[:, :, None].expand(shape)], dim=3)
    grid = grid.reshape(1, count * side, side, 2)
    values = grid_sample(level, grid, mode="bilinear", padding_mode="border", align_corners=True)  # 1 C N·S S
    is_inside = ((y >= -1) & (y <= height))[:, :, None] & ((x >= -1) & (x <= width))[:, None]
    return values.view(level.shape[1], *shape).transpose(0, 1) * is_inside[:, None]


def pyramid_levels(boxes: Tensor) -> Tensor:
    """(N,) int64, the index in STRIDES of the level that boxes (N, 4), xyxy in pixels, are read from, by their area."""
    side = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1).sqrt()
    level = torch.floor(CANONICAL_LEVEL + torch.log2(side / CANONICAL_SIDE) + SLACK)
    return level.clamp(0, len(STRIDES) - 1).long()


def pool_regions(levels: Sequence[Tensor], boxes: Tensor) -> Tensor:
    """(N, C, BINS, BINS) of boxes (N, 4), xyxy in pixels, each from the level of its size.

    levels: maps (1, C, H/stride, W/stride) of STRIDES.
    """
    of_level = pyramid_levels(boxes)
    pooled = levels[0].new_zeros((boxes.shape[0], levels[0].shape[1], BINS, BINS))
    for number, (level, stride) in enumerate(zip(levels, STRIDES, strict=True)):
        rows = (of_level == number).nonzero()[:, 0]
        pooled = pooled.index_copy(0, rows, roi_align(level, boxes[rows] / stride))
    return pooled


@torch.library.custom_op("idfree::pool_regions", mutates_args=())
def exported_pool(
    level2: Tensor, level3: Tensor, level4: Tensor, level5: Tensor, boxes: Tensor, of_level: Tensor
) -> Tensor:
    """`pool_regions` as one operator of a traced graph, for `translate_pool`. of_level: see `pyramid_levels`."""
    return pool_regions([level2, level3, level4, level5], boxes)


@exported_pool.register_fake
def infer_shape(
    level2: Tensor, level3: Tensor, level4: Tensor, level5: Tensor, boxes: Tensor, of_level: Tensor
) -> Tensor:
    """An output of the right shape, for tracing."""
    return level2.new_empty((boxes.shape[0], level2.shape[1], BINS, BINS))


def translate_pool(level2: Any, level3: Any, level4: Any, level5: Any, boxes: Any, of_level: Any) -> Any:
    """The ONNX operators of `idfree::pool_regions`: the boxes of each level are gathered, pooled and put in place."""
    from onnxscript import opset18

    op: Any = opset18  # its types are those of each operator
    count = op.Shape(boxes, start=0, end=1)
    channels = op.Shape(level2, start=1, end=2)
    shape = op.Concat(count, channels, op.Constant(value_ints=[BINS, BINS]), axis=0)
    pooled = op.Expand(op.Constant(value_float=0.0), shape)
    for number, (level, stride) in enumerate(zip((level2, level3, level4, level5), STRIDES, strict=True)):
        rows = op.Transpose(op.NonZero(op.Equal(of_level, op.Constant(value_int=number))), perm=[1, 0])  # R 1
        row = op.Squeeze(rows, op.Constant(value_ints=[1]))
        regions = op.RoiAlign(
            level,
            op.Gather(boxes, row),
            op.Mul(row, op.Constant(value_int=0)),  # all of the first image
            coordinate_transformation_mode="output_half_pixel",
            output_height=BINS,
            output_width=BINS,
            sampling_ratio=SAMPLES,
            spatial_scale=1 / stride,
        )
        pooled = op.ScatterND(pooled, rows, regions)
    return pooled
