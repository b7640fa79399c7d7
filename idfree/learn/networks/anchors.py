"""The one-shot network with anchor boxes (Wang 2020, JDE), on the same map: the rival in FairMOT's ablation (sec. 5.3).

Every cell has boxes of fixed sizes, and says of each whether somebody is in it and how to move it; its embedding serves
them all, which is what FairMOT found wrong with it (Zhang 2020, sec. 3.1).
"""

import math

import torch
from torch import Tensor

from idfree.learn import Tensors
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.decode import MOST, at, peaks, places
from idfree.learn.networks.heads import RARE, Head

# Widths and heights in pixels: 8·2^(k/2), three times as high as wide (Wang 2020, JDE, sec. 3.2: 11 to 512 wide).
SIZES = tuple((8 * 2 ** (k / 2), 24 * 2 ** (k / 2)) for k in range(1, 13))
MOVES = 4  # numbers that move a box: x and y in its widths and heights, logarithms of its growth (Ren 2015, eq. 2)
MAX_IOU = 0.4  # above, of two boxes the lower goes (JDE's code)
MAX_GROWTH = math.log(1000 / 16)  # of a logarithm, that its exponential stays finite (Detectron)


def anchor_heads(dimension: int = 128) -> dict[str, Head]:
    """Of `Anchored`: "objectness" of each size, "box" with its four moves, size by size, "embedding"."""
    return {
        "objectness": Head(len(SIZES), bias=RARE),
        "box": Head(MOVES * len(SIZES)),
        "embedding": Head(dimension),
    }


class AnchorNetwork(CentreNetwork):
    """`Centre` with `anchor_heads`: {"objectness": logits (B, A, h, w), "box": (B, 4·A, h, w), "embedding": …}.

    One class of objects. An anchor's centre is that of its cell.
    """

    def decode(self, output: Tensors, most: int = MOST) -> Tensors:
        """As `Centre.decode`; boxes that a better one covers come last, with score 0."""
        best, size = output["objectness"].max(dim=1, keepdim=True)  # B 1 h w each
        score, classes, cell = peaks(best, most)
        size = at(size, cell)[..., 0]  # B K
        moves = torch.stack(at(output["box"], cell).chunk(len(SIZES), dim=2), dim=2)  # B K A 4
        moves = moves.gather(2, size[..., None, None].expand(-1, -1, 1, MOVES)).squeeze(2)
        centre = (places(cell, best.shape[3]) + 0.5) * self.stride
        boxes = moved(centre, torch.tensor(SIZES, device=size.device)[size], moves)
        score = score.masked_fill(covered(boxes), -torch.inf)
        score, order = score.sort(dim=1, descending=True)
        embedding = torch.nn.functional.normalize(at(output["embedding"], cell), dim=2)
        return {
            "boxes": taken(boxes, order),
            "scores": score.sigmoid(),
            "classes": classes,
            "embedding": taken(embedding, order),
        }


def moved(centre: Tensor, size: Tensor, moves: Tensor) -> Tensor:
    """(…, 4) xyxy of anchors at `centre` (…, 2), `size` (…, 2) large, after their moves (…, 4); all in pixels."""
    centre = centre + moves[..., :2] * size
    half = size * moves[..., 2:].clamp(max=MAX_GROWTH).exp() / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def covered(boxes: Tensor) -> Tensor:
    """(B, K): boxes (B, K, 4), best first, that overlap a better one too much, though that may be covered itself.

    Suppression without a loop (Bolya 2019, YOLACT, sec. 5, "Fast NMS"), which goes into a graph.
    """
    low, high = boxes.chunk(2, dim=2)
    shared = torch.minimum(high[:, :, None], high[:, None]) - torch.maximum(low[:, :, None], low[:, None])
    area = (high - low).prod(dim=2)
    common = shared.clamp(min=0).prod(dim=3)  # B K K
    iou = common / (area[:, :, None] + area[:, None] - common)
    return (iou.triu(diagonal=1) > MAX_IOU).any(dim=1)


def taken(rows: Tensor, order: Tensor) -> Tensor:
    """(B, K, D) rows in another order (B, K)."""
    return rows.gather(1, order[..., None].expand_as(rows))
