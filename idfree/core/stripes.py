"""RoI pooling of boxes from a feature map to horizontal stripes, by bilinear samples (He 2017, Mask R-CNN, sec. 3).

The samples of a stripe lie on a regular grid; columns keep off the sides of a box, which are background.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Floats, Integers

STRIPES = 4  # from head to foot
ROWS = 4  # of samples in a stripe
COLUMNS = (0.3, 0.5, 0.7)  # of samples, in box widths from the left

Map = NDArray[np.floating[Any]]  # (C, h, w)


def read_stripes(feature_map: Map, xyxy: Floats, size_hw: tuple[int, int], stripes: int = STRIPES) -> NDArray[Any]:
    """(N, S, C) means of the map in the S stripes of boxes (N, 4), in pixels of the image that the map is of.

    size_hw: (height, width) of that image. Samples outside the map take its nearest value.
    """
    cell, weight = sample_cells(feature_map.shape[1:], xyxy, size_hw, stripes)
    flat = feature_map.reshape(len(feature_map), -1)
    return np.moveaxis((flat[:, cell] * weight).sum(axis=-1), 0, 2)


def read_own_stripes(feature_map: Map, xyxy: Floats, size_hw: tuple[int, int], stripes: int = STRIPES) -> NDArray[Any]:
    """(N, D) sum over S stripes, each read from its own part of the channels of a map (S · D, h, w).

    That is the product of all stripes (N, S, C) of another map with a matrix (S, C, D), if the map is the products of
    that one's cells with it: reading is linear.
    """
    cell, weight = sample_cells(feature_map.shape[1:], xyxy, size_hw, stripes)
    parts = feature_map.reshape(stripes, len(feature_map) // stripes, -1)
    read = [(parts[s][:, cell[:, s]] * weight[:, s]).sum(axis=-1) for s in range(stripes)]
    return np.sum(read, axis=0).T


def sample_cells(
    map_hw: tuple[int, ...], xyxy: Floats, size_hw: tuple[int, int], stripes: int
) -> tuple[Integers, NDArray[np.float32]]:
    """Cells (N, S, P) of a map, as numbers y · w + x, and their weights (N, S, P), which sum to 1 in each stripe."""
    height, width = map_hw
    down = (np.arange(stripes * ROWS) + 0.5) / (stripes * ROWS)
    left, top, right, bottom = xyxy.T[:, :, None]
    y, lower = bilinear((top + (bottom - top) * down) * (height / size_hw[0]) - 0.5, height)
    x, after = bilinear((left + (right - left) * np.array(COLUMNS)) * (width / size_hw[1]) - 0.5, width)
    cell = y[:, :, None, :, None] * width + x[:, None, :, None, :]  # box, row, column, upper or lower, left or right
    weight = lower[:, :, None, :, None] * after[:, None, :, None, :] / (ROWS * len(COLUMNS))
    shape = (len(xyxy), stripes, 4 * ROWS * len(COLUMNS))
    return cell.reshape(shape), weight.reshape(shape).astype(np.float32)


def bilinear(position: Floats, length: int) -> tuple[Integers, Floats]:
    """The two cells (…, 2) around positions (…), in cells from the first one's centre, and their weights (…, 2)."""
    position = np.clip(position, 0, length - 1)
    first = np.minimum(position.astype(np.int64), max(length - 2, 0))
    fraction = position - first
    cells = np.stack([first, np.minimum(first + 1, length - 1)], axis=-1)
    return cells, np.stack([1 - fraction, fraction], axis=-1)
