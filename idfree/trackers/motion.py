"""Motion models: the four box coordinates that the Kalman filter estimates, and their noise.

Noise is given as variance, as in the diagonals of the authors' noise matrices.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from idfree.core import boxes
from idfree.core.boxes import overlapping_pairs
from idfree.core.types import Integers
from idfree.trackers import kalman
from idfree.trackers.kalman import POSITION, PP, VELOCITY, Floats


@dataclass(frozen=True)
class AreaMotion:
    """SORT's (cx, cy, area, aspect w/h): constant aspect, noise in absolute pixels (Bewley 2016, sec. 3.2)."""

    scale_powers = (2, 0)  # of the camera's change of scale in area and aspect (see camera_motion.warp_states)

    def to_measurement(self, xyxy: Floats) -> Floats:
        """Convert boxes (N, 4) to measurements (N, 4)."""
        measurement = boxes.xyxy_to_cxcywh(xyxy)
        width, height = measurement[:, 2].copy(), measurement[:, 3].copy()
        measurement[:, 2] = width * height
        measurement[:, 3] = width / height
        return measurement

    def to_boxes(self, state: Floats) -> Floats:
        """Convert states to xyxy boxes (N, 4); NaN if the estimated area is negative."""
        cxcywh = state[:, POSITION].copy()
        area, aspect = state[:, POSITION, 2], state[:, POSITION, 3]
        with np.errstate(invalid="ignore"):
            cxcywh[:, 2] = np.sqrt(area * aspect)
        cxcywh[:, 3] = area / cxcywh[:, 2]
        return boxes.cxcywh_to_xyxy(cxcywh)

    def initialise(self, measurement: Floats) -> Floats:
        """States of new tracks."""
        return kalman.initialise(measurement, 10.0, np.array([1e4, 1e4, 1e4, 0.0]))

    def predict(self, state: Floats, steps: float = 1.0) -> Floats:
        """Predict the states `steps` frames later; an area that would become negative stops shrinking instead."""
        is_vanishing = state[:, POSITION, 2] + steps * state[:, VELOCITY, 2] <= 0
        if is_vanishing.any():
            state = state.copy()
            state[is_vanishing, VELOCITY, 2] = 0
        return kalman.predict(state, np.ones(4), np.array([0.01, 0.01, 0.0001, 0.0]), steps)

    def update(self, state: Floats, measurement: Floats) -> Floats:
        """Correct the states by their measurements."""
        return kalman.update(state, measurement, np.array([1.0, 1.0, 10.0, 10.0]))


@dataclass(frozen=True)
class ScaledMotion:
    """Base class of models with noise proportional to the box size, and with a motion gate."""

    position_weight: float = 1 / 20
    velocity_weight: float = 1 / 160
    scale_powers: ClassVar[tuple[int, int]]  # of the camera's scale in the last two coordinates (warp_states)

    def to_measurement(self, xyxy: Floats) -> Floats:
        """Convert boxes (N, 4) to measurements (N, 4)."""
        raise NotImplementedError

    def variance(self, measurement: Floats, weight: float, aspect_deviation: float) -> Floats:
        """Variances (N, 4) for boxes of the size in `measurement` (N, 4).

        weight: standard deviation, relative to the size. aspect_deviation: standard deviation of the aspect, if any.
        """
        raise NotImplementedError

    def initialise(self, measurement: Floats) -> Floats:
        """States of new tracks."""
        position = self.variance(measurement, 2 * self.position_weight, 1e-2)
        return kalman.initialise(measurement, position, self.variance(measurement, 10 * self.velocity_weight, 1e-5))

    def predict(self, state: Floats, steps: float = 1.0) -> Floats:
        """Predict the states `steps` frames later."""
        size = state[:, POSITION]
        position = self.variance(size, self.position_weight, 1e-2)
        return kalman.predict(state, position, self.variance(size, self.velocity_weight, 1e-5), steps)

    def measurement_noise(self, state: Floats) -> Floats:
        """Variances (N, 4) of the measurements of the states."""
        return self.variance(state[:, POSITION], self.position_weight, 1e-1)

    def update(self, state: Floats, measurement: Floats) -> Floats:
        """Correct the states by their measurements."""
        return kalman.update(state, measurement, self.measurement_noise(state))

    def gate(self, state: Floats, measurement: Floats) -> tuple[Integers, Integers, Floats]:
        """Index pairs (i, j) with measurement[j] in the motion gate of state[i], and squared Mahalanobis distances.

        A measurement in the gate is within √χ² standard deviations in x and in y: distances are computed for those
        pairs only.
        """
        noise = self.measurement_noise(state)
        reach = np.sqrt(kalman.CHI2_95 * (state[:, PP, :2] + noise[:, :2]))
        centre = state[:, POSITION, :2]
        points = np.concatenate([measurement[:, :2], measurement[:, :2]], axis=1)
        i, j = overlapping_pairs(np.concatenate([centre - reach, centre + reach], axis=1), points)
        distance = kalman.mahalanobis(state[i], measurement[j], noise[i])
        is_inside = distance <= kalman.CHI2_95
        return i[is_inside], j[is_inside], distance[is_inside]


@dataclass(frozen=True)
class HeightMotion(ScaledMotion):
    """DeepSORT's and FairMOT's (cx, cy, aspect w/h, height), noise proportional to height (Wojke 2017, sec. 2.1)."""

    scale_powers = (0, 1)

    def to_measurement(self, xyxy: Floats) -> Floats:
        """Convert boxes (N, 4) to measurements (N, 4)."""
        return boxes.xyxy_to_xyah(xyxy)

    def to_boxes(self, state: Floats) -> Floats:
        """Convert states to xyxy boxes (N, 4)."""
        return boxes.xyah_to_xyxy(state[:, POSITION])

    def variance(self, measurement: Floats, weight: float, aspect_deviation: float) -> Floats:
        """Variances (N, 4), by the height."""
        deviation = np.repeat(weight * measurement[:, 3:], 4, axis=1)
        deviation[:, 2] = aspect_deviation
        return deviation * deviation


@dataclass(frozen=True)
class SizeMotion(ScaledMotion):
    """BoT-SORT's (cx, cy, width, height), noise proportional to width and height (Aharon 2022, eqs. 1 to 6)."""

    scale_powers = (1, 1)

    def to_measurement(self, xyxy: Floats) -> Floats:
        """Convert boxes (N, 4) to measurements (N, 4)."""
        return boxes.xyxy_to_cxcywh(xyxy)

    def to_boxes(self, state: Floats) -> Floats:
        """Convert states to xyxy boxes (N, 4)."""
        return boxes.cxcywh_to_xyxy(state[:, POSITION])

    def variance(self, measurement: Floats, weight: float, aspect_deviation: float) -> Floats:
        """Variances (N, 4), by width and height."""
        deviation = weight * measurement[:, [2, 3, 2, 3]]
        return deviation * deviation
