"""Decoding of maps: peaks of the heatmap, and values of the other maps there (Zhang 2020, sec. 4.4; Zhou 2019, sec. 4).

Tensor operations of dynamic shape only, so that decoding is part of the exported graph.
"""

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, normalize

from idfree.learn.tensors import Tensors

MAX_BOXES = 500  # per image (FairMOT's code)
NMS_KERNEL = 3  # cells: side of the window in which a peak is the maximum (Zhou 2019, sec. 4)


def decode_maps(output: Tensors, stride: int, max_boxes: int = MAX_BOXES) -> Tensors:
    """Boxes of each image, best first: K = `max_boxes`, or all cells of all classes if they are fewer.

    output: "heat" logits (B, C, h, w), "offset" (B, 2, h, w), "size" (B, 4 or 2, h, w) in cells, and "embedding" (B, D,
    h, w) or "displacement" (B, 2, h, w) in cells, if there are such heads. Returns "boxes" (B, K, 4) xyxy in pixels of
    the input image, "scores" (B, K), "classes" (B, K) int64, and "embedding" (B, K, D) of unit length or "displacement"
    (B, K, 2) in pixels.
    """
    score, classes, cell = find_peaks(output["heat"], max_boxes)
    centre = cell_coordinates(cell, output["heat"].shape[3]) + gather_cells(output["offset"], cell)
    size = gather_cells(output["size"], cell)
    top_left, bottom_right = size.chunk(2, dim=2) if size.shape[2] == 4 else (size / 2, size / 2)
    decoded = {
        "boxes": stride * torch.cat([centre - top_left, centre + bottom_right], dim=2),
        "scores": score.sigmoid(),
        "classes": classes,
    }
    if "embedding" in output:
        decoded["embedding"] = normalize(gather_cells(output["embedding"], cell), dim=2)
    if "displacement" in output:
        decoded["displacement"] = stride * gather_cells(output["displacement"], cell)
    return decoded


def decode_occlusions(output: Tensors, stride: int, max_occlusions: int = MAX_BOXES) -> Tensor:
    """(B, K, 3) x and y in pixels of the input image and score of occlusion centres, best first; K as of `decode_maps`.

    output: "occlusion" logits (B, 1, h, w), "occlusion_offset" (B, 2, h, w).
    """
    score, _, cell = find_peaks(output["occlusion"], max_occlusions)
    centre = cell_coordinates(cell, output["occlusion"].shape[3]) + gather_cells(output["occlusion_offset"], cell)
    return torch.cat([stride * centre, score.sigmoid()[:, :, None]], dim=2)


def find_peaks(heat: Tensor, max_boxes: int = MAX_BOXES) -> tuple[Tensor, Tensor, Tensor]:
    """Local maxima of heatmaps (B, C, h, w), best first: score, class and cell y·w + x, (B, K) each.

    heat: logits, which remain distinct where their sigmoids round to 1. Neighbours of equal value are all peaks. If
    there are fewer than K peaks, other cells follow with score −∞.
    """
    local_maximum = max_pool2d(heat, NMS_KERNEL, stride=1, padding=NMS_KERNEL // 2)
    cells = heat.shape[2] * heat.shape[3]
    peaks = torch.where(heat == local_maximum, heat, -torch.inf).flatten(1)  # B C·h·w
    count = torch.sym_min(max_boxes, peaks.shape[1])  # type: ignore[no-untyped-call]  # symbolic in a graph of dynamic shape
    score, position = peaks.topk(count, dim=1)
    classes = position // cells
    return score, classes, position - cells * classes


def gather_cells(maps: Tensor, cell: Tensor) -> Tensor:
    """(B, K, D) values of maps (B, D, h, w) at cells (B, K), numbered y·w + x."""
    return maps.flatten(2).gather(2, cell[:, None].expand(-1, maps.shape[1], -1)).mT  # B D K -> B K D


def cell_coordinates(cell: Tensor, width: int) -> Tensor:
    """(B, K, 2) float x and y of cells (B, K) in a map of `width` cells."""
    y = cell // width
    return torch.stack([cell - width * y, y], dim=2).float()
