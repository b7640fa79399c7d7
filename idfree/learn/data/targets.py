"""What the maps of a one-shot network should show: peaks at objects' centres, and what stands beside each peak."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from idfree.core.boxes import Floats, Integers, halves
from idfree.learn import Tensors
from idfree.learn.data.labelled_images import LabelledImage, LabelledImages

OVERLAP = (
    0.7  # a box that is off by the radius still overlaps the true one this much (CornerNet's and CenterNet's code)
)
DEVIATIONS = 6  # a peak's diameter in standard deviations (the same)

Heat = NDArray[np.float32]


def targets(scenes: Sequence[LabelledImage], labels: LabelledImages, stride: int, sides: int = 4) -> Tensors:
    """A batch from B varied scenes of one size H×W; h = H/stride, w = W/stride, M the most objects in one, at least 1.

    "image" uint8 (B, 3, H, W) BGR; "heat" float32 (B, C, h, w); "ignore" bool (B, h, w): the cells of unknown regions,
    less those that a peak reaches; and, of the objects, "mask" bool (B, M): there is one; "index" int64 (B, M):
    y·w + x of the cell its centre lies in; "offset" float32 (B, M, 2): where in the cell; "size" float32 (B, M, sides)
    in cells: 4 distances from the centre to the left, top, right and bottom of the whole box, or 2, width and height of
    the visible one; "class", "identity" int64 (B, M), the latter −1 where unknown; "row" int64 (B, M): its number in
    `labels`, −1 where there is none; "xyxy" float32 (B, M, 4): the whole box in pixels.
    The centre is that of the box as cut to the picture: it can be seen, and lies in the map.
    """
    height, width = (side // stride for side in scenes[0].image.shape[:2])
    shape = (labels.categories, height, width)
    parts = [objects(scene, labels, width, stride, sides) for scene in scenes]
    places = [(labels.category[scene.row], cells(scene, stride)[0], radii(scene, stride)) for scene in scenes]
    heat = np.stack([peaks(shape, *place) for place in places])
    pixels = torch.from_numpy(np.stack([scene.image for scene in scenes])).permute(0, 3, 1, 2)  # B H W 3 -> B 3 H W
    ignore = np.stack([covered(scene.unknown / stride, (height, width)) for scene in scenes]) & (heat == 0).all(axis=1)
    maps = {"image": pixels, "heat": torch.from_numpy(heat), "ignore": torch.from_numpy(ignore)}
    return maps | {name: padded([part[name] for part in parts], FILL.get(name, 0)) for name in parts[0]}


FILL = {"identity": -1, "row": -1}  # what stands where no object is; 0 elsewhere


def objects(
    scene: LabelledImage, labels: LabelledImages, width: int, stride: int, sides: int
) -> dict[str, NDArray[Any]]:
    """What `targets` says of each object of a scene, N of them; the map is `width` cells wide."""
    cell, offset = cells(scene, stride)
    corner, opposite = halves(scene.xyxy / stride)
    visible_corner, visible_opposite = halves(scene.visible / stride)
    centre = cell + offset
    distances = (centre - corner, opposite - centre) if sides == 4 else (visible_opposite - visible_corner,)
    return {
        "mask": np.ones(len(cell), dtype=bool),
        "index": cell[:, 1] * width + cell[:, 0],
        "offset": offset.astype(np.float32),
        "size": np.concatenate(distances, axis=1).astype(np.float32),
        "class": labels.category[scene.row],
        "identity": labels.identity[scene.row],
        "row": scene.row,
        "xyxy": scene.xyxy.astype(np.float32),
    }


def cells(scene: LabelledImage, stride: int) -> tuple[Integers, Floats]:
    """(N, 2) the cell x, y that the centre of each box's visible part lies in, and (N, 2) where in it, 0…1."""
    corner, opposite = halves(scene.visible / stride)
    centre = (corner + opposite) / 2
    cell = np.floor(centre)
    return cell.astype(np.int64), centre - cell


def radii(scene: LabelledImage, stride: int) -> Integers:
    """(N,) how many cells far the peak of each object reaches, as drawn by CenterNet's code: sizes rounded up."""
    corner, opposite = halves(scene.visible / stride)
    width, height = np.ceil(opposite - corner).T
    return gaussian_radius(height, width).astype(np.int64)


def gaussian_radius(height: Floats, width: Floats, overlap: float = OVERLAP) -> Floats:
    """(N,) how far the corners of boxes may be off at that overlap: both outwards, both inwards, or one each way.

    The widely used code takes (b + √Δ) / 2 for the root of all three equations, whatever their leading coefficient;
    networks have been trained with that, and so it stands.
    """
    perimeter, extent = height + width, height * width
    equations = (  # a, b, c
        (1, perimeter, extent * (1 - overlap) / (1 + overlap)),
        (4, 2 * perimeter, extent * (1 - overlap)),
        (4 * overlap, -2 * overlap * perimeter, extent * (overlap - 1)),
    )
    roots = [(b + np.sqrt(np.maximum(b**2 - 4 * a * c, 0))) / 2 for a, b, c in equations]
    return np.asarray(np.min(roots, axis=0))


def peaks(shape: tuple[int, int, int], category: Integers, cell_xy: Integers, radius: Integers) -> Heat:
    """(C, h, w): a Gaussian around the cell of each object in the map of its category, the highest where they overlap.

    It is 1 in the cell itself and ends `radius` (N,) cells from it along x and y.
    """
    side = 2 * radius + 1
    which = np.repeat(np.arange(len(side)), side**2)  # the object that each cell of each window belongs to
    nth = np.arange(len(which)) - np.repeat(np.cumsum(side**2) - side**2, side**2)
    away = np.stack([nth % side[which], nth // side[which]], axis=1) - radius[which, None]
    xy = cell_xy[which] + away
    inside = ((xy >= 0) & (xy < (shape[2], shape[1]))).all(axis=1)
    which, away, (x, y) = which[inside], away[inside], xy[inside].T
    height = np.exp(-(away**2).sum(axis=1) / (2 * (side[which] / DEVIATIONS) ** 2))
    heat = np.zeros(shape, dtype=np.float32)
    np.maximum.at(heat, (category[which], y, x), height.astype(np.float32))
    return heat


def covered(xyxy: Floats, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """(h, w) the cells whose middle lies in any of the boxes (K, 4), both in cells."""
    along_y, along_x = (
        (xyxy[:, [low]] <= middles) & (middles < xyxy[:, [low + 2]])
        for low, middles in ((1, np.arange(size_hw[0]) + 0.5), (0, np.arange(size_hw[1]) + 0.5))
    )
    return along_y.T.astype(np.float32) @ along_x.astype(np.float32) > 0


def padded(columns: Sequence[NDArray[Any]], fill: int) -> torch.Tensor:
    """(B, M, …) of B arrays (N, …): as long as the longest, at least 1, `fill` at their ends."""
    most = max(1, *map(len, columns))
    result = np.full((len(columns), most, *columns[0].shape[1:]), fill, dtype=columns[0].dtype)
    for whole, column in zip(result, columns, strict=True):
        whole[: len(column)] = column
    return torch.from_numpy(result)
