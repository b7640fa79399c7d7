"""Building blocks of the label readers: rows of boxes, checked values of JSON, and the handling of invalid labels."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from idfree.core.arrays import MAX_EXACT_INTEGER
from idfree.core.errors import UserError
from idfree.core.names import is_path
from idfree.core.types import Annotation
from idfree.sequences.rows import MAX_VALUE

MAX_SIZE = 10**6  # px, of an image

OnFault = Callable[[str], None]  # called with a message (file, place, fault); the invalid label is then skipped


def raise_fault(fault: str) -> None:
    """The strict OnFault: raises UserError."""
    raise UserError(fault)


class LabelRows:
    """Collect labelled boxes one by one into an Annotation. class_id: of boxes that are added without one."""

    def __init__(self, class_id: int = 0) -> None:
        self.rows: list[tuple[float, ...]] = []
        self.class_id = class_id

    def add(
        self,
        frame: int,
        xyxy: Iterable[float],
        id: int = -1,
        score: float = 1.0,
        class_id: int | None = None,
        visibility: float = 1.0,
    ) -> None:
        """Add a box of image `frame`, with the meanings and units of Annotation."""
        self.rows.append((frame, id, *xyxy, score, self.class_id if class_id is None else class_id, visibility))

    def annotation(self) -> Annotation:
        """All boxes, sorted by frame (stable)."""
        rows = np.array(self.rows, dtype=np.float64).reshape(-1, 9)
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        frame, id, class_id = rows[:, [0, 1, 7]].T.astype(np.int64)
        return Annotation(frame, id, rows[:, 2:6].copy(), rows[:, 6].copy(), class_id, rows[:, 8].copy())


def parse_numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """A JSON list of `count` numbers, at most MAX_VALUE in absolute value; None if it is anything else."""
    valid = isinstance(value, list) and len(value) == count and all(map(is_finite_number, value))
    return tuple(map(float, value)) if valid and all(abs(number) <= MAX_VALUE for number in value) else None


def parse_size(value: Any) -> int | None:
    """A JSON number that can be the width or height of an image, 1 to MAX_SIZE; None if it is anything else."""
    size = parse_integer(value)
    return size if size is not None and 1 <= size <= MAX_SIZE else None


def is_name(value: Any) -> bool:
    """Whether a JSON value can be the path of an image."""
    return isinstance(value, str) and is_path(value)


def parse_integer(value: Any) -> int | None:
    """A JSON number that is whole (7 or 7.0); None if it is anything else."""
    return int(value) if is_finite_number(value) and value % 1 == 0 else None


def is_finite_number(value: Any) -> bool:
    """Whether a JSON value is a number whose integer part float64 represents exactly."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_EXACT_INTEGER


def get_key(json_object: Any, name: str) -> int | str | None:
    """The member `name` of a JSON object if it can be a key (a number or a text), else None."""
    value = json_object.get(name) if isinstance(json_object, dict) else None
    return value if isinstance(value, int | str) else None


def denormalise(box: Sequence[float], size_hw: tuple[int, int]) -> tuple[float, ...]:
    """Centre x, centre y, width, height as fractions of an image of (height, width) → xyxy of one box in pixels."""
    (cx, cy, w, h), (height, width) = box, size_hw
    return (cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height


def xywh_to_corners(xywh: tuple[float, ...]) -> tuple[float, ...]:
    """Left, top, width, height → xyxy of one box."""
    x, y, w, h = xywh
    return x, y, x + w, y + h
