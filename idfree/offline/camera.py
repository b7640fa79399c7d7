"""Boxes in the coordinates of the first frame, if the camera's motion was measured: there, people walk straight on."""

import numpy as np

from idfree.core.types import Floats, Integers


def cumulative_maps(maps: Floats) -> Floats:
    """Maps (F, 3, 3) from pixels of the first frame to those of frame n at [n − 1].

    maps: (F, 2, 3), from pixels of the frame before to those of each frame; the first does not count.
    """
    squares = np.concatenate([maps, np.broadcast_to([0.0, 0.0, 1.0], (len(maps), 1, 3))], axis=1)
    result = np.empty_like(squares)
    total = np.eye(3)
    for number, square in enumerate(squares):
        total = square @ total if number else total
        result[number] = total
    return result


def warp_rows(xyxy: Floats, frame: Integers, maps: Floats) -> Floats:
    """Boxes (K, 4), each mapped by the map (3, 3) of its frame: centres are mapped, sizes scaled by √|det|."""
    chosen = maps[np.minimum(frame, len(maps)) - 1]
    linear, shift = chosen[:, :2, :2], chosen[:, :2, 2]
    corner, opposite = xyxy[:, :2], xyxy[:, 2:]
    centre = np.einsum("kij,kj->ki", linear, (corner + opposite) / 2) + shift
    half = (opposite - corner) / 2 * np.sqrt(np.abs(np.linalg.det(linear)))[:, None]
    return np.concatenate([centre - half, centre + half], axis=1)
