"""The Kalman filter of every tracker here: four independent constant-velocity filters a track, written out.

The covariances of SORT, DeepSORT and FairMOT are diagonal per coordinate: each coordinate is coupled with its own
velocity only. So a track's state is (5, 4): for each of its four coordinates a position, a velocity and the 2×2
covariance of the two (three numbers). N tracks are one array (N, 5, 4), and no matrix is ever inverted.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

POSITION, VELOCITY, PP, PV, VV = range(5)  # the rows of a state
CHI2_95 = 9.4877  # 95 % quantile of χ² with 4 degrees of freedom: the motion gate (Wojke 2017, eq. 2)


def begin(measurement: Floats, position_variance: ArrayLike, velocity_variance: ArrayLike) -> Floats:
    """(N, 5, 4) states at rest at `measurement` (N, 4), with the given variances (broadcast to N, 4)."""
    state = np.zeros((len(measurement), 5, 4))
    state[:, POSITION] = measurement
    state[:, PP] = position_variance
    state[:, VV] = velocity_variance
    return state


def predict(state: Floats, position_noise: Floats, velocity_noise: Floats, steps: float = 1.0) -> Floats:
    """The states (N, 5, 4) `steps` frames later.

    noise: variances added to position and velocity in one frame, broadcast to (N, 4). Over k frames the deviation of a
    position grows by √k and that of a velocity by k, so that the motion gate widens with the gap.
    """
    position, velocity, pp, pv, vv = columns(state)
    k = steps
    later = [
        position + k * velocity,
        velocity,
        pp + 2 * k * pv + k * k * vv + k * position_noise,
        pv + k * vv,
        vv + k * k * velocity_noise,
    ]
    return np.stack(later, axis=1)


def update(state: Floats, measurement: Floats, noise: ArrayLike) -> Floats:
    """The states (N, 5, 4) after seeing `measurement` (N, 4), whose variance is `noise` (broadcast to N, 4)."""
    position, velocity, pp, pv, vv = columns(state)
    innovation = measurement - position
    expected = pp + noise
    gain, velocity_gain = pp / expected, pv / expected
    seen = [
        position + gain * innovation,
        velocity + velocity_gain * innovation,
        pp - gain * pp,
        pv - gain * pv,
        vv - velocity_gain * pv,
    ]
    return np.stack(seen, axis=1)


def columns(state: Floats) -> Floats:
    """(5, N, 4): each row of the states as a contiguous array of its own, which makes the arithmetic twice as fast."""
    return np.ascontiguousarray(state.transpose(1, 0, 2))


def mahalanobis(state: Floats, measurement: Floats, noise: Floats) -> Floats:
    """(N,) squared distances of each state to its measurement (N, 4), in units of the deviation that it expects."""
    innovation = measurement - state[:, POSITION]
    return (innovation**2 / (state[:, PP] + noise)).sum(axis=1)
