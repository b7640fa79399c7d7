"""Fixed-interval smoothing (Rauch-Tung-Striebel) of boxes with a constant-velocity model.

Rauch, Tung and Striebel (1965) compute the estimate of a Kalman filter given all frames, also later ones. If a filter
of constant velocity has process noise in the velocity alone, and all deviations are proportional to the box size, the
estimate is the minimum of

    Σ wₜ (zₜ − xₜ)² + λ Σ (xₜ₋₁ − 2 xₜ + xₜ₊₁)²

with λ the variance of the measurement over that of the velocity noise, whatever the size (Whittaker 1923). All tracks
are one banded system of linear equations. How much the boxes jitter, and how suddenly people and camera move, differs
between videos and detectors: λ is chosen by how well the boxes of held-out frames are predicted from the others.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from idfree.core.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from idfree.core.types import Annotation, Floats, Integers
from idfree.offline.track_rows import is_filled, segment_starts

MAX_ROWS = 50_000  # that λ is chosen with, of evenly spread segments, and that are solved for at once
LITTLE_SMOOTHING = 0.5  # time constant in frames: the error that the others are compared with
HELD_OUT_EVERY = 4  # every fourth row of a segment is held out to choose λ: its neighbours are known
HELD_OUT_WEIGHT = 1e-9  # more than 0, so that the equations stay regular


@dataclass(frozen=True)
class SmoothSettings:
    """How λ is chosen: the fourth power of the largest time constant, in frames, that predicts held-out boxes well.

    Errors are relative to the height of the box. Little smoothing has the smallest error, as errors of detectors
    persist for some frames; a time constant with a slightly larger error is closer to the true boxes
    (docs/offline_settings.md).
    """

    position: tuple[float, ...] = (1, 2, 3, 4, 6)  # time constants to choose from, of the centre
    size: tuple[float, ...] = (1, 2, 4, 8)  # of width and height
    tolerance: float = 1.35  # × the smallest mean error,
    slack: float = 0.002  # plus this, is the largest one allowed
    min_held_out: int = 30  # rows; with fewer, the shortest time constant is used
    filled_weight: float = 0.1  # w of rows that were filled in a straight line; of detected rows it is 1


def smooth(tracks: Annotation, step: int = 1, settings: SmoothSettings | None = None) -> Annotation:
    """Smooth the boxes of tracks, rows sorted by track; never across a gap. step: of the frames, see `frame_step`."""
    settings = settings or SmoothSettings()
    if not len(tracks):
        return tracks
    weight = np.where(is_filled(tracks), settings.filled_weight, 1.0)
    starts = segment_starts(tracks, step)
    boxes = xyxy_to_cxcywh(tracks.xyxy)
    sample, sample_starts = sample_segments(starts, len(tracks))
    chosen = (boxes[sample], weight[sample], sample_starts)
    for columns, times in ((slice(0, 2), settings.position), (slice(2, 4), settings.size)):
        if time := choose_time(*chosen, columns, times, settings):
            boxes[:, columns] = fit_in_parts(boxes[:, columns], weight, starts, time**4)
    return replace(tracks, xyxy=cxcywh_to_xyxy(boxes))


def sample_segments(starts: Integers, count: int) -> tuple[Integers, Integers]:
    """Rows (M,) of every n-th segment of `count` rows, M about MAX_ROWS; and the first rows of these segments in them.

    starts: first row of each segment.
    """
    every = count // MAX_ROWS + 1
    length = np.diff(starts, append=count)
    rows = np.flatnonzero(np.repeat(np.arange(len(starts)) % every == 0, length))
    return rows, np.append(0, np.cumsum(length[::every])[:-1])


def choose_time(
    boxes: Floats, weight: Floats, starts: Integers, columns: slice, times: tuple[float, ...], settings: SmoothSettings
) -> float:
    """The longest of `times` that predicts columns of held-out boxes (K, 4), cxcywh, well enough; 0 if none does."""
    held_out = held_out_rows(starts, len(boxes)) & (weight == 1)
    values, known = boxes[:, columns], np.where(held_out, HELD_OUT_WEIGHT, weight)
    height = boxes[held_out, 3:]
    errors = []
    for time in (LITTLE_SMOOTHING, *times) if held_out.any() else ():
        fit = penalised_fit(values, known, starts, time**4)
        errors.append(float((np.abs(fit[held_out] - values[held_out]) / height).mean()))
    return longest_time(errors, times, int(np.count_nonzero(held_out)), settings)


def longest_time(errors: list[float], times: tuple[float, ...], count: int, settings: SmoothSettings) -> float:
    """The longest of `times` whose error is allowed, 0 if none is.

    errors: mean over `count` rows, of almost no smoothing, then of each of `times`.
    """
    if count < settings.min_held_out:
        return times[0]
    limit = settings.tolerance * min(errors) + settings.slack
    return max((time for time, error in zip(times, errors[1:], strict=True) if error <= limit), default=0.0)


def held_out_rows(starts: Integers, count: int) -> NDArray[np.bool_]:
    """Mask (count,) of every fourth row of each segment, without its first and last two."""
    length = np.diff(starts, append=count)
    place = np.arange(count) - np.repeat(starts, length)
    return (place % HELD_OUT_EVERY == 2) & (place + 2 < np.repeat(length, length))


def fit_in_parts(values: Floats, weight: Floats, starts: Integers, penalty: float) -> Floats:
    """`penalised_fit` of whole segments, about MAX_ROWS at a time, to bound the memory of the equations."""
    first = starts[np.unique(np.searchsorted(starts, np.arange(0, len(values), MAX_ROWS)).clip(max=len(starts) - 1))]
    bounds = np.unique([0, *first.tolist(), len(values)])
    parts = []
    for begin, end in pairwise(bounds.tolist()):
        own = starts[(starts >= begin) & (starts < end)] - begin
        parts.append(penalised_fit(values[begin:end], weight[begin:end], own, penalty))
    return np.concatenate(parts)


def penalised_fit(values: Floats, weight: Floats, starts: Integers, penalty: float) -> Floats:
    """Minimum (K, C) of the sum above for values (K, C), weights (K,), segments beginning at rows `starts`, and λ."""
    bands = np.zeros((3, len(values)))  # lower form: bands[d, i] is the entry (i + d, i)
    bands[0] = weight
    is_start = np.zeros(len(values), dtype=bool)
    is_start[starts] = True
    curved = penalty * ~(is_start[1:-1] | is_start[2:])  # λ of second differences within a segment, at rows 1 … K − 2
    if len(curved):
        bands[0, :-2] += curved
        bands[0, 1:-1] += 4 * curved
        bands[0, 2:] += curved
        bands[1, :-2] -= 2 * curved
        bands[1, 1:-1] -= 2 * curved
        bands[2, :-2] += curved
    return np.asarray(solveh_banded(bands, weight[:, None] * values, lower=True, check_finite=False))
