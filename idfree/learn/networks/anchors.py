"""Box regression relative to anchors (Ren 2015, Faster R-CNN, eq. 2)."""

import math

import torch
from torch import Tensor

DELTAS = 4  # per box: shift in widths and heights of the anchor, logarithms of the scale
MAX_LOG_SCALE = math.log(1000 / 16)  # keeps the exponential finite (Detectron)


def decode_boxes(centre: Tensor, size: Tensor, deltas: Tensor) -> Tensor:
    """(…, 4) xyxy in pixels from anchors at `centre` (…, 2), of `size` (…, 2), and their deltas (…, 4)."""
    centre = centre + deltas[..., :2] * size
    half = size * deltas[..., 2:].clamp(max=MAX_LOG_SCALE).exp() / 2
    return torch.cat([centre - half, centre + half], dim=-1)
