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


def predict(state: Floats, position_noise: ArrayLike, velocity_noise: ArrayLike) -> Floats:
    """The states (N, 5, 4) one step later; noise: variances added to position and velocity, broadcast to (N, 4)."""
    position, velocity, pp, pv, vv = state.transpose(1, 0, 2)
    later = np.empty_like(state)
    later[:, POSITION] = position + velocity
    later[:, VELOCITY] = velocity
    later[:, PP] = pp + 2 * pv + vv + position_noise
    later[:, PV] = pv + vv
    later[:, VV] = vv + velocity_noise
    return later


def update(state: Floats, measurement: Floats, noise: ArrayLike) -> Floats:
    """The states (N, 5, 4) after seeing `measurement` (N, 4), whose variance is `noise` (broadcast to N, 4)."""
    position, velocity, pp, pv, vv = state.transpose(1, 0, 2)
    innovation = measurement - position
    gain = pp / (pp + noise)
    velocity_gain = pv / (pp + noise)
    seen = np.empty_like(state)
    seen[:, POSITION] = position + gain * innovation
    seen[:, VELOCITY] = velocity + velocity_gain * innovation
    seen[:, PP] = pp - gain * pp
    seen[:, PV] = pv - gain * pv
    seen[:, VV] = vv - velocity_gain * pv
    return seen


def mahalanobis(state: Floats, measurement: Floats, noise: Floats) -> Floats:
    """(N,) squared distances of each state to its measurement (N, 4), in units of the deviation that it expects."""
    innovation = measurement - state[:, POSITION]
    return (innovation**2 / (state[:, PP] + noise)).sum(axis=1)
