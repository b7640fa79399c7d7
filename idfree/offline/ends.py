"""Ends of tracks: position, height and velocity where a track ends or begins, to predict across gaps."""

from dataclasses import dataclass

import numpy as np

from idfree.core.boxes import xyxy_to_cxcywh
from idfree.core.types import Annotation, Floats, Integers
from idfree.offline.track_rows import track_starts

VELOCITY_SECONDS = 0.7  # over which the velocity at an end is measured
PRIOR_WEIGHT = 20  # errors that the prior of `median_error` counts for


@dataclass(frozen=True)
class Ends:
    """E ends of tracks. time: (E,), s. centre: (E, 2), px. height: (E,), px. velocity: (E, 2), px/s."""

    time: Floats
    centre: Floats
    height: Floats
    velocity: Floats

    def __getitem__(self, rows: Integers) -> "Ends":
        return Ends(self.time[rows], self.centre[rows], self.height[rows], self.velocity[rows])


def measure_ends(tracks: Annotation, rows: Integers, frame_rate: float, forwards: bool) -> Ends:
    """Position, height and velocity at `rows` (E,) of tracks, which are sorted by track.

    forwards: measured from there on, as for the head of a tracklet; otherwise up to there, as for its tail.
    """
    starts = track_starts(tracks)
    stops = np.append(starts[1:], len(tracks))
    track = np.searchsorted(starts, rows, side="right") - 1
    boxes, time = xyxy_to_cxcywh(tracks.xyxy), tracks.frame / frame_rate
    key = np.arange(len(starts)).repeat(stops - starts) * (time[-1:].max(initial=0) + time.max(initial=0) + 1) + time
    offset = key[rows] + (VELOCITY_SECONDS if forwards else -VELOCITY_SECONDS)
    other = np.searchsorted(key, offset, side="right") - 1 if forwards else np.searchsorted(key, offset)
    other = np.clip(other, starts[track], stops[track] - 1)
    duration = time[other] - time[rows]
    moved = boxes[other, :2] - boxes[rows, :2]
    velocity = np.divide(moved, duration[:, None], out=np.zeros_like(moved), where=duration[:, None] != 0)
    shrink = np.minimum(np.abs(duration) / VELOCITY_SECONDS, 1)[:, None]  # over a few frames, it is mostly jitter
    return Ends(time[rows], boxes[rows, :2], (boxes[rows, 3] + boxes[other, 3]) / 2, velocity * shrink)


def compare_ends(tails: Ends, heads: Ends) -> tuple[Floats, Floats, Floats]:
    """Pairs (P,) of a tail and a head: time between them in s, prediction error in heights, |log| of the height ratio.

    The tail is extrapolated at the mean of both velocities; the error is at most the plain distance.
    """
    gap = heads.time - tails.time
    height = np.sqrt(tails.height * heads.height)
    moved = heads.centre - tails.centre
    residual = moved - gap[:, None] * (tails.velocity + heads.velocity) / 2
    error = np.minimum(np.linalg.norm(residual, axis=1), np.linalg.norm(moved, axis=1)) / height
    return gap, error, np.abs(np.log(heads.height / tails.height))


def median_error(tracks: Annotation, frame_rate: float, seconds: float, prior: float) -> float:
    """Median prediction error, in heights, of extrapolations over `seconds` within tracks.

    tracks: sorted by track, and smoothed. prior: assumed error of a video with few tracks.
    """
    step = max(1, round(seconds * frame_rate))
    key = tracks.id * (int(tracks.frame.max()) + 2 * step) + tracks.frame
    rows = np.arange(0, len(tracks), max(1, step // 2))
    later = np.searchsorted(key, key[rows] + step)
    is_known = key[np.minimum(later, len(key) - 1)] == key[rows] + step
    rows, later = rows[is_known], later[is_known]
    before = measure_ends(tracks, rows, frame_rate, forwards=False)
    after = measure_ends(tracks, later, frame_rate, forwards=True)
    return float(np.median(np.append(compare_ends(before, after)[1], [prior] * PRIOR_WEIGHT)))
