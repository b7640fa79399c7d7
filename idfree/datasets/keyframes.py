"""Tracks as keyframes, as annotation tools store them: between two keyframes boxes are interpolated linearly."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.types import Annotation, Floats, Integers

Mask = NDArray[np.bool_]
MAX_STEP = 1_000_000  # frames between two keyframes: nine hours at 30 frames per second


def interpolate(frame: Integers, values: Floats, shown: Mask, place: str) -> tuple[Integers, Floats, Integers]:
    """Linear interpolation of a track: frames (N,), values (N, V), and the row (N,) of the keyframe before each.

    frame: (K,), ascending. values: (K, V). shown: (K,), whether the object is in sight up to the next keyframe.
    place: file and track, for messages. Raises UserError for more than MAX_STEP frames between two keyframes.
    """
    steps = np.where(shown, np.diff(frame, append=frame[-1:] + 1), 1)
    if (too_long := steps > MAX_STEP).any():
        start = frame[too_long][0]
        raise UserError(f"{place}: no keyframe in the {steps.max()} frames after {start}: is the track's end missing?")
    row = np.repeat(np.arange(len(frame)), steps)
    offset = np.arange(len(row)) - np.repeat(np.cumsum(steps) - steps, steps)
    following = np.minimum(row + 1, len(frame) - 1)
    fraction = (offset / np.maximum(frame[following] - frame[row], 1))[:, None]
    return frame[row] + offset, values[row] + fraction * (values[following] - values[row]), row


def numbered_tracks(boxes: Annotation) -> Iterator[tuple[int, Annotation]]:
    """Each identity with its boxes in order; each box of unknown identity (−1) gets a number beyond the largest."""
    order = np.lexsort((boxes.frame, boxes.id))
    rows, fresh = boxes[order], int(boxes.id.max(initial=0)) + 1
    is_first = (np.diff(rows.id, prepend=-2) != 0) | (rows.id < 0)
    for part in np.split(np.arange(len(rows)), np.flatnonzero(is_first)[1:]) if len(rows) else ():
        identity = int(rows.id[part[0]])
        yield (fresh if identity < 0 else identity), rows[part]
        fresh += identity < 0


def ends_run(frame: Integers) -> Mask:
    """Mask (K,) of the boxes of a track that are the last before a gap, or the last of all. frame: (K,)."""
    return np.diff(frame, append=frame[-1:] + 2) != 1


def distinct_numbers(names: Iterable[str]) -> Sequence[int]:
    """The names of tracks as numbers, if all are different whole numbers, else 1, 2, 3 …"""
    names = list(names)
    numbers = [int(name) for name in names if name.isdecimal() and len(name) <= 15]  # exact in float64
    return numbers if len(numbers) == len(names) == len(set(numbers)) else range(1, len(names) + 1)
