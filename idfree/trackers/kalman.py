"""Kalman filter of all trackers: four independent constant-velocity filters per track, written out elementwise.

The covariances of SORT, DeepSORT and FairMOT are diagonal per coordinate: each coordinate is correlated with its own
velocity only. So the state of a track is (5, 4): for each of its four coordinates a position, a velocity and their 2×2
covariance (three numbers). N tracks are one array (N, 5, 4), and no matrix is ever inverted.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

POSITION, VELOCITY, PP, PV, VV = range(5)  # rows of a state; PP, PV and VV are the covariance
CHI2_95 = 9.4877  # 95 % quantile of χ² with 4 degrees of freedom: the motion gate (Wojke 2017, eq. 2)


def initialise(measurement: Floats, position_variance: ArrayLike, velocity_variance: ArrayLike) -> Floats:
    """States (N, 5, 4) at rest at `measurement` (N, 4), with the given variances (broadcast to (N, 4))."""
    state = np.zeros((len(measurement), 5, 4))
    state[:, POSITION] = measurement
    state[:, PP] = position_variance
    state[:, VV] = velocity_variance
    return state


def predict(state: Floats, position_noise: Floats, velocity_noise: Floats, steps: float = 1.0) -> Floats:
    """Predict the states (N, 5, 4) `steps` frames later.

    position_noise, velocity_noise: process noise of one frame, as variances, broadcast to (N, 4). Over k frames the
    standard deviation of a position grows by √k and that of a velocity by k, so that the motion gate widens with the
    gap.
    """
    position, velocity, pp, pv, vv = split_rows(state)
    k = steps
    predicted = [
        position + k * velocity,
        velocity,
        pp + 2 * k * pv + k * k * vv + k * position_noise,
        pv + k * vv,
        vv + k * k * velocity_noise,
    ]
    return np.stack(predicted, axis=1)


def update(state: Floats, measurement: Floats, noise: ArrayLike) -> Floats:
    """Correct the states (N, 5, 4) by `measurement` (N, 4), whose variance is `noise` (broadcast to (N, 4))."""
    position, velocity, pp, pv, vv = split_rows(state)
    innovation = measurement - position
    innovation_variance = pp + noise
    gain, velocity_gain = pp / innovation_variance, pv / innovation_variance
    corrected = [
        position + gain * innovation,
        velocity + velocity_gain * innovation,
        pp - gain * pp,
        pv - gain * pv,
        vv - velocity_gain * pv,
    ]
    return np.stack(corrected, axis=1)


def split_rows(state: Floats) -> Floats:
    """Transpose states (N, 5, 4) to contiguous (5, N, 4), which makes the arithmetic twice as fast."""
    return np.ascontiguousarray(state.transpose(1, 0, 2))


def mahalanobis(state: Floats, measurement: Floats, noise: Floats) -> Floats:
    """Squared Mahalanobis distances (N,) of the measurements (N, 4), of variance `noise`, from the states (N, 5, 4)."""
    innovation = measurement - state[:, POSITION]
    return (innovation**2 / (state[:, PP] + noise)).sum(axis=1)
