"""Non-maximum suppression (NMS) in tensor operations alone, so that it is part of the exported graph."""

import torch
from torch import Tensor

ROUNDS = 16  # iterations of the fixed point: the longest chain of boxes, each overlapping the next, that is exact


def suppressed(boxes: Tensor, classes: Tensor, max_iou: float) -> Tensor:
    """(B, K) bool: boxes (B, K, 4), best first, that overlap a kept one of their class (B, K) by more than `max_iou`.

    Greedy NMS as a fixed-point iteration (Zheng 2020, Cluster-NMS, sec. 4): a box is suppressed if a kept box of higher
    score overlaps it. n rounds are exact for chains of up to n boxes, each overlapping the next.
    """
    overlaps = pairwise_iou(boxes, boxes).triu(diagonal=1) > max_iou  # B K K: row suppresses column
    overlaps = (overlaps & (classes[:, :, None] == classes[:, None])).float()
    kept = torch.ones_like(overlaps[:, :1])  # B 1 K
    for _ in range(ROUNDS):
        kept = (kept @ overlaps == 0).float()
    return kept[:, 0] == 0


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """(…, N, M) IoU of boxes a (…, N, 4) with b (…, M, 4); 0 of empty boxes."""
    a, b = a[..., :, None, :], b[..., None, :, :]
    width = torch.minimum(a[..., 2], b[..., 2]) - torch.maximum(a[..., 0], b[..., 0])
    height = torch.minimum(a[..., 3], b[..., 3]) - torch.maximum(a[..., 1], b[..., 1])
    intersection = width.clamp(min=0) * height.clamp(min=0)
    area_a, area_b = ((box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1]) for box in (a, b))
    return intersection / (area_a + area_b - intersection).clamp(min=1e-9)
