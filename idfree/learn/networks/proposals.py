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

STRIDES = (4, 8, 16, 32, 64)  # px, of the levels 2 to 6
SIDE = 32  # px, √area of the anchors of the finest level, which doubles with each
RATIOS = (0.5, 1.0, 2.0)  # height / width of the anchors of a cell
PROPOSALS = 1000  # best of each level before suppression, and of all together after it
MAX_IOU = 0.7  # of suppression within a level
MIN_SIDE = 1e-3  # px, of a proposal


class RpnHead(nn.Module):
    """(B, C, h, w) → logits (B, A) that there is an object, and deltas (B, A, 4), of A = 3·h·w anchors."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Sequential(nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1)))
        self.cls_logits = nn.Conv2d(channels, len(RATIOS), 1)
        self.bbox_pred = nn.Conv2d(channels, len(RATIOS) * DELTAS, 1)

    def forward(self, level: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, A) and deltas (B, A, 4) of the anchors of a level (B, C, h, w)."""
        x = relu(self.conv(level))
        logits, deltas = self.cls_logits(x), self.bbox_pred(x)
        images, anchors, height, width = logits.shape
        count = anchors * height * width
        deltas = deltas.view(images, anchors, DELTAS, height, width).permute(0, 3, 4, 1, 2)  # B h w 3 4
        return logits.permute(0, 2, 3, 1).reshape(images, count), deltas.reshape(images, count, DELTAS)


class Rpn(nn.Module):
    """Levels of a pyramid, (B, C, h, w) each → logits (B, A) and deltas (B, A, 4) of the anchors of each level.

    side: px, √area of the anchors of the finest level. proposals: number of boxes that `propose` returns.
    """

    def __init__(self, channels: int, side: int = SIDE, proposals: int = PROPOSALS):
        super().__init__()
        self.side, self.proposals = side, proposals
        self.head = RpnHead(channels)

    def forward(self, levels: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Logits (B, A) and deltas (B, A, 4) of the anchors of each level (B, C, h, w)."""
        logits, deltas = zip(*(self.head(level) for level in levels), strict=True)
        return list(logits), list(deltas)

    def propose(
        self, logits: Sequence[Tensor], deltas: Sequence[Tensor], size_hw: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """(proposals, 4) xyxy in pixels and (proposals,) logits, highest first, of the levels of one image.

        logits (A,), deltas (A, 4): of each level. size_hw: (height, width) of the input in pixels. Rows that are no
        proposal, as there are fewer, have a logit of −∞.
        """
        anchors = [
            level_anchors(size_hw, stride, side, logits[0].device)
            for stride, side in zip(STRIDES, level_sides(self.side), strict=True)
        ]
        best = [self.best_of_level(*level) for level in zip(anchors, deltas, logits, strict=True)]
        anchor, delta, logit = (torch.stack(each) for each in zip(*best, strict=True))  # L P 4, L P 4, L P
        low, high = anchor.chunk(2, dim=2)
        boxes = clip_boxes(decode_boxes((low + high) / 2, high - low, delta), size_hw)
        is_small = (boxes[..., 2:] - boxes[..., :2]).amin(dim=2) < MIN_SIDE
        is_out = suppressed(boxes, torch.zeros_like(logit), MAX_IOU) | is_small
        logit, order = logit.masked_fill(is_out, -math.inf).flatten().topk(self.proposals)
        return boxes.flatten(0, 1)[order], logit

    def best_of_level(self, anchors: Tensor, deltas: Tensor, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The best anchors (P, 4) of a level, their deltas, and their logits; −∞ where it has fewer."""
        # Padded, so that the number of proposals is a constant in a graph of dynamic shape.
        logits, order = pad(logits, (0, self.proposals), value=-math.inf).topk(self.proposals)
        order = order.clamp(max=deltas.shape[0] - 1)
        return anchors[order], deltas[order], logits


def level_sides(side: int) -> list[int]:
    """√area in pixels of the anchors of each level, of which the finest has `side`."""
    return [side * 2**number for number in range(len(STRIDES))]


def all_anchors(size_hw: Sequence[int], side: int, device: torch.device | None = None) -> Tensor:
    """(A, 4) xyxy in pixels of the anchors of all levels, as of `level_anchors`, finest level first."""
    pairs = zip(STRIDES, level_sides(side), strict=True)
    return torch.cat([level_anchors(size_hw, *pair, device) for pair in pairs])


def level_anchors(size_hw: Sequence[int], stride: int, side: int, device: torch.device | None = None) -> Tensor:
    """(h·w·3, 4) xyxy in pixels of the anchors of a level of an input (H, W), by row, column and ratio.

    As in torchvision, they are centred at the corners of cells, whose sizes are H // h and W // w for h = ⌈H / stride⌉
    and w = ⌈W / stride⌉, which is less than the stride if the last cell is cut off.
    """
    height, width = size_hw
    rows, columns = ((length + stride - 1) // stride for length in size_hw)
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
