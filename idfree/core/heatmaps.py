"""Heatmaps of centre points: Gaussian peaks, whose radius grows with the object (Law 2018, CornerNet; Zhou 2019)."""

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import Floats, Integers

MIN_OVERLAP = 0.7  # IoU with the object of a box shifted by the radius (CornerNet's and CenterNet's code)
DEVIATIONS = 6  # diameter of a peak in standard deviations (the same)

Heatmap = NDArray[np.float32]


def gaussian_radius(height: Floats, width: Floats, min_overlap: float = MIN_OVERLAP) -> Floats:
    """(N,) the shift of a box's corners at that IoU: both outwards, both inwards, or both the same way (CornerNet).

    Roots are (b + √Δ) / 2 whatever the leading coefficient, as in the public code with which networks were trained.
    """
    half_perimeter, area = height + width, height * width
    equations = (  # a, b, c
        (1, half_perimeter, area * (1 - min_overlap) / (1 + min_overlap)),
        (4, 2 * half_perimeter, area * (1 - min_overlap)),
        (4 * min_overlap, -2 * min_overlap * half_perimeter, area * (min_overlap - 1)),
    )
    roots = [(b + np.sqrt(np.maximum(b**2 - 4 * a * c, 0))) / 2 for a, b, c in equations]
    return np.asarray(np.min(roots, axis=0))


def draw_heatmap(shape: tuple[int, int, int], category: Integers, cell_xy: Integers, radius: Integers) -> Heatmap:
    """(C, h, w): a Gaussian peak per object in the map of its category, the maximum where they overlap.

    A peak is 1 in the object's cell and 0 more than `radius` (N,) cells from it along x or y.
    """
    side = 2 * radius + 1
    owner = np.repeat(np.arange(len(side)), side**2)  # the object of each cell of all windows
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(side**2) - side**2, side**2)
    shift = np.stack([nth % side[owner], nth // side[owner]], axis=1) - radius[owner, None]
    xy = cell_xy[owner] + shift
    inside = ((xy >= 0) & (xy < (shape[2], shape[1]))).all(axis=1)
    owner, shift, (x, y) = owner[inside], shift[inside], xy[inside].T
    value = np.exp(-(shift**2).sum(axis=1) / (2 * (side[owner] / DEVIATIONS) ** 2))
    heat = np.zeros(shape, dtype=np.float32)
    np.maximum.at(heat, (category[owner], y, x), value.astype(np.float32))
    return heat


def centre_heatmap(centre: Floats, size: Floats, size_hw: tuple[int, int]) -> Heatmap:
    """(1, H, W): peaks at centres (N, 2) of objects of these widths and heights (N, 2), all in cells; those outside the
    map are left out.
    """
    cell = np.floor(centre).astype(np.int64)
    inside = ((cell >= 0) & (cell < size_hw[::-1])).all(axis=1)
    width, height = np.ceil(size[inside]).T
    radius = gaussian_radius(height, width).astype(np.int64)
    return draw_heatmap((1, *size_hw), np.zeros(len(radius), dtype=np.int64), cell[inside], radius)
