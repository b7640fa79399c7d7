"""How near tracks come to a line that none of them crosses, and whether their boxes reach it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Annotation, Floats
from idfree.counting.shapes import Line


@dataclass(frozen=True)
class Approach:
    """The anchor point that is nearest to a line.

    distance: px to the line segment. id, frame: of that point. passing: number of tracks whose path leads over the line
    from one anchor point to the next. overlapping: number of tracks with a box that the line runs through.
    """

    distance: float
    id: int
    frame: int
    passing: int
    overlapping: int


def find_approach(line: Line, tracks: Annotation, anchors: Floats, gap: int) -> Approach | None:
    """The nearest of the anchor points (N, 2) of tracks to a line, None without any.

    gap: number of frames that a track may be missing; a path across a longer gap is none, as in `Counter`.
    """
    if not len(tracks):
        return None
    distance = segment_distance(line, anchors)
    nearest = int(distance.argmin())
    passing = np.unique(tracks.id[passes(line, tracks, anchors, gap)])
    overlapping = np.unique(tracks.id[runs_through(line, tracks.xyxy)])
    id, frame = int(tracks.id[nearest]), int(tracks.frame[nearest])
    return Approach(float(distance[nearest]), id, frame, len(passing), len(overlapping))


def segment_distance(line: Line, points: Floats) -> Floats:
    """Distances (N,), px, of points (N, 2) from the segment between the end points of a line."""
    start, end = line.corners
    along = np.clip(line.position_along(points), 0, 1)[:, None]
    return np.linalg.norm(points - start - along * (end - start), axis=1)


def passes(line: Line, tracks: Annotation, anchors: Floats, gap: int) -> NDArray[np.bool_]:
    """Mask (N,) of boxes from which the way of the anchor point to that of the track's next box leads over the line."""
    order = np.lexsort((tracks.frame, tracks.id))
    before, after = order[:-1], order[1:]
    is_step = (tracks.id[before] == tracks.id[after]) & (tracks.frame[after] - tracks.frame[before] <= gap)
    from_, to = line.signed_distance(anchors[before]), line.signed_distance(anchors[after])
    share = np.divide(from_, from_ - to, out=np.zeros_like(from_), where=from_ != to)
    at = line.position_along(anchors[before] + share[:, None] * (anchors[after] - anchors[before]))
    mask = np.zeros(len(tracks), dtype=bool)
    mask[before] = is_step & ((from_ >= 0) != (to >= 0)) & (at >= 0) & (at <= 1)
    return mask


def runs_through(line: Line, xyxy: Floats) -> NDArray[np.bool_]:
    """Mask (N,) of boxes (N, 4) that a line segment runs through; by clipping it (Liang and Barsky 1984)."""
    start, end = line.corners
    step = end - start
    is_flat = step == 0
    safe = np.where(is_flat, 1, step)
    low, high = (xyxy[:, :2] - start) / safe, (xyxy[:, 2:] - start) / safe
    inside = (xyxy[:, :2] <= start) & (start <= xyxy[:, 2:])
    enter = np.where(is_flat, np.where(inside, 0.0, 2.0), np.minimum(low, high)).max(axis=1)
    leave = np.where(is_flat, 1.0, np.maximum(low, high)).min(axis=1)
    return np.asarray(np.maximum(enter, 0) <= np.minimum(leave, 1))
