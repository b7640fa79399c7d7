"""Calibration of thresholds: worked by hand, and on known distributions."""

from statistics import NormalDist

import numpy as np
import pytest

from idfree.appearance import calibrate as module
from idfree.appearance.calibrate import calibrate, close_pairs, equal_error_rate
from idfree.core.errors import UserError


def unit_vectors(degrees):
    """Unit rows (K, 2)."""
    radians = np.radians(np.asarray(degrees, dtype=np.float64))
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def test_equal_error_of_two_normal_distributions():
    random = np.random.default_rng(0)
    same, different = random.normal(0.2, 0.05, 200_000), random.normal(0.6, 0.15, 300_000)
    threshold, rate = equal_error_rate(same, different)
    assert abs(threshold - 0.3) < 0.001  # two deviations above the one mean and two below the other
    assert abs(rate - NormalDist().cdf(-2)) < 0.001


def test_equal_error_by_hand():
    assert equal_error_rate(np.array([0.1, 0.2]), np.array([0.4, 0.5])) == pytest.approx((0.3, 0))
    assert equal_error_rate(np.array([0.1, 0.4]), np.array([0.2, 0.5])) == pytest.approx((0.3, 0.5))
    assert equal_error_rate(np.array([0.5]), np.array([0.1])) == pytest.approx((0.3, 1))
    assert equal_error_rate(np.array([0.3]), np.array([0.3])) == pytest.approx((0.3, 0.5))
    assert equal_error_rate(np.array([0.1, 0.1, 0.4]), np.array([0.2, 0.5])) == pytest.approx((0.2, 5 / 12))


def test_embeddings_with_normally_distributed_angles():
    """Two people at 0 and 25 degrees, each crop off by N(0, 5): differences are N(0, 5√2) and N(25, 5√2)."""
    random, frames = np.random.default_rng(0), np.arange(600)
    angles = np.concatenate([random.normal(mean, 5, len(frames)) for mean in (0, 25)])
    frame, tracklet = np.tile(frames, 2), np.repeat([7, 3], len(frames))
    found = calibrate(unit_vectors(angles), tracklet, frame)
    deviation = 5 * np.sqrt(2)  # P(|same| > d) = P(different < d) at d with 2 Φ(−d/σ) = Φ((d − 25)/σ)
    degrees = np.linspace(0, 25, 2501)
    normal = NormalDist()
    misses = [2 * normal.cdf(-d / deviation) - normal.cdf((d - 25) / deviation) for d in degrees]
    expected = degrees[np.argmin(np.abs(misses))]
    assert abs(found.equal_error_rate - 2 * normal.cdf(-expected / deviation)) < 0.01
    assert abs(np.degrees(np.arccos(1 - found.equal_error_threshold)) - expected) < 0.3
    accepted = 25 + deviation * normal.inv_cdf(
        module.MAX_FALSE_ACCEPT_RATE
    )  # less than equal errors, and than the 1 % refused
    assert abs(np.degrees(np.arccos(1 - found.match_threshold)) - accepted) < 0.3
    refused = deviation * normal.inv_cdf(1 - module.MAX_FALSE_REJECT_RATE / 2)
    assert abs(np.degrees(np.arccos(1 - found.upper_threshold)) - refused) < 0.3
    assert found.same.sum() == 2 * (600 * 60 - 60 * 61 / 2)
    assert found.different.sum() == 600 + 2 * (600 * 60 - 60 * 61 / 2)


def test_which_pairs_are_used():
    """Tracklets 1 (frames 1…3) and 2 (3…5) share frame 3, tracklet 3 (70) nothing; another video repeats number 1."""
    tracklet, frame, video = np.array(
        [(1, 1, 0), (1, 3, 0), (2, 3, 0), (2, 5, 0), (3, 70, 0), (1, 1, 1), (1, 2, 1), (1, 62, 1)]
    ).T
    embedding = unit_vectors([0, 0, 90, 90, 45, 180, 180, 180])
    found = calibrate(embedding, tracklet, frame, video)
    assert found.same.sum() == 4  # (1, 3), (3, 5), and of the other video (1, 2) and, 60 frames apart, (2, 62)
    assert found.different.sum() == 4
    assert (found.match_threshold, found.equal_error_threshold, found.equal_error_rate) == pytest.approx(
        (0.5, 0.5, 0)
    )  # those of one are copies
    assert found.upper_threshold == found.match_threshold
    assert found.same[0] == 4
    assert found.different[[99, 100]].sum() == 4
    assert calibrate(embedding, tracklet, frame, video, max_gap=2).different.sum() == 3
    assert calibrate(embedding, tracklet, frame, video, identities=True, max_gap=65).different.sum() == 4 + 1


def test_identities_without_time():
    embedding = unit_vectors([0, 10, 60, 75])
    found = calibrate(embedding, [5, 5, 9, 9], [-1] * 4, identities=True)
    assert found.same.sum() == 2
    assert found.different.sum() == 4
    near, far = 1 - np.cos(np.radians([10, 15]))
    assert found.match_threshold == pytest.approx(
        near + (1 - module.MAX_FALSE_REJECT_RATE) * (far - near)
    )  # the quantile of two
    assert found.upper_threshold == found.match_threshold
    assert found.metadata() == {"limit": repr(found.match_threshold), "farthest": repr(found.upper_threshold)}
    assert far < found.equal_error_threshold < 1 - np.cos(np.radians(50))
    with pytest.raises(UserError, match="nothing to calibrate on: 2 pairs of one tracklet and 0 pairs of two"):
        calibrate(embedding, [5, 5, 9, 9], [-1] * 4)


def test_close_pairs_are_all_pairs_of_a_video_within_the_gap():
    random = np.random.default_rng(0)
    frame, video = random.integers(1, 40, 60), random.integers(0, 3, 60)
    i, j = close_pairs(frame, video, 5)
    near = (abs(frame[:, None] - frame) <= 5) & (video[:, None] == video)
    expected = {frozenset(pair) for pair in np.argwhere(near).tolist() if pair[0] != pair[1]}
    assert {frozenset(pair) for pair in zip(i.tolist(), j.tolist(), strict=True)} == expected
    assert len(i) == len(expected)


def test_many_pairs_are_sampled_reproducibly(monkeypatch):
    random = np.random.default_rng(0)
    frame, tracklet = np.tile(np.arange(200), 4), np.repeat(np.arange(4), 200)
    embedding = unit_vectors(random.normal(np.repeat([0, 30, 60, 90], 200), 8))
    exact = calibrate(embedding, tracklet, frame)
    monkeypatch.setattr(module, "MAX_PAIRS", 20_000)
    sampled = calibrate(embedding, tracklet, frame)
    assert (sampled.same + sampled.different).sum() <= 20_000 < (exact.same + exact.different).sum()
    assert abs(sampled.match_threshold - exact.match_threshold) < 0.005
    assert calibrate(embedding, tracklet, frame).match_threshold == sampled.match_threshold


def test_too_few_pairs_and_unequal_lengths_are_refused():
    with pytest.raises(UserError, match="nothing to calibrate on: 0 pairs of one tracklet and 0 pairs"):
        calibrate(np.zeros((0, 2)), [], [])
    with pytest.raises(UserError, match="2 embeddings, 3 tracklets, 2 frames, 2 videos"):
        calibrate(unit_vectors([0, 1]), [1, 1, 1], [1, 2])
