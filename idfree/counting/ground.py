"""Ground plane homography: metres from pixels, path lengths and speeds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.reading import load_array, read_text
from idfree.core.smooth_path import smooth_path
from idfree.core.types import Annotation, Floats, Integers
from idfree.counting.shapes import MAX_COORDINATE, split_numbers

SMOOTHING_SECONDS = 1.0  # window in which positions are smoothed; study: docs/counting.md
MIN_SINGULAR_VALUE = 1e-6  # × the largest, of the eight that determine a homography: below, points lie on one line
EXPECTED = (
    "expected eight numbers h11,h12,h13,h21,h22,h23,h31,h32 (h33 = 1) of the map from pixels to metres, or a file with"
    " its three rows, or with rows x,y,X,Y of four points or more: pixels, and metres on the ground"
)


@dataclass(frozen=True)
class Paths:
    """Paths of T tracks on the ground: id, class_id, first and last frame, duration in s, length in m, speeds in m/s.

    All columns are (T,). top_speed: the highest of the smoothed path.
    """

    id: Integers
    class_id: Integers
    first: Integers
    last: Integers
    seconds: Floats
    metres: Floats
    mean_speed: Floats
    top_speed: Floats

    def __len__(self) -> int:
        return len(self.id)


def read_ground(scale: float | None, homography: Any = None) -> Floats | None:
    """The homography (3, 3) from pixels to metres; None if neither is given. Raises UserError.

    scale: metres per pixel. homography: a file, a text of eight numbers, or an array (3, 3) or (8,).
    """
    if scale is not None and homography is not None:
        raise UserError("--scale and --homography: expected one of them")
    if homography is not None:
        return read_homography(homography)
    if scale is None:
        return None
    if not 1 / MAX_COORDINATE <= scale <= MAX_COORDINATE:
        raise UserError(f"--scale {scale:g}: expected metres per pixel, more than 0")
    return np.diag([scale, scale, 1.0])


def read_homography(given: Any) -> Floats:
    """The homography (3, 3) of a file, a text of eight numbers, or an array. Raises UserError."""
    rows: Any = given
    if isinstance(given, str) and (numbers := parse_row(given)) is not None:
        rows = numbers
    elif isinstance(given, str | Path):
        rows = load_array(given) if str(given).endswith(".npy") else read_rows(Path(given))
    table = as_table(rows)
    if table.shape[0] >= 4 and table.shape[1] == 4:
        return fit_homography(table)
    values = np.append(table, 1.0) if table.size == 8 else table
    matrix = values.reshape(3, 3) if values.size == 9 else np.zeros((3, 3))
    if np.linalg.matrix_rank(matrix) < 3:
        raise UserError(f"--homography {given}: {EXPECTED}")
    return matrix


def as_table(rows: Any) -> Floats:
    """Rows of numbers as an array (R, C), (0, 0) if they are no table, or have numbers beyond MAX_COORDINATE."""
    try:
        table = np.atleast_2d(np.asarray(rows, dtype=np.float64))
    except (TypeError, ValueError):
        table = np.zeros((0, 0))
    is_valid = table.ndim == 2 and bool((np.abs(table) <= MAX_COORDINATE).all())
    return table if is_valid else np.zeros((0, 0))


def parse_row(text: str) -> list[float] | None:
    """The numbers of a text, see `split_numbers`; None if it is anything else."""
    try:
        return [float(word) for word in split_numbers(text)] or None
    except ValueError:
        return None


def read_rows(path: Path) -> list[list[float]]:
    """Rows of numbers of a text file; lines that begin with # are left out. Raises UserError."""
    lines = [line for line in read_text(path).splitlines() if line.strip() and not line.lstrip().startswith("#")]
    rows = [parse_row(line) for line in lines]
    if any(row is None for row in rows):
        raise UserError(f"--homography {path}: line {lines[rows.index(None)][:40]!r}: {EXPECTED}")
    return [row for row in rows if row is not None]


def fit_homography(pairs: Floats) -> Floats:
    """Direct linear transformation (DLT): the homography (3, 3) of correspondences x, y, X, Y (K, 4), by least squares.

    Points are normalised before (Hartley and Zisserman 2004, alg. 4.1, 4.2). Raises UserError if three of four points
    lie on one line.
    """
    to_unit, from_unit = (normalising_similarity(points) for points in (pairs[:, :2], pairs[:, 2:]))
    x, y = project(to_unit, pairs[:, :2]).T
    u, v = project(from_unit, pairs[:, 2:]).T
    zero, one = np.zeros_like(x), np.ones_like(x)
    rows = [[x, y, one, zero, zero, zero, -u * x, -u * y, -u], [zero, zero, zero, x, y, one, -v * x, -v * y, -v]]
    equations = np.concatenate([np.stack(row, axis=1) for row in rows])
    _, singular, vectors = np.linalg.svd(equations)
    if singular[7] < MIN_SINGULAR_VALUE * singular[0]:
        raise UserError("--homography: the points lie on a line, or coincide: expected four corners of an area")
    matrix = np.linalg.inv(from_unit) @ vectors[-1].reshape(3, 3) @ to_unit
    return np.asarray(matrix / (matrix[2, 2] or 1.0))


def normalising_similarity(points: Floats) -> Floats:
    """The similarity (3, 3) that moves the mean of points (K, 2) to 0 and their mean distance from it to √2."""
    mean = points.mean(axis=0)
    scale = np.sqrt(2) / max(float(np.linalg.norm(points - mean, axis=1).mean()), 1e-12)
    return np.array([[scale, 0, -scale * mean[0]], [0, scale, -scale * mean[1]], [0, 0, 1]])


def project(homography: Floats, points: Floats) -> Floats:
    """Map points (N, 2) by a homography (3, 3); NaN at and beyond its horizon.

    The side of the horizon that counts is the one that most points lie on.
    """
    mapped = np.column_stack([points, np.ones(len(points))]) @ homography.T
    depth = mapped[:, 2] * (np.sign(np.median(mapped[:, 2])) if len(points) else 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(depth[:, None] > 0, mapped[:, :2] / mapped[:, 2:], np.nan)


def measure_paths(
    tracks: Annotation, points: Floats, homography: Floats, frame_rate: float, window: float = SMOOTHING_SECONDS
) -> Paths:
    """Lengths and speeds of the paths of tracks, from their anchor points (K, 2) in pixels.

    Positions are interpolated in gaps and smoothed by straight lines through `window` seconds (Savitzky and Golay
    1964), because the jitter of boxes would add to the length. Points beyond the horizon are left out.
    """
    ground = project(homography, points)
    known = np.flatnonzero(np.isfinite(ground).all(axis=1))
    order = known[np.lexsort((tracks.frame[known], tracks.id[known]))]
    parts = np.split(order, np.flatnonzero(np.diff(tracks.id[order])) + 1) if len(order) else []
    first, last = ([int(tracks.frame[part[end]]) for part in parts] for end in (0, -1))
    measured = [measure_path(tracks.frame[part], ground[part], frame_rate, window) for part in parts]
    metres, top = np.array(measured, dtype=np.float64).reshape(-1, 2).T
    seconds = (np.array(last) - np.array(first)) / frame_rate
    speed = np.divide(metres, seconds, out=np.zeros_like(metres), where=seconds > 0)
    heads = np.array([part[0] for part in parts], dtype=np.int64)
    begin, end = (np.array(each, dtype=np.int64) for each in (first, last))
    return Paths(tracks.id[heads], tracks.class_id[heads], begin, end, seconds, metres, speed, top)


def measure_path(frame: Integers, ground: Floats, frame_rate: float, window: float) -> tuple[float, float]:
    """Length in m and top speed in m/s of the smoothed path through positions (K, 2) in m at frames (K,)."""
    if len(frame) < 2:
        return 0.0, 0.0
    every = np.arange(frame[0], frame[-1] + 1)
    path = np.stack([np.interp(every, frame, axis) for axis in ground.T], axis=1)
    steps = np.linalg.norm(np.diff(smooth_path(path, window * frame_rate), axis=0), axis=1)
    return float(steps.sum()), float(steps.max() * frame_rate)
