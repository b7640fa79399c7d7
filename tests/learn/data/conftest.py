"""Synthetic footage: coloured ellipses on black, so that pixels can be compared with labels."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from idfree.core.types import Annotation, Image
from idfree.datasets.footage import Footage

HW = (60, 100)


def annotation(rows):
    """Rows of frame, id, left, top, right, bottom, score, class."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 8)
    whole = table[:, [0, 1, 7]].astype(np.int64).T
    return Annotation(whole[0], whole[1], table[:, 2:6], table[:, 6], whole[2], np.ones(len(table)))


def colour(row):
    """A distinct colour for each object of an image."""
    return (60 + 30 * (row % 6), 220 - 25 * (row % 7), 90 + 40 * (row % 4))


def blobs(boxes: Annotation, size_hw=HW) -> Callable[[int], Image]:
    """Images in which every box is filled by an ellipse."""

    def image(frame: int) -> Image:
        canvas = np.zeros((*size_hw, 3), dtype=np.uint8)
        rows = boxes.rows_at(frame)
        for row, (left, top, right, bottom) in enumerate(boxes.xyxy[rows].tolist()):
            corners = [((left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5), (right - left, bottom - top), 0]
            cv2.ellipse(canvas, corners, colour(row), -1)
        return canvas

    return image


@pytest.fixture(scope="session")
def footages() -> list[Footage]:
    """Two videos that both have an id 7: objects in frames 1 and 3 of three, with an ignore region and a second class;
    and one object in two frames."""
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
    return [
        Footage(name, boxes, length, blobs(boxes), is_sequence=True, size_hw=HW)
        for name, boxes, length in (("one", one, 3), ("two", two, 2))
    ]
