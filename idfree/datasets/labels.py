"""Boxes as readers of labels gather them, picture by picture, and what they do about a label that cannot be right."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.sequences.rows import LARGEST, read_text

OnFault = Callable[[str], None]  # told of a fault, with file and place; what is at fault is then left out


def raise_fault(fault: str) -> None:
    """The strict way to take a fault: raises UserError."""
    raise UserError(fault)


class LabelRows:
    """Boxes in the order of their pictures."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []

    def add(
        self,
        frame: int,
        xyxy: Iterable[float],
        id: int = -1,
        score: float = 1.0,
        class_id: int = 0,
        visibility: float = 1.0,
    ) -> None:
        """One box of picture `frame`, with the meanings and units of Annotation."""
        self.rows.append((frame, id, *xyxy, score, class_id, visibility))

    def annotation(self) -> Annotation:
        """All of them, sorted by picture."""
        rows = np.array(self.rows, dtype=np.float64).reshape(-1, 9)
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        frame, id, class_id = rows[:, [0, 1, 7]].T.astype(np.int64)
        return Annotation(frame, id, rows[:, 2:6].copy(), rows[:, 6].copy(), class_id, rows[:, 8].copy())


def numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """A JSON list of so many finite numbers, None where it is something else."""
    good = isinstance(value, list) and len(value) == count and all(map(is_number, value))
    return tuple(map(float, value)) if good else None


def whole(value: Any) -> int | None:
    """A JSON whole number (7 or 7.0), None where it is something else."""
    return int(value) if is_number(value) and value % 1 == 0 else None


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number that a float64 can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def key(said: Any, name: str) -> int | str | None:
    """What a JSON object names by `name`: a number or a text, None where it names nothing."""
    value = said.get(name) if isinstance(said, dict) else None
    return value if isinstance(value, int | str) else None


def corners(xywh: tuple[float, ...]) -> tuple[float, ...]:
    """Left, top, width, height → xyxy."""
    x, y, w, h = xywh
    return x, y, x + w, y + h


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises UserError with its line."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise UserError(f"{path} line {error.lineno}: is not JSON: {error.msg}") from error
