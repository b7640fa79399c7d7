"""Normalised innovation squared: a mean worked by hand, its prior and its limit."""

import numpy as np
import pytest

from idfree.trackers.innovation import GREATEST, PRIOR, PRIOR_COUNT, NormalisedInnovation
from idfree.trackers.kalman import POSITION, PP


def states(x, variance):
    state = np.zeros((len(x), 5, 4))
    state[:, POSITION, 0] = x
    state[:, PP] = variance
    return state


def test_is_the_prior_before_anything_is_observed():
    innovation = NormalisedInnovation()
    innovation.observe(states([], 1), np.zeros((0, 4)), np.zeros((0, 4)))
    assert innovation.value == PRIOR


def test_mean_worked_by_hand():
    innovation = NormalisedInnovation()
    measurement = np.array([[12.0, 99, 99, 99], [0.0, 99, 99, 99]])  # 2 and 4 px off horizontally; the rest is ignored
    innovation.observe(states([10.0, 4.0], 3.0), measurement, np.full((2, 4), 1.0))
    assert innovation.value == pytest.approx((PRIOR * PRIOR_COUNT + 4 / 4 + 16 / 4) / (PRIOR_COUNT + 2))


def test_approaches_what_is_observed_but_not_above_the_limit():
    innovation = NormalisedInnovation()
    for _ in range(500):
        innovation.observe(states(np.zeros(10), 1.0), np.full((10, 4), 0.2), np.full((10, 4), 1.0))
    assert innovation.value == pytest.approx(0.02, abs=0.01)
    for _ in range(2000):
        innovation.observe(states(np.zeros(10), 1.0), np.full((10, 4), 20.0), np.full((10, 4), 1.0))
    assert innovation.value == GREATEST
