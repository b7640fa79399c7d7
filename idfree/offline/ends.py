"""Ends of tracks: where a person was last or first seen, how tall, and how fast, for linking tracklets across gaps."""

from dataclasses import dataclass

import numpy as np

from idfree.core.boxes import xyxy_to_cxcywh
from idfree.core.types import Annotation, Floats, Integers
from idfree.offline.track_rows import track_starts

SPEED_SECONDS = 0.7  # over which the velocity at an end is measured
USUAL_WEIGHT = 20  # misses that an assumed one counts for


@dataclass(frozen=True)
class Ends:
    """E ends. time: (E,), s. centre: (E, 2), px. height: (E,), px. velocity: (E, 2), px/s."""

    time: Floats
    centre: Floats
    height: Floats
    velocity: Floats

    def __getitem__(self, rows: Integers) -> "Ends":
        return Ends(self.time[rows], self.centre[rows], self.height[rows], self.velocity[rows])


def describe_ends(tracks: Annotation, rows: Integers, frame_rate: float, forwards: bool) -> Ends:
    """What is known at `rows` (E,) of tracks, rows sorted by track, from the rows up to there, or from there on.

    forwards: from there on, as for the beginning of a tracklet; otherwise up to there, as for its end.
    """
    starts = track_starts(tracks)
    stops = np.append(starts[1:], len(tracks))
    track = np.searchsorted(starts, rows, side="right") - 1
    boxes, time = xyxy_to_cxcywh(tracks.xyxy), tracks.frame / frame_rate
    key = np.arange(len(starts)).repeat(stops - starts) * (time[-1:].max(initial=0) + time.max(initial=0) + 1) + time
    offset = key[rows] + (SPEED_SECONDS if forwards else -SPEED_SECONDS)
    other = np.searchsorted(key, offset, side="right") - 1 if forwards else np.searchsorted(key, offset)
    other = np.clip(other, starts[track], stops[track] - 1)
    duration = time[other] - time[rows]
    moved = boxes[other, :2] - boxes[rows, :2]
    velocity = np.divide(moved, duration[:, None], out=np.zeros_like(moved), where=duration[:, None] != 0)
    shrink = np.minimum(np.abs(duration) / SPEED_SECONDS, 1)[:, None]  # of a few frames, jitter is most of it
    return Ends(time[rows], boxes[rows, :2], (boxes[rows, 3] + boxes[other, 3]) / 2, velocity * shrink)


def distances(tails: Ends, heads: Ends) -> tuple[Floats, Floats, Floats]:
    """Of pairs (P,) of a tail and a head: time between them in s, miss of the extrapolation in heights, log size ratio.

    The extrapolation goes on at the mean of both velocities; the miss is not more than the plain distance.
    """
    gap = heads.time - tails.time
    height = np.sqrt(tails.height * heads.height)
    moved = heads.centre - tails.centre
    miss = moved - gap[:, None] * (tails.velocity + heads.velocity) / 2
    distance = np.minimum(np.linalg.norm(miss, axis=1), np.linalg.norm(moved, axis=1)) / height
    return gap, distance, np.abs(np.log(heads.height / tails.height))


def usual_miss(tracks: Annotation, frame_rate: float, seconds: float, assumed: float) -> float:
    """Median miss, in heights, of extrapolations over `seconds` within tracks: how predictably people move.

    tracks: sorted by track, and smoothed. assumed: of a video with few tracks.
    """
    step = max(1, round(seconds * frame_rate))
    key = tracks.id * (int(tracks.frame.max()) + 2 * step) + tracks.frame
    rows = np.arange(0, len(tracks), max(1, step // 2))
    later = np.searchsorted(key, key[rows] + step)
    is_known = key[np.minimum(later, len(key) - 1)] == key[rows] + step
    rows, later = rows[is_known], later[is_known]
    before = describe_ends(tracks, rows, frame_rate, forwards=False)
    after = describe_ends(tracks, later, frame_rate, forwards=True)
    return float(np.median(np.append(distances(before, after)[1], [assumed] * USUAL_WEIGHT)))
