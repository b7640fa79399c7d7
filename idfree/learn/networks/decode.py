"""Maps → boxes: peaks of the heat, and what the other maps say there (Zhang 2020, sec. 4.4; Zhou 2019, sec. 4).

All of it is torch on tensors of any size, so that it goes into the exported graph.
"""

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, normalize

from idfree.learn import Tensors

MOST = 500  # boxes of one picture (FairMOT's code)
NEIGHBOURHOOD = 3  # cells across, in which a centre is the only one (Zhou 2019, sec. 4)


def decode(output: Tensors, stride: int, most: int = MOST) -> Tensors:
    """What is in the picture, best first: K = `most`, or all cells of all classes if they are fewer.

    output: "heat" logits (B, C, h, w), "offset" (B, 2, h, w), "size" (B, 4 or 2, h, w) in cells, "embedding"
    (B, D, h, w). Gives "boxes" (B, K, 4) xyxy in pixels of the network's picture, "scores" (B, K), "classes" (B, K)
    int64 and "embedding" (B, K, D) of unit length.
    """
    score, classes, cell = peaks(output["heat"], most)
    centre = places(cell, output["heat"].shape[3]) + at(output["offset"], cell)
    size = at(output["size"], cell)
    before, after = size.chunk(2, dim=2) if size.shape[2] == 4 else (size / 2, size / 2)
    return {
        "boxes": stride * torch.cat([centre - before, centre + after], dim=2),
        "scores": score.sigmoid(),
        "classes": classes,
        "embedding": normalize(at(output["embedding"], cell), dim=2),
    }


def peaks(heat: Tensor, most: int = MOST) -> tuple[Tensor, Tensor, Tensor]:
    """The highest cells of (B, C, h, w) that no neighbour exceeds: score, class and cell y·w + x, (B, K) each.

    Cells that share a summit are all peaks; where there are fewer than K, lower cells follow with score −∞. Logits
    tell apart what their sigmoids would round to 1.
    """
    summit = max_pool2d(heat, NEIGHBOURHOOD, stride=1, padding=NEIGHBOURHOOD // 2)
    cells = heat.shape[2] * heat.shape[3]
    lonely = torch.where(heat == summit, heat, -torch.inf).flatten(1)  # B C·h·w
    count = torch.sym_min(most, lonely.shape[1])  # type: ignore[no-untyped-call]  # a number also in an open graph
    score, place = lonely.topk(count, dim=1)
    classes = place // cells
    return score, classes, place - cells * classes


def at(maps: Tensor, cell: Tensor) -> Tensor:
    """(B, K, D): what maps (B, D, h, w) say at cells (B, K)."""
    return maps.flatten(2).gather(2, cell[:, None].expand(-1, maps.shape[1], -1)).mT  # B D K -> B K D


def places(cell: Tensor, width: int) -> Tensor:
    """(B, K, 2): x and y of cells (B, K) in a map of `width`."""
    y = cell // width
    return torch.stack([cell - width * y, y], dim=2).float()
