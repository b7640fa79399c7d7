"""The ways that the made-up street's people go: along the pavements, across the road, there and back."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from idfree.core.boxes import Floats
from idfree.synthetic.canvas import PinholeCamera
from idfree.synthetic.people import STRIDE

NEAR_LANES = ((7.4, 8.3), (9.7, 10.3))  # depths at which people walk on this side: before the kiosk and behind it
FAR_LANE = (18.3, 20.4)
OUT_OF_SIGHT = 60.0  # to either side, in metres
EASY = (1.3, 0.18)  # m/s, mean and σ of walking speed
SPREAD = np.array([0.7548776662, 0.5698402910])  # steps of the R₂ sequence, which fills a square evenly (Roberts 2018)


@dataclass(frozen=True)
class Trajectories:
    """Everybody's place and heading (F, N, 2) on the ground, (x, z); way gone (F, N) in m; pace (F, N) 0…1."""

    place: Floats
    heading: Floats
    gone: Floats
    pace: Floats


def walk(
    rng: Generator, camera: PinholeCamera, people: int, frames: int, frame_rate: float, together: float, stopping: float
) -> Trajectories:
    """Everybody's walk, in groups of one, two or three; when and where groups are seen is spread evenly.

    together: share of groups of more than one; stopping: of groups that stand still for a while, where one may.
    """
    place, heading = np.zeros((2, frames, people, 2))
    gone, pace = np.zeros((2, frames, people))
    person, spread = 0, rng.random(2)
    while person < people:
        size = 1 + int(rng.random() < together) * int(rng.choice([1, 2], p=[0.75, 0.25]))
        spread = (spread + SPREAD) % 1
        one = walk_one(rng, camera, frames, frame_rate, stopping, spread)
        for member in range(person, min(person + size, people)):
            beside = (member - person) * np.array([rng.choice([-1, 1]) * rng.uniform(0.25, 0.5), 0.4])
            place[:, member], heading[:, member] = one.place[:, 0] + beside, one.heading[:, 0]
            gone[:, member], pace[:, member] = one.gone[:, 0] + rng.uniform(0, STRIDE), one.pace[:, 0]  # out of step
        person += size
    return Trajectories(place, heading, gone, pace)


def walk_one(
    rng: Generator, camera: PinholeCamera, frames: int, frame_rate: float, stopping: float, spread: Floats
) -> Trajectories:
    """The walk of one who is in the picture at the shares `spread` (2,) of the time and of the visible path."""
    path, may_stop = route(rng)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    time, pace = np.arange(frames) / frame_rate, np.ones(frames)
    if may_stop and rng.random() < stopping:
        middle, half = rng.uniform(0, time[-1]), rng.uniform(0.8, 2.0)
        pace = np.clip((np.abs(time - middle) - half) / 0.5, 0, 1)  # half a second to halt and to start
    gone = np.cumsum(pace) * rng.normal(*EASY) / frame_rate
    seen = along[np.abs(path[:, 0]) < 0.9 * camera.aperture * path[:, 1]]
    gone += seen[int(spread[1] * len(seen))] - gone[int(spread[0] * frames)]
    x, z, dx, dz = (np.interp(gone, along, line) for line in (*path.T, *np.gradient(path, along, axis=0).T))
    heading = np.stack([dx, dz], axis=1) / np.hypot(dx, dz)[:, None]
    return Trajectories(np.stack([x, z], axis=1)[:, None], heading[:, None], gone[:, None], pace[:, None])


def route(rng: Generator) -> tuple[Floats, bool]:
    """A path (M, 2) of (x, z) with rounded corners, and whether one may stop on it: not where it crosses the road."""
    lanes = NEAR_LANES[:: rng.choice([-1, 1])]
    near, back, far = (rng.uniform(*lane) for lane in (*lanes, FAR_LANE))
    turn, end, wander = rng.uniform(-1.7, 1.7), OUT_OF_SIGHT, rng.uniform(-0.2, 0.2)
    along_near = [(-end, near), (turn, near + wander), (end, near)]
    along_far = [(-end, far), (turn, far + wander), (end, far)]
    across = [(-end, far), (turn, far), (turn, near), (rng.choice([-end, end]), near)]
    there_and_back = [(-end, near), (turn, near), (turn + 0.5, back), (-end, back)]
    kind = rng.choice(4, p=[0.38, 0.2, 0.26, 0.16])
    corners = np.array([along_near, along_far, across, there_and_back][kind]) * [rng.choice([-1, 1]), 1]
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    steps = np.arange(0, length[-1], 0.2)
    smooth = (np.convolve(np.interp(steps, length, line), np.full(9, 1 / 9), "valid") for line in corners.T)
    return np.stack(list(smooth), axis=1)[:: rng.choice([-1, 1])], kind != 2
