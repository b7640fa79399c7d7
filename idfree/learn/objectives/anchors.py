"""Matching of ground-truth boxes to anchors, and their encoding relative to these."""

from collections.abc import Sequence

import torch
from torch import Tensor

NEGATIVE, IGNORED = -1, -2  # in place of a box's index: no box matches; left out of the losses


def best_boxes(xyxy: Tensor, sizes: Tensor, size_hw: Sequence[int], stride: int) -> tuple[Tensor, Tensor]:
    """(A, h, w) index of the box (M, 4), M ≥ 1, of highest IoU with each anchor, and (A, h, w) that IoU.

    sizes (A, 2): width and height of the anchors, which are centred in the cells of a map of `size_hw` cells.
    """
    height, width = size_hw
    overlap_x = overlap_lengths(width, sizes[:, 0], xyxy[:, 0::2], stride)[:, None]  # A 1 w M
    overlap_y = overlap_lengths(height, sizes[:, 1], xyxy[:, 1::2], stride)[:, :, None]  # A h 1 M
    intersection = overlap_x * overlap_y
    area = (xyxy[:, 2:] - xyxy[:, :2]).prod(dim=1)
    union = area + sizes.prod(dim=1).view(-1, 1, 1, 1) - intersection
    iou, matched_box = (intersection / union).max(dim=3)
    return matched_box, iou


def overlap_lengths(cells: int, length: Tensor, ends: Tensor, stride: int) -> Tensor:
    """(A, cells, M) overlap in pixels, along one axis, of anchors of `length` (A,) with boxes from `ends` (M, 2)."""
    centre = (torch.arange(cells, device=ends.device) + 0.5) * stride
    first, last = centre - length[:, None] / 2, centre + length[:, None] / 2  # A cells
    return (torch.minimum(last[..., None], ends[:, 1]) - torch.maximum(first[..., None], ends[:, 0])).clamp(min=0)


def encode_boxes(xyxy: Tensor, centre: Tensor, size: Tensor) -> Tensor:
    """(N, 4) deltas from anchors at `centre` (N, 2), of `size` (N, 2), to boxes (N, 4) (Ren 2015, eq. 2)."""
    low, high = xyxy[:, :2], xyxy[:, 2:]
    return torch.cat([((low + high) / 2 - centre) / size, ((high - low) / size).log()], dim=1)
