"""Random trajectories of pedestrians: along the pavements, across the road, or along a pavement and back."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from idfree.core.boxes import Floats
from idfree.synthetic.canvas import PinholeCamera
from idfree.synthetic.people import STRIDE

NEAR_LANES = ((7.4, 8.3), (9.7, 10.3))  # depths in metres of the near pavement, in front of the kiosk and behind it
FAR_LANE = (18.3, 20.4)
OUT_OF_SIGHT = 60.0  # x in metres where paths start and end
WALKING_SPEED = (1.3, 0.18)  # mean and standard deviation in m/s
PAUSE = (0.8, 2.0)  # range of half the seconds that a group stands still
PATH_SHARES = (0.38, 0.2, 0.26, 0.16)  # of paths: near pavement, far pavement, across the road, there and back
SMOOTHING = 9  # samples, 0.2 m apart, over which corners are rounded
R2_STEPS = np.array(
    [0.7548776662, 0.5698402910]
)  # of the R₂ low-discrepancy sequence in the unit square (Roberts 2018)


@dataclass(frozen=True)
class Trajectories:
    """Trajectories of N people over F frames.

    position, heading: (F, N, 2), (x, z) on the ground, metres and unit vectors. distance: (F, N), walked, metres.
    pace: (F, N), speed relative to the person's walking speed, 0 (standing) … 1.
    """

    position: Floats
    heading: Floats
    distance: Floats
    pace: Floats


def sample_trajectories(
    rng: Generator, camera: PinholeCamera, people: int, frames: int, frame_rate: float, together: float, stopping: float
) -> Trajectories:
    """Sample trajectories of people in groups of one, two or three, spread evenly over time and the visible paths.

    together: fraction of groups of more than one; stopping: of groups that stand still for a while, on the pavements.
    """
    position, heading = np.zeros((2, frames, people, 2))
    distance, pace = np.zeros((2, frames, people))
    person, offset = 0, rng.random(2)  # offset: when and where a group is visible, in fractions
    while person < people:
        size = 1 + int(rng.random() < together) * int(rng.choice([1, 2], p=[0.75, 0.25]))
        offset = (offset + R2_STEPS) % 1
        group = sample_trajectory(rng, camera, frames, frame_rate, stopping, offset)
        for member in range(person, min(person + size, people)):
            shift = (member - person) * np.array([rng.choice([-1, 1]) * rng.uniform(0.25, 0.5), 0.4])
            position[:, member], heading[:, member] = group.position[:, 0] + shift, group.heading[:, 0]
            distance[:, member] = group.distance[:, 0] + rng.uniform(0, STRIDE)  # different phases of the step
            pace[:, member] = group.pace[:, 0]
        person += size
    return Trajectories(position, heading, distance, pace)


def sample_trajectory(
    rng: Generator, camera: PinholeCamera, frames: int, frame_rate: float, stopping: float, offset: Floats
) -> Trajectories:
    """Sample one trajectory (N = 1) that at the fraction offset[0] of the time is at offset[1] of its visible path."""
    path, may_stop = sample_path(rng)
    arc_length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    time, pace = np.arange(frames) / frame_rate, np.ones(frames)
    if may_stop and rng.random() < stopping:
        middle, half = rng.uniform(0, time[-1]), rng.uniform(*PAUSE)
        pace = np.clip((np.abs(time - middle) - half) / 0.5, 0, 1)  # half a second to decelerate and to accelerate
    distance = np.cumsum(pace) * rng.normal(*WALKING_SPEED) / frame_rate
    visible = arc_length[np.abs(path[:, 0]) < 0.9 * camera.aperture * path[:, 1]]
    distance += visible[int(offset[1] * len(visible))] - distance[int(offset[0] * frames)]
    x, z, dx, dz = (
        np.interp(distance, arc_length, values) for values in (*path.T, *np.gradient(path, arc_length, axis=0).T)
    )
    heading = np.stack([dx, dz], axis=1) / np.hypot(dx, dz)[:, None]
    return Trajectories(np.stack([x, z], axis=1)[:, None], heading[:, None], distance[:, None], pace[:, None])


def sample_path(rng: Generator) -> tuple[Floats, bool]:
    """Sample a path (M, 2) of (x, z) with rounded corners, and whether people may stop on it (not on a crossing)."""
    lanes = NEAR_LANES[:: rng.choice([-1, 1])]
    near, back, far = (rng.uniform(*lane) for lane in (*lanes, FAR_LANE))
    turn, end, wander = rng.uniform(-1.7, 1.7), OUT_OF_SIGHT, rng.uniform(-0.2, 0.2)
    along_near = [(-end, near), (turn, near + wander), (end, near)]
    along_far = [(-end, far), (turn, far + wander), (end, far)]
    across = [(-end, far), (turn, far), (turn, near), (rng.choice([-end, end]), near)]
    there_and_back = [(-end, near), (turn, near), (turn + 0.5, back), (-end, back)]
    kind = rng.choice(4, p=PATH_SHARES)
    corners = np.array([along_near, along_far, across, there_and_back][kind]) * [rng.choice([-1, 1]), 1]
    arc_length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    samples = np.arange(0, arc_length[-1], 0.2)
    kernel = np.full(SMOOTHING, 1 / SMOOTHING)
    smooth = (np.convolve(np.interp(samples, arc_length, line), kernel, "valid") for line in corners.T)
    return np.stack(list(smooth), axis=1)[:: rng.choice([-1, 1])], kind != 2
