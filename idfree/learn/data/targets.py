"""Targets of one-shot networks: centre heatmaps, and offset, size and identity at each centre."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from idfree.core.boxes import split_halves
from idfree.core.heatmaps import draw_heatmap, gaussian_radius
from idfree.core.types import Floats, Integers
from idfree.learn.data.labelled_images import LabelledImage, LabelledImages
from idfree.learn.tensors import Tensors

PADDING = {"identity": -1, "row": -1}  # values of columns where there is no object; 0 for all others


def make_targets(samples: Sequence[LabelledImage], dataset: LabelledImages, stride: int, sides: int = 4) -> Tensors:
    """Targets of B augmented images of one size H×W; h = H/stride, w = W/stride; M ≥ 1: the most objects of an image.

    "image" uint8 (B, 3, H, W) BGR; "heat" float32 (B, C, h, w); "ignore" bool (B, h, w): cells of ignore regions that
    no peak reaches. Per object: "mask" bool (B, M): not padding; "index" int64 (B, M): y·w + x of the centre's cell;
    "offset" float32 (B, M, 2): of the centre in its cell; "size" float32 (B, M, sides) in cells: distances from the
    centre to left, top, right and bottom of the full box, or width and height of the visible one; "class", "identity"
    int64 (B, M), the latter −1 if unknown; "row" int64 (B, M): in `dataset`, −1 for padding; "xyxy" float32 (B, M, 4):
    the full box in pixels. Centres are of the visible parts of boxes, so that they lie within the map.
    """
    height, width = (side // stride for side in samples[0].image.shape[:2])
    shape = (dataset.category_count, height, width)
    parts = [object_targets(sample, dataset, width, stride, sides) for sample in samples]
    peaks = [
        (dataset.category[sample.row], centre_cells(sample, stride)[0], peak_radii(sample, stride))
        for sample in samples
    ]
    heat = np.stack([draw_heatmap(shape, *each) for each in peaks])
    image = torch.from_numpy(np.stack([sample.image for sample in samples])).permute(0, 3, 1, 2)  # B H W 3 -> B 3 H W
    ignore = np.stack([covered_cells(sample.ignore / stride, (height, width)) for sample in samples])
    ignore &= (heat == 0).all(axis=1)
    maps = {"image": image, "heat": torch.from_numpy(heat), "ignore": torch.from_numpy(ignore)}
    return maps | {name: stack_padded([part[name] for part in parts], PADDING.get(name, 0)) for name in parts[0]}


def object_targets(
    sample: LabelledImage, dataset: LabelledImages, width: int, stride: int, sides: int
) -> dict[str, NDArray[Any]]:
    """The columns of `make_targets` for the N objects of an image; the map is `width` cells wide."""
    cell, offset = centre_cells(sample, stride)
    top_left, bottom_right = split_halves(sample.xyxy / stride)
    visible_top_left, visible_bottom_right = split_halves(sample.visible / stride)
    centre = cell + offset
    distances = (centre - top_left, bottom_right - centre) if sides == 4 else (visible_bottom_right - visible_top_left,)
    return {
        "mask": np.ones(len(cell), dtype=bool),
        "index": cell[:, 1] * width + cell[:, 0],
        "offset": offset.astype(np.float32),
        "size": np.concatenate(distances, axis=1).astype(np.float32),
        "class": dataset.category[sample.row],
        "identity": dataset.identity[sample.row],
        "row": sample.row,
        "xyxy": sample.xyxy.astype(np.float32),
    }


def centre_cells(sample: LabelledImage, stride: int) -> tuple[Integers, Floats]:
    """(N, 2) cell x, y of the centre of each box's visible part, and (N, 2) offset of the centre in it, 0…1."""
    top_left, bottom_right = split_halves(sample.visible / stride)
    centre = (top_left + bottom_right) / 2
    cell = np.floor(centre)
    return cell.astype(np.int64), centre - cell


def peak_radii(sample: LabelledImage, stride: int) -> Integers:
    """(N,) radius in cells of each object's peak; box sizes are rounded up, as in CenterNet's code."""
    top_left, bottom_right = split_halves(sample.visible / stride)
    width, height = np.ceil(bottom_right - top_left).T
    return gaussian_radius(height, width).astype(np.int64)


def covered_cells(xyxy: Floats, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """(h, w) mask of the cells whose centre lies in any of the boxes (K, 4); boxes and size in cells."""
    along_y, along_x = (
        (xyxy[:, [low]] <= centres) & (centres < xyxy[:, [low + 2]])
        for low, centres in ((1, np.arange(size_hw[0]) + 0.5), (0, np.arange(size_hw[1]) + 0.5))
    )
    return along_y.T.astype(np.float32) @ along_x.astype(np.float32) > 0


def stack_padded(columns: Sequence[NDArray[Any]], fill: int) -> torch.Tensor:
    """Stack B arrays (N, …) to (B, M, …), padded with `fill` to the longest; M ≥ 1."""
    longest = max(1, *map(len, columns))
    result = np.full((len(columns), longest, *columns[0].shape[1:]), fill, dtype=columns[0].dtype)
    for padded, column in zip(result, columns, strict=True):
        padded[: len(column)] = column
    return torch.from_numpy(result)
