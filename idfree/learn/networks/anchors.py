"""Anchor-based one-shot network (Wang 2020, JDE), the baseline of FairMOT's ablation (Zhang 2020, sec. 5.3).

Each cell of the map has anchor boxes of fixed sizes, with an objectness score and box deltas each, but one embedding
for all of them, which FairMOT identifies as the design's weakness (sec. 3.1).
"""

import math

import torch
from torch import Tensor

from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.decode import MAX_BOXES, cell_coordinates, find_peaks, gather_cells
from idfree.learn.networks.heads import SCORE_BIAS, Head
from idfree.learn.tensors import Tensors

# Widths and heights in pixels: 8·2^(k/2), three times as high as wide (Wang 2020, JDE, sec. 3.2: 11 to 512 wide).
ANCHOR_SIZES = tuple((8 * 2 ** (k / 2), 24 * 2 ** (k / 2)) for k in range(1, 13))
DELTAS = 4  # of a box: shift in widths and heights of the anchor, logarithms of the scale (Ren 2015, eq. 2)
NMS_IOU = 0.4  # (JDE's code)
MAX_LOG_SCALE = math.log(1000 / 16)  # keeps the exponential finite (Detectron)


def anchor_heads(dimension: int = 128) -> dict[str, Head]:
    """Heads of `AnchorNetwork`: "objectness" of each anchor, "box" with 4 deltas per anchor, "embedding"."""
    return {
        "objectness": Head(len(ANCHOR_SIZES), bias=SCORE_BIAS),
        "box": Head(DELTAS * len(ANCHOR_SIZES)),
        "embedding": Head(dimension),
    }


class AnchorNetwork(CentreNetwork):
    """`CentreNetwork` with `anchor_heads`, of one class: {"objectness": logits (B, A, h, w), "box": (B, 4·A, h, w),
    "embedding": (B, D, h, w)}. Anchors are centred in their cell.
    """

    def decode(self, output: Tensors, max_boxes: int = MAX_BOXES) -> Tensors:
        """As `CentreNetwork.decode`, from the best anchor of each cell; boxes suppressed by NMS come last, score 0."""
        best, anchor = output["objectness"].max(dim=1, keepdim=True)  # B 1 h w each
        score, classes, cell = find_peaks(best, max_boxes)
        anchor = gather_cells(anchor, cell)[..., 0]  # B K
        deltas = torch.stack(gather_cells(output["box"], cell).chunk(len(ANCHOR_SIZES), dim=2), dim=2)  # B K A 4
        deltas = deltas.gather(2, anchor[..., None, None].expand(-1, -1, 1, DELTAS)).squeeze(2)
        centre = (cell_coordinates(cell, best.shape[3]) + 0.5) * self.stride
        boxes = decode_boxes(centre, torch.tensor(ANCHOR_SIZES, device=anchor.device)[anchor], deltas)
        score = score.masked_fill(suppressed_by_nms(boxes), -torch.inf)
        score, order = score.sort(dim=1, descending=True)
        embedding = torch.nn.functional.normalize(gather_cells(output["embedding"], cell), dim=2)
        return {
            "boxes": reorder_rows(boxes, order),
            "scores": score.sigmoid(),
            "classes": classes,
            "embedding": reorder_rows(embedding, order),
        }


def decode_boxes(centre: Tensor, size: Tensor, deltas: Tensor) -> Tensor:
    """(…, 4) xyxy in pixels from anchors at `centre` (…, 2), of `size` (…, 2), and their deltas (…, 4)."""
    centre = centre + deltas[..., :2] * size
    half = size * deltas[..., 2:].clamp(max=MAX_LOG_SCALE).exp() / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def suppressed_by_nms(boxes: Tensor) -> Tensor:
    """(B, K) bool: boxes (B, K, 4), best first, with an IoU above `NMS_IOU` with any better one.

    Fast NMS (Bolya 2019, YOLACT, sec. 5): suppressed boxes suppress others too, so that no loop is needed in the
    exported graph.
    """
    low, high = boxes.chunk(2, dim=2)
    overlap = torch.minimum(high[:, :, None], high[:, None]) - torch.maximum(low[:, :, None], low[:, None])
    area = (high - low).prod(dim=2)
    intersection = overlap.clamp(min=0).prod(dim=3)  # B K K
    iou = intersection / (area[:, :, None] + area[:, None] - intersection)
    return (iou.triu(diagonal=1) > NMS_IOU).any(dim=1)


def reorder_rows(rows: Tensor, order: Tensor) -> Tensor:
    """(B, K, D) rows in the order (B, K)."""
    return rows.gather(1, order[..., None].expand_as(rows))
