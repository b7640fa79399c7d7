"""Smooth boxes over time: the fixed-interval estimate of a constant-velocity model, sizes more than positions.

Rauch, Tung and Striebel (1965) compute what a Kalman filter would estimate if it knew the future. If a filter of
constant velocity has process noise in the velocity alone, and all deviations are proportional to the box size, the
estimate is the minimum of

    Σ wₜ (zₜ − xₜ)² + λ Σ (xₜ₋₁ − 2 xₜ + xₜ₊₁)²

with λ the variance of the measurement over that of the velocity noise, whatever the size (Whittaker 1923). All tracks
are one banded system of linear equations. How much the boxes jitter, and how suddenly people and camera move, differs
between videos and detectors: λ is chosen by how well the boxes of held-out frames are predicted from the others.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from idfree.core.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from idfree.core.types import Annotation, Floats, Integers
from idfree.offline.track_rows import is_filled, segment_starts

HELD_OUT_EVERY = 4  # every fourth row of a segment is held out to choose λ: its neighbours are known
NO_WEIGHT = 1e-9  # of rows that are held out; more than 0, so that the equations stay regular


@dataclass(frozen=True)
class SmoothSettings:
    """How λ is chosen: the largest fourth power of a time constant, in frames, that predicts held-out boxes well.

    Errors are relative to the height of the box. The least is that of little smoothing, as errors of detectors persist
    for some frames; a somewhat greater one is closer to the true boxes.
    """

    position: tuple[float, ...] = (1, 2, 3, 4, 6)  # time constants to choose from, of the centre
    size: tuple[float, ...] = (1, 2, 4, 8)  # of width and height
    tolerance: float = 1.35  # × the least mean error, and
    slack: float = 0.002  # more, is the greatest one allowed
    fewest: int = 30  # rows held out; with fewer, the shortest time constant is used
    filled_weight: float = 0.1  # w of rows that were filled in a straight line; of detected rows it is 1


def smooth(tracks: Annotation, step: int = 1, settings: SmoothSettings | None = None) -> Annotation:
    """Smooth the boxes of tracks, rows sorted by track; never across a gap. step: of the frames, see `frame_step`."""
    settings = settings or SmoothSettings()
    if not len(tracks):
        return tracks
    was_detected = ~is_filled(tracks)
    weight = np.where(was_detected, 1.0, settings.filled_weight)
    starts = segment_starts(tracks, step)
    held_out = held_out_rows(starts, len(tracks)) & was_detected
    boxes = xyxy_to_cxcywh(tracks.xyxy)
    height = boxes[:, 3:].copy()
    for columns, times in ((slice(0, 2), settings.position), (slice(2, 4), settings.size)):
        values = boxes[:, columns]
        fits = [penalised_fit(values, np.where(held_out, NO_WEIGHT, weight), starts, time**4) for time in (0.5, *times)]
        errors = [float((np.abs(fit - values) / height)[held_out].mean()) for fit in fits if held_out.any()]
        if time := longest_time(errors, times, int(np.count_nonzero(held_out)), settings):
            boxes[:, columns] = penalised_fit(values, weight, starts, time**4)
    return replace(tracks, xyxy=cxcywh_to_xyxy(boxes))


def longest_time(errors: list[float], times: tuple[float, ...], count: int, settings: SmoothSettings) -> float:
    """The longest of `times` whose error is allowed, 0 if none is.

    errors: of next to no smoothing, then of each of `times`; means over `count` rows.
    """
    if count < settings.fewest:
        return times[0]
    limit = settings.tolerance * min(errors) + settings.slack
    return max((time for time, error in zip(times, errors[1:], strict=True) if error <= limit), default=0.0)


def held_out_rows(starts: Integers, count: int) -> NDArray[np.bool_]:
    """Mask (count,) of every fourth row of each segment, without its first and last two."""
    length = np.diff(starts, append=count)
    place = np.arange(count) - np.repeat(starts, length)
    return (place % HELD_OUT_EVERY == 2) & (place + 2 < np.repeat(length, length))


def penalised_fit(values: Floats, weight: Floats, starts: Integers, penalty: float) -> Floats:
    """Minimum (K, C) of the sum above for values (K, C), weights (K,), segments beginning at rows `starts`, and λ."""
    bands = np.zeros((3, len(values)))  # lower form: bands[d, i] is the entry (i + d, i)
    bands[0] = weight
    middle = np.arange(1, len(values) - 1)
    is_start = np.zeros(len(values), dtype=bool)
    is_start[starts] = True
    middle = middle[~is_start[middle] & ~is_start[middle + 1]]  # second differences within a segment
    for offset, factor in ((-1, 1.0), (0, 4.0), (1, 1.0)):
        bands[0, middle + offset] += penalty * factor
    bands[1, middle - 1] -= 2 * penalty
    bands[1, middle] -= 2 * penalty
    bands[2, middle - 1] += penalty
    return np.asarray(solveh_banded(bands, weight[:, None] * values, lower=True, check_finite=False))
