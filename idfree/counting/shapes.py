"""Counting lines and zones (polygons) in the image: parsing, and signed distances of points to them in pixels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Floats

Shapes = str | Mapping[str, Any] | Iterable[Any]  # texts, numbers, or {name: numbers}; one or several

MAX_COORDINATE = 1e9  # squares of distances stay finite
MIN_LENGTH = 1e-3  # px, of a line


@dataclass(frozen=True)
class Line:
    """A counting line segment from corners[0] to corners[1]; corners: (2, 2), pixels."""

    name: str
    corners: Floats

    @property
    def normal(self) -> Floats:
        """Unit vector (2,) to the positive side: down or right, whatever the order of the end points."""
        dx, dy = self.corners[1] - self.corners[0]
        normal = np.array([-dy, dx]) / np.hypot(dx, dy)
        return normal if normal[0 if self.is_upright else 1] > 0 else -normal

    @property
    def is_upright(self) -> bool:
        """Whether it is at least as upright as level, so that people cross it to the right or to the left."""
        dx, dy = np.abs(self.corners[1] - self.corners[0])
        return bool(dy >= dx)

    @property
    def directions(self) -> tuple[str, str]:
        """Names of the directions of crossing as seen in the image: to the positive side, to the negative side."""
        return ("right", "left") if self.is_upright else ("down", "up")

    def signed_distance(self, points: Floats) -> Floats:
        """Signed distances (N,), px, of points (N, 2) from the infinite line, positive on the side of `normal`."""
        return np.asarray((points - self.corners[0]) @ self.normal)

    def position_along(self, points: Floats) -> Floats:
        """Positions (N,) of points (N, 2), projected onto the line: 0 at corners[0], 1 at corners[1]."""
        step = self.corners[1] - self.corners[0]
        return np.asarray((points - self.corners[0]) @ step / (step @ step))


@dataclass(frozen=True)
class Zone:
    """A polygon of corners (K, 2), pixels; if its edges cross each other, its inside follows the even-odd rule."""

    name: str
    corners: Floats

    def signed_distance(self, points: Floats) -> Floats:
        """Signed distances (N,), px, of points (N, 2) from the nearest edge, positive inside."""
        start, step = self.corners, np.roll(self.corners, -1, axis=0) - self.corners  # K 2
        offset = points[:, None] - start  # N K 2
        length = np.maximum((step**2).sum(axis=-1), 1e-12)
        place = np.clip((offset * step).sum(axis=-1) / length, 0, 1)
        distance = np.linalg.norm(offset - place[..., None] * step, axis=-1).min(axis=1)
        x, y = points[:, None, 0], points[:, None, 1]
        end = start + step
        spans_y = (start[:, 1] > y) != (end[:, 1] > y)  # N K: the edge crosses the horizontal line through the point
        slope = step[:, 0] / np.where(step[:, 1] == 0, 1, step[:, 1])
        crossings = (spans_y & (x < start[:, 0] + slope * (y - start[:, 1]))).sum(axis=1)
        return np.where(crossings % 2 == 1, distance, -distance)


def read_lines(given: Shapes) -> tuple[Line, ...]:
    """Lines `[NAME=]x1,y1,x2,y2`, or as four numbers. Raises UserError."""
    return tuple(make_line(name, corners) for name, corners in read_shapes(given, "line"))


def read_zones(given: Shapes) -> tuple[Zone, ...]:
    """Zones `[NAME=]x1,y1,x2,y2,x3,y3…`, or as pairs of numbers. Raises UserError."""
    return tuple(make_zone(name, corners) for name, corners in read_shapes(given, "zone"))


def make_line(name: str, corners: Floats) -> Line:
    """The line between two end points (2, 2). Raises UserError unless there are two, and they differ."""
    if len(corners) != 2 or np.abs(corners[1] - corners[0]).max() < MIN_LENGTH:
        raise UserError(f"line {name!r}: {corners.tolist()}: expected x1,y1,x2,y2, two different points in pixels")
    return Line(name, corners)


def make_zone(name: str, corners: Floats) -> Zone:
    """The zone of corners (K, 2). Raises UserError unless they span an area."""
    if len(corners) < 3 or np.linalg.matrix_rank(corners - corners[0]) < 2:
        expected = "expected x1,y1,x2,y2,x3,y3…, three corners or more, not all on one line"
        raise UserError(f"zone {name!r}: {corners.tolist()}: {expected}")
    return Zone(name, corners)


def read_shapes(given: Shapes, kind: str) -> list[tuple[str, Floats]]:
    """Names and corners (K, 2) of lines or zones; the n-th without a name is called "line n". Raises UserError.

    kind: "line" or "zone".
    """
    if isinstance(given, Mapping):
        named = [(str(name), numbers) for name, numbers in given.items()]
    else:
        values = [given] if isinstance(given, str) or is_one_shape(given) else list(given)
        named = [split_name(value) for value in values]
    shapes = [
        (name or (kind if len(named) == 1 else f"{kind} {number}"), read_corners(numbers, kind))
        for number, (name, numbers) in enumerate(named, start=1)
    ]
    names = [name for name, _ in shapes]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"two {kind}s are called {twice!r}: give each a name of its own, NAME=x1,y1,…")
    return shapes


def is_one_shape(given: Any) -> bool:
    """Whether these are the numbers of one shape: a flat list, or an array of points."""
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return array.size > 0 and (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 2))


def split_name(value: Any) -> tuple[str, Any]:
    """Name, or "", and numbers of `NAME=numbers`; of any other value, "" and the value."""
    if not isinstance(value, str):
        return "", value
    name, equals, numbers = value.rpartition("=")
    return name.strip() if equals else "", numbers


def split_numbers(text: str) -> list[str]:
    """The words of a text, separated by commas, semicolons or spaces."""
    return text.replace(",", " ").replace(";", " ").split()


def read_corners(numbers: Any, kind: str) -> Floats:
    """Corners (K, 2) from a text of numbers, or from an array of them. Raises UserError."""
    values = split_numbers(numbers) if isinstance(numbers, str) else numbers
    try:
        flat = np.array(values, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        flat = np.zeros(0)
    if flat.size < 4 or flat.size % 2 or not (np.abs(flat) <= MAX_COORDINATE).all():
        expected = "x1,y1,x2,y2" if kind == "line" else "x1,y1,x2,y2,x3,y3…"
        raise UserError(f"{kind} {numbers!r}: expected {expected}, in pixels")
    return flat.reshape(-1, 2)
