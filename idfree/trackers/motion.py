"""Motion models: which four numbers of a box are filtered, and how noisy each is.

Noise is given as variance, as the authors' filters have it once their matrices are written out.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from idfree.core import boxes
from idfree.core.boxes import touching_pairs
from idfree.core.types import Integers
from idfree.trackers import kalman
from idfree.trackers.kalman import POSITION, PP, VELOCITY, Floats


@dataclass(frozen=True)
class AreaMotion:
    """SORT's: (cx, cy, area, aspect w/h), the aspect at rest, noise in absolute pixels (Bewley 2016, sec. 3.2)."""

    powers = (2, 0)  # of the camera's scale that area and aspect grow by (camera.warp)

    def measure(self, xyxy: Floats) -> Floats:
        """(N, 4) boxes → (N, 4) measurements."""
        measurement = boxes.xyxy_to_cxcywh(xyxy)
        width, height = measurement[:, 2].copy(), measurement[:, 3].copy()
        measurement[:, 2] = width * height
        measurement[:, 3] = width / height
        return measurement

    def boxes(self, state: Floats) -> Floats:
        """(N, 4) xyxy of the states; not a number where the filter's area has become negative."""
        cxcywh = state[:, POSITION].copy()
        area, aspect = state[:, POSITION, 2], state[:, POSITION, 3]
        with np.errstate(invalid="ignore"):
            cxcywh[:, 2] = np.sqrt(area * aspect)
        cxcywh[:, 3] = area / cxcywh[:, 2]
        return boxes.cxcywh_to_xyxy(cxcywh)

    def begin(self, measurement: Floats) -> Floats:
        """States of new tracks."""
        return kalman.begin(measurement, 10.0, np.array([1e4, 1e4, 1e4, 0.0]))

    def predict(self, state: Floats, steps: float = 1.0) -> Floats:
        """States `steps` frames later; an area that would vanish stops shrinking instead."""
        vanishing = state[:, POSITION, 2] + steps * state[:, VELOCITY, 2] <= 0
        if vanishing.any():
            state = state.copy()
            state[vanishing, VELOCITY, 2] = 0
        return kalman.predict(state, np.ones(4), np.array([0.01, 0.01, 0.0001, 0.0]), steps)

    def update(self, state: Floats, measurement: Floats) -> Floats:
        """States after their measurements."""
        return kalman.update(state, measurement, np.array([1.0, 1.0, 10.0, 10.0]))


@dataclass(frozen=True)
class ScaledMotion:
    """Noise in proportion to the size of the box, and a gate; the subclasses say what is filtered, and which size."""

    position_weight: float = 1 / 20
    velocity_weight: float = 1 / 160
    powers: ClassVar[tuple[int, int]]  # of the camera's scale that the last two coordinates grow by (camera.warp)

    def measure(self, xyxy: Floats) -> Floats:
        """(N, 4) boxes → (N, 4) measurements."""
        raise NotImplementedError

    def variance(self, measurement: Floats, weight: float, aspect_deviation: float) -> Floats:
        """(N, 4) variances for boxes as large as `measurement` (N, 4); aspect_deviation: that of an aspect, if any."""
        raise NotImplementedError

    def begin(self, measurement: Floats) -> Floats:
        """States of new tracks."""
        position = self.variance(measurement, 2 * self.position_weight, 1e-2)
        return kalman.begin(measurement, position, self.variance(measurement, 10 * self.velocity_weight, 1e-5))

    def predict(self, state: Floats, steps: float = 1.0) -> Floats:
        """States `steps` frames later."""
        size = state[:, POSITION]
        position = self.variance(size, self.position_weight, 1e-2)
        return kalman.predict(state, position, self.variance(size, self.velocity_weight, 1e-5), steps)

    def noise(self, state: Floats) -> Floats:
        """(N, 4) variances of the measurements that the states expect."""
        return self.variance(state[:, POSITION], self.position_weight, 1e-1)

    def update(self, state: Floats, measurement: Floats) -> Floats:
        """States after their measurements."""
        return kalman.update(state, measurement, self.noise(state))

    def gate(self, state: Floats, measurement: Floats) -> tuple[Integers, Integers, Floats]:
        """Index pairs (i, j) where measurement[j] lies in the motion gate of state[i], and the squared distance.

        A measurement within the gate lies within √χ² deviations in x and in y: only those pairs are looked at.
        """
        noise = self.noise(state)
        reach = np.sqrt(kalman.CHI2_95 * (state[:, PP, :2] + noise[:, :2]))
        centre = state[:, POSITION, :2]
        points = np.concatenate([measurement[:, :2], measurement[:, :2]], axis=1)
        i, j = touching_pairs(np.concatenate([centre - reach, centre + reach], axis=1), points)
        distance = kalman.mahalanobis(state[i], measurement[j], noise[i])
        inside = distance <= kalman.CHI2_95
        return i[inside], j[inside], distance[inside]


@dataclass(frozen=True)
class HeightMotion(ScaledMotion):
    """DeepSORT's and FairMOT's: (cx, cy, aspect w/h, height), noise proportional to height (Wojke 2017, sec. 2.1)."""

    powers = (0, 1)

    def measure(self, xyxy: Floats) -> Floats:
        """(N, 4) boxes → (N, 4) measurements."""
        return boxes.xyxy_to_xyah(xyxy)

    def boxes(self, state: Floats) -> Floats:
        """(N, 4) xyxy of the states."""
        return boxes.xyah_to_xyxy(state[:, POSITION])

    def variance(self, measurement: Floats, weight: float, aspect_deviation: float) -> Floats:
        deviation = np.repeat(weight * measurement[:, 3:], 4, axis=1)
        deviation[:, 2] = aspect_deviation
        return deviation * deviation


@dataclass(frozen=True)
class SizeMotion(ScaledMotion):
    """BoT-SORT's: (cx, cy, width, height), noise in proportion to width and height (Aharon 2022, eqs. 1 to 6)."""

    powers = (1, 1)

    def measure(self, xyxy: Floats) -> Floats:
        """(N, 4) boxes → (N, 4) measurements."""
        return boxes.xyxy_to_cxcywh(xyxy)

    def boxes(self, state: Floats) -> Floats:
        """(N, 4) xyxy of the states."""
        return boxes.cxcywh_to_xyxy(state[:, POSITION])

    def variance(self, measurement: Floats, weight: float, aspect_deviation: float) -> Floats:
        deviation = weight * measurement[:, [2, 3, 2, 3]]
        return deviation * deviation
