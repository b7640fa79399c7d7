"""Normalised innovation squared: how far detections are from the Kalman filter's predictions, learnt while tracking.

The filter's noise is a fixed share of the box size, whatever moves and however often it is seen. The mean of the
squared innovation over its predicted variance says how far that is from the truth in this very video: 1 if the filter
is right (Bar-Shalom et al. 2001, *Estimation with Applications to Tracking and Navigation*, sec. 5.4), less for people
who walk straight on, more for dancers.
"""

import numpy as np

from idfree.core.types import Floats
from idfree.trackers.kalman import POSITION, PP

# Chosen with the settings of `fused`, see docs/association.md:
PRIOR = 0.5  # value before anything is observed …
PRIOR_COUNT = 50.0  # … and the number of observations that it counts for
WINDOW = 2000.0  # number of observations that older ones count for
GREATEST = 2.25  # greatest value: a few wrong matches must not open the association for good


class NormalisedInnovation:
    """Running mean of the normalised innovation squared, of the horizontal position alone.

    Vertical innovations are mostly those of half hidden boxes, whose lower edge jumps, and say little about motion.
    """

    def __init__(self) -> None:
        self.count, self.mean = PRIOR_COUNT, PRIOR

    def observe(self, state: Floats, measurement: Floats, noise: Floats) -> None:
        """Learn from predicted states (N, 5, 4) and their measurements (N, 4), of variance `noise` (N, 4)."""
        if not len(state):
            return
        innovation = measurement[:, 0] - state[:, POSITION, 0]
        squared = innovation**2 / (state[:, PP, 0] + noise[:, 0])
        count = min(self.count, WINDOW)
        self.mean = float((self.mean * count + squared.sum()) / (count + len(squared)))
        self.count = count + len(squared)

    @property
    def value(self) -> float:
        """The mean, at most GREATEST."""
        return float(np.minimum(self.mean, GREATEST))
