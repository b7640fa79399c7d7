"""Made-up footages: coloured blobs on black, so that what the pixels show can be held against what the labels say."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from idfree.core.types import Annotation, Image

HW = (60, 100)


@dataclass(frozen=True)
class MadeUpFootage:
    """What the package's Footage is, as far as training asks."""

    name: str
    boxes: Annotation
    length: int
    image: Callable[[int], Image]
    moving: bool = True
    size_hw: tuple[int, int] | None = HW


def annotation(rows):
    """Rows of frame, id, left, top, right, bottom, mark, class."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 8)
    whole = table[:, [0, 1, 7]].astype(np.int64).T
    return Annotation(whole[0], whole[1], table[:, 2:6], table[:, 6], whole[2], np.ones(len(table)))


def colour(row):
    """A colour of its own for the row of a picture."""
    return (60 + 30 * (row % 6), 220 - 25 * (row % 7), 90 + 40 * (row % 4))


def blobs(boxes: Annotation, size_hw=HW) -> Callable[[int], Image]:
    """Pictures in which every box is filled by an ellipse."""

    def image(frame: int) -> Image:
        picture = np.zeros((*size_hw, 3), dtype=np.uint8)
        rows = boxes.rows_at(frame)
        for row, (left, top, right, bottom) in enumerate(boxes.xyxy[rows].tolist()):
            corners = [((left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5), (right - left, bottom - top), 0]
            cv2.ellipse(picture, corners, colour(row), -1)
        return picture

    return image


@pytest.fixture(scope="session")
def footages() -> list[MadeUpFootage]:
    """Two: frames 1 and 3 of three, and two frames of one, both with an id 7; with a region and another class."""
    one = annotation(
        [
            (1, 7, 10, 10, 30, 50, 1, 1),
            (1, 9, 60, 20, 80, 56, 1, 1),
            (1, 5, 40, 5, 55, 15, 0, 8),
            (3, 9, 58, 20, 78, 56, 1, 1),
            (3, -1, 20, 30, 34, 58, 1, 2),
        ]
    )
    two = annotation([(1, 7, 30, 12, 50, 52, 1, 1), (2, 7, 34, 12, 54, 52, 1, 1)])
    return [MadeUpFootage("one", one, 3, blobs(one)), MadeUpFootage("two", two, 2, blobs(two))]
