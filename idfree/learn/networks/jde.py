"""Anchor-based one-shot network (Wang 2020, Towards Real-Time MOT (JDE)): the baseline of Zhang 2020, sec. 5.3.

Each cell of the map has anchors of fixed sizes, with an objectness score and box deltas each, but one embedding for all
of them, which FairMOT identifies as the design's weakness (Zhang 2020, sec. 3.1).
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from idfree.learn.networks.anchors import DELTAS, decode_boxes
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.decode import MAX_BOXES, cell_coordinates, find_peaks, gather_cells
from idfree.learn.networks.heads import SCORE_BIAS, Head
from idfree.learn.networks.suppression import pairwise_iou
from idfree.learn.tensors import Tensors

# Widths and heights in pixels: 8·2^(k/2), three times as high as wide (Wang 2020, sec. 3.2: 11 to 512 wide).
ANCHOR_SIZES = tuple((8 * 2 ** (k / 2), 24 * 2 ** (k / 2)) for k in range(1, 13))
NMS_IOU = 0.4  # (JDE's code)


def jde_heads(dimension: int = 128) -> dict[str, Head]:
    """Heads of `JdeNetwork`: "objectness" and 4 "box" deltas for each anchor, one "embedding" for each cell."""
    return {
        "objectness": Head(len(ANCHOR_SIZES), bias=SCORE_BIAS),
        "box": Head(DELTAS * len(ANCHOR_SIZES)),
        "embedding": Head(dimension),
    }


class JdeNetwork(CentreNetwork):
    """`CentreNetwork` with `jde_heads`, for one class.

    Its maps are "objectness" logits (B, A, h, w), "box" deltas (B, 4·A, h, w) and "embedding" (B, D, h, w). The A
    anchors of a cell are centred in it.
    """

    def decode(self, output: Tensors, max_boxes: int = MAX_BOXES) -> Tensors:
        """As `CentreNetwork.decode`, with the best anchor of each cell; boxes suppressed by NMS come last, score 0."""
        best, anchor = output["objectness"].max(dim=1, keepdim=True)  # B 1 h w each
        score, classes, cell = find_peaks(best, max_boxes)
        anchor = gather_cells(anchor, cell)[..., 0]  # B K
        deltas = torch.stack(gather_cells(output["box"], cell).chunk(len(ANCHOR_SIZES), dim=2), dim=2)  # B K A 4
        deltas = deltas.gather(2, anchor[..., None, None].expand(-1, -1, 1, DELTAS)).squeeze(2)
        centre = (cell_coordinates(cell, best.shape[3]) + 0.5) * self.stride
        boxes = decode_boxes(centre, torch.tensor(ANCHOR_SIZES, device=anchor.device)[anchor], deltas)
        score = score.masked_fill(suppressed_by_nms(boxes), -torch.inf)
        score, order = score.sort(dim=1, descending=True)
        embedding = normalize(gather_cells(output["embedding"], cell), dim=2)
        return {
            "boxes": reorder_rows(boxes, order),
            "scores": score.sigmoid(),
            "classes": classes,
            "embedding": reorder_rows(embedding, order),
        }


def suppressed_by_nms(boxes: Tensor) -> Tensor:
    """(B, K) bool: boxes (B, K, 4), best first, with an IoU above `NMS_IOU` with any better one.

    Fast NMS (Bolya 2019, YOLACT, sec. 5): suppressed boxes suppress others too.
    """
    return (pairwise_iou(boxes, boxes).triu(diagonal=1) > NMS_IOU).any(dim=1)


def reorder_rows(rows: Tensor, order: Tensor) -> Tensor:
    """(B, K, D) rows in the order (B, K)."""
    return rows.gather(1, order[..., None].expand_as(rows))
