"""A picture of the scene below a plot: the first frame, or a blank one as large as what is drawn."""

from collections.abc import Iterable

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Floats, Image, Sequence

BLANK = 245  # grey
ROOM = 1.03  # of a blank picture, beyond the last point
LARGEST = 8192  # px, of its sides: what is farther away is left out


def first_image(sequence: Sequence | None) -> Image | None:
    """The first image of a sequence that can be read again, None without one."""
    if sequence is None or sequence.length is None:
        return None
    try:
        return next((frame.image for frame in sequence), None)
    except UserError:  # a MOTChallenge folder without images
        return None


def blank_image(points: Iterable[Floats], size_hw: tuple[int, int] | None = None) -> Image:
    """A blank picture of this size, or of one that holds all points (K, 2), if there is room."""
    corner = np.ceil(np.concatenate([np.ones((1, 2)), *points]).max(axis=0) * ROOM)
    width, height = np.minimum(corner, LARGEST).astype(int).tolist()
    return np.full((*(size_hw or (height, width)), 3), BLANK, dtype=np.uint8)
