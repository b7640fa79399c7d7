"""Log-likelihood ratio of cosine distances: moments, learning, prior."""

import numpy as np
import pytest

from idfree.trackers.appearance_likelihood import MAX_EVIDENCE, OUTLIERS, AppearanceLikelihood, Moments


def test_moments_of_parts_are_those_of_the_whole():
    values = np.random.default_rng(0).normal(3, 2, 100)
    moments = Moments().add(values[:30], np.inf).add(values[30:], np.inf).add(values[:0], np.inf)
    assert (moments.count, moments.mean, moments.variance) == pytest.approx((100, values.mean(), values.var()))


def test_old_values_count_for_the_window_at_most():
    moments = Moments().add(np.zeros(1000), 10).add(np.ones(10), 10)
    assert (moments.count, moments.mean) == (20, 0.5)


def learnt(same, different, spread=0.02, count=4000):
    rng = np.random.default_rng(0)
    likelihood = AppearanceLikelihood()
    likelihood.observe_pairs(rng.normal(same, spread, count), rng.normal(different, spread, count))
    return likelihood


def test_equal_distributions_are_no_evidence():
    ratio = learnt(0.9, 0.9, 0.1).log_ratio(np.linspace(0, 2, 9), None)
    assert np.abs(ratio).max() < 0.1


def test_ratio_falls_with_distance_and_changes_sign_between_the_means():
    ratio = learnt(0.1, 0.5).log_ratio(np.array([0.0, 0.1, 0.3, 0.5, 2.0]), None)
    assert (np.diff(ratio) <= 0).all()
    assert ratio[0] == pytest.approx(MAX_EVIDENCE, abs=0.06)
    assert ratio[-1] == pytest.approx(np.log(OUTLIERS), abs=0.02)  # one object's boxes may hold something else


def test_swapped_distributions_are_no_evidence():
    assert not learnt(0.5, 0.1).log_ratio(np.linspace(0, 1, 5), None).any()


def test_evidence_against_is_weak_until_pairs_of_one_object_were_seen():
    likelihood = AppearanceLikelihood()
    assert likelihood.log_ratio(np.array([1.0]), None)[0] == pytest.approx(
        np.log((1 - OUTLIERS) * np.exp(-2.0) + OUTLIERS)
    )
    assert likelihood.log_ratio(np.array([0.0]), None)[0] > 2


def test_pairs_of_one_frame_are_different_objects():
    likelihood = AppearanceLikelihood()
    likelihood.observe_frame(np.eye(3), ~np.eye(3, dtype=bool), np.eye(3, dtype=bool)[::-1])
    assert likelihood.within_frame == Moments(6, 1.0, 0.0)
    assert likelihood.neighbours == Moments(2, 1.0, 0.0)


def test_two_objects_are_as_alike_as_neighbours_are():
    """Two neighbours that look alike among two others that do not: few pairs far apart hardly count."""
    likelihood, embedding = AppearanceLikelihood(), np.eye(4)
    embedding[1] = np.array([0.8, 0.6, 0, 0])  # 0.2 from the first
    is_near = np.zeros((4, 4), dtype=bool)
    is_near[[0, 1], [1, 0]] = True
    for _ in range(200):
        likelihood.observe_frame(embedding, ~np.eye(4, dtype=bool), is_near)
    _, different = likelihood.distributions(None)
    far = (2 * 0.2 + 10 * 1) / 12  # mean distance of all pairs
    assert different.mean == pytest.approx((200 * 0.2 + 20 * far) / 220)


def test_an_encoder_separates_until_it_is_known_not_to():
    assert AppearanceLikelihood().separates(None)
    assert learnt(0.1, 0.5).separates(None)
    assert not learnt(0.9, 0.92, 0.05).separates(None)


def test_lost_tracks_are_judged_by_embeddings_that_are_seconds_apart():
    likelihood, rng = learnt(0.1, 0.5), np.random.default_rng(1)
    distance, is_lost = np.array([0.3, 0.3]), np.array([False, True])
    assert np.ptp(likelihood.log_ratio(distance, None, is_lost)) == 0  # nothing known about them yet
    likelihood.observe_later(rng.normal(0.3, 0.02, 1000))
    now, after_absence = likelihood.log_ratio(distance, None, is_lost)
    assert after_absence > now + 2


def test_the_share_of_outliers_is_the_equal_error_rate_of_embeddings_seconds_apart():
    likelihood, rng = learnt(0.1, 0.5), np.random.default_rng(1)
    far = np.array([2.0])
    assert likelihood.log_ratio(far, None)[0] == pytest.approx(np.log(OUTLIERS), abs=0.02)
    likelihood.observe_later(rng.normal(0.5, 0.02, 1000))  # as two objects: a pair is right in half of all cases
    assert likelihood.log_ratio(far, None)[0] == pytest.approx(np.log(0.5), abs=0.04)
