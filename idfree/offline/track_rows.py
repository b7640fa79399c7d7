"""Rows sorted by track, then frame: the order in which offline steps work; gaps, segments, adding rows."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Annotation, Floats, Integers

FILLED_SCORE = 0.0  # of rows that were filled in: no detector found them


def by_track(tracks: Annotation) -> Annotation:
    """The same rows, sorted by id, then frame."""
    return tracks[np.lexsort((tracks.frame, tracks.id))]


def by_frame(tracks: Annotation) -> Annotation:
    """The same rows, sorted by frame, then id, as in files of results."""
    return tracks[np.lexsort((tracks.id, tracks.frame))]


def frame_step(tracks: Annotation) -> int:
    """Distance of successive frames with rows: N for results of every N-th frame; 1 if there are no two frames."""
    steps = np.diff(np.unique(tracks.frame))
    return int(np.gcd.reduce(steps)) if len(steps) else 1


def track_starts(tracks: Annotation) -> Integers:
    """First row (T,) of each track; rows sorted by track."""
    return np.flatnonzero(np.diff(tracks.id, prepend=tracks.id[:1] - 1))


def find_gaps(tracks: Annotation, step: int) -> tuple[Integers, Integers]:
    """Gaps within tracks, rows sorted by track: the row before each gap (G,), and its number of missing frames (G,)."""
    is_same = np.diff(tracks.id) == 0
    missing = np.diff(tracks.frame) // step - 1
    before = np.flatnonzero(is_same & (missing > 0))
    return before, missing[before]


def segment_starts(tracks: Annotation, step: int) -> Integers:
    """First row (S,) of each segment, a run of successive frames of one track; rows sorted by track, at least one."""
    is_border = (np.diff(tracks.id) != 0) | (np.diff(tracks.frame) > step)
    return np.concatenate([[0], np.flatnonzero(is_border) + 1])


def filled_rows(like: Annotation, frame: Integers, xyxy: Floats) -> Annotation:
    """Rows (M,) with the ids and classes of the rows `like` (M,), at these frames and boxes, marked as filled in."""
    count = len(like)
    return Annotation(
        frame=frame,
        id=like.id,
        xyxy=xyxy,
        score=np.full(count, FILLED_SCORE),
        class_id=like.class_id,
        visibility=np.ones(count),
    )


def is_filled(tracks: Annotation) -> NDArray[np.bool_]:
    """Mask (K,) of the rows that were filled in."""
    return tracks.score == FILLED_SCORE


def concatenate(first: Annotation, second: Annotation) -> Annotation:
    """All rows of both, sorted by track; with the columns that both have."""
    pairs = {field.name: (getattr(first, field.name), getattr(second, field.name)) for field in fields(Annotation)}
    columns: dict[str, Any] = {
        name: None if a is None or b is None else np.concatenate([a, b]) for name, (a, b) in pairs.items()
    }
    return by_track(replace(first, **columns))
