"""Region proposal network on a feature pyramid (Ren 2015, Faster R-CNN, sec. 3.1; Lin 2017, FPN, sec. 4.1).

Numbers, order of anchors and parameter names are those of torchvision's `fasterrcnn_resnet50_fpn`.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from idfree.learn.networks.anchors import DELTAS, decode_boxes
from idfree.learn.networks.suppression import suppressed

SIDES = (32, 64, 128, 256, 512)  # px, √area of the anchors of each level
RATIOS = (0.5, 1.0, 2.0)  # height / width of the anchors of a cell
PROPOSALS = 1000  # best of each level before suppression, and of all together after it
MAX_IOU = 0.7  # of suppression within a level
MIN_SIDE = 1e-3  # px, of a proposal


class RpnHead(nn.Module):
    """(1, C, h, w) → logits (A,) that there is an object, and deltas (A, 4), of A = 3·h·w anchors."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Sequential(nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1)))
        self.cls_logits = nn.Conv2d(channels, len(RATIOS), 1)
        self.bbox_pred = nn.Conv2d(channels, len(RATIOS) * DELTAS, 1)

    def forward(self, level: Tensor) -> tuple[Tensor, Tensor]:
        x = relu(self.conv(level))
        logits, deltas = self.cls_logits(x), self.bbox_pred(x)
        _, anchors, height, width = logits.shape
        count = anchors * height * width
        deltas = deltas.view(anchors, DELTAS, height, width).permute(2, 3, 0, 1)  # h w 3 4
        return logits.permute(0, 2, 3, 1).reshape(count), deltas.reshape(count, DELTAS)


class Rpn(nn.Module):
    """Levels of a pyramid, (1, C, h, w) each → proposals (PROPOSALS, 4), xyxy in pixels, and their logits, by logit.

    Rows that are no proposal, as there are fewer, have a logit of −∞.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.head = RpnHead(channels)

    def forward(self, levels: Sequence[Tensor], size_hw: Sequence[int]) -> tuple[Tensor, Tensor]:
        """size_hw: (height, width) of the input in pixels."""
        best = [self.best_of_level(level, side, size_hw) for level, side in zip(levels, SIDES, strict=True)]
        anchors, deltas, logits = (torch.stack(each) for each in zip(*best, strict=True))  # L P 4, L P 4, L P
        low, high = anchors.chunk(2, dim=2)
        boxes = clip_boxes(decode_boxes((low + high) / 2, high - low, deltas), size_hw)
        is_small = (boxes[..., 2:] - boxes[..., :2]).amin(dim=2) < MIN_SIDE
        is_out = suppressed(boxes, torch.zeros_like(logits), MAX_IOU) | is_small
        logits, order = logits.masked_fill(is_out, -math.inf).flatten().topk(PROPOSALS)
        return boxes.flatten(0, 1)[order], logits

    def best_of_level(self, level: Tensor, side: int, size_hw: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """The PROPOSALS best anchors (P, 4) of a level, their deltas, and their logits; −∞ where it has fewer."""
        logits, deltas = self.head(level)
        # Padded, so that the number of proposals is a constant in a graph of dynamic shape.
        logits, order = pad(logits, (0, PROPOSALS), value=-math.inf).topk(PROPOSALS)
        order = order.clamp(max=deltas.shape[0] - 1)
        return level_anchors(level.shape[2:], side, size_hw, level.device)[order], deltas[order], logits


def level_anchors(
    map_hw: Sequence[int], side: int, size_hw: Sequence[int], device: torch.device | None = None
) -> Tensor:
    """(h·w·3, 4) xyxy in pixels of the anchors of a map (h, w) of an input (H, W), by row, column and ratio.

    As in torchvision, they are centred at the corners of cells, and their strides are H // h and W // w, which is less
    than twice the level's before if its last cell is cut off.
    """
    (height, width), (rows, columns) = size_hw, map_hw
    x = torch.arange(columns, device=device) * (width // columns)
    y = torch.arange(rows, device=device) * (height // rows)
    centre = torch.stack([x.expand(rows, columns), y[:, None].expand(rows, columns)], dim=2)  # h w 2
    around = torch.tensor(cell_anchors(side), device=device)  # 3 4
    anchors = centre.repeat(1, 1, 2)[:, :, None] + around
    return anchors.reshape(rows * columns * len(RATIOS), DELTAS)


def cell_anchors(side: int) -> list[list[float]]:
    """xyxy around (0, 0) of the anchors of a cell, rounded to whole pixels."""
    halves = [(side / math.sqrt(ratio) / 2, side * math.sqrt(ratio) / 2) for ratio in RATIOS]
    return [[float(round(each)) for each in (-x, -y, x, y)] for x, y in halves]


def clip_boxes(boxes: Tensor, size_hw: Sequence[int]) -> Tensor:
    """Boxes (…, 4), xyxy, within an input of this (height, width)."""
    height, width = size_hw
    x, y = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return torch.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], dim=-1)
