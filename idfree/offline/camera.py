"""Camera motion compensation: boxes in the coordinates of the first frame, in which motion models hold."""

import numpy as np

from idfree.core.types import Floats, Integers

MAX_ZOOM = 1e6  # ratio of areas over a video: the product of the maps of a camera that walks forward overflows


def cumulative_maps(maps: Floats, centre: Floats | None = None) -> Floats:
    """Maps (F, 3, 3) from pixels of the first frame to those of frame n, at [n − 1].

    maps: (F, 2, 3), from pixels of the previous frame to those of each; the first is not used. centre: (2,), px, of the
    image, for `without_zoom`, which is applied if the areas change by more than MAX_ZOOM.
    """
    zoom = np.cumsum(np.log(np.abs(np.linalg.det(maps[1:, :, :2]))))
    if np.ptp(np.append(zoom, 0)) > np.log(MAX_ZOOM):
        maps = without_zoom(maps, np.zeros(2) if centre is None else centre)
    squares = np.concatenate([maps, np.broadcast_to([0.0, 0.0, 1.0], (len(maps), 1, 3))], axis=1)
    result = np.empty_like(squares)
    total = np.eye(3)
    for number, square in enumerate(squares):
        total = square @ total if number else total
        result[number] = total
    return result


def without_zoom(maps: Floats, centre: Floats) -> Floats:
    """Maps (F, 2, 3) that move the point `centre` (2,) as `maps` do, and turn as they do, but keep areas."""
    linear = maps[:, :, :2] / np.sqrt(np.abs(np.linalg.det(maps[:, :, :2])))[:, None, None]
    moved = maps[:, :, :2] @ centre + maps[:, :, 2]
    return np.concatenate([linear, (moved - linear @ centre)[:, :, None]], axis=2)


def warp_rows(xyxy: Floats, frame: Integers, maps: Floats) -> Floats:
    """Boxes (K, 4), each mapped by the map (3, 3) of its frame: centres are mapped, sizes scaled by √|det|."""
    chosen = maps[np.minimum(frame, len(maps)) - 1]
    linear, shift = chosen[:, :2, :2], chosen[:, :2, 2]
    corner, opposite = xyxy[:, :2], xyxy[:, 2:]
    centre = np.einsum("kij,kj->ki", linear, (corner + opposite) / 2) + shift
    half = (opposite - corner) / 2 * np.sqrt(np.abs(np.linalg.det(linear)))[:, None]
    return np.concatenate([centre - half, centre + half], axis=1)
