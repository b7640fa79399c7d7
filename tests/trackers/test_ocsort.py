"""OC-SORT's additions to SORT, each in a scene worked by hand."""

import numpy as np
import pytest

from idfree.core.types import Detections, Tracks, View
from idfree.trackers.kalman import POSITION, VELOCITY, VV
from idfree.trackers.motion import AreaMotion
from idfree.trackers.ocsort import NEVER, OCSort, OCSortSettings, unit_direction
from idfree.trackers.sort import Sort, SortSettings


def people(*lefts: float, score: float = 0.9) -> Detections:
    """People 40 px wide and 100 px tall on one level, by the left of their boxes."""
    return Detections([[x, 0, x + 40, 100] for x in lefts], [score] * len(lefts))


def no_detections() -> Detections:
    return Detections(np.zeros((0, 4)))


def follow(tracker: Sort, scene: list[Detections]) -> Tracks:
    """The tracks in the last frame."""
    for detections in scene:
        tracks = tracker.update(detections)
    return tracks


def test_the_detected_boxes_are_reported():
    rng = np.random.default_rng(0)
    scene = [people(5 * n + rng.normal(0, 3)) for n in range(10)]
    tracker = OCSort()
    np.testing.assert_array_equal(follow(tracker, scene).xyxy, scene[-1].xyxy)
    assert np.abs(tracker.motion.to_boxes(tracker.tracks.state) - scene[-1].xyxy).max() > 0.1  # of the filter


def test_tracks_are_reported_after_three_detections_in_a_row_but_at_once_in_the_first_frames():
    tracker = OCSort()
    reported = [tracker.update(people(0)).id.tolist() for _ in range(4)]
    reported += [tracker.update(people(0, 500)).id.tolist() for _ in range(4)]
    assert reported == [[1], [1], [1], [1], [1], [1], [1], [1, 2]]


@pytest.mark.parametrize(("score", "count"), [(0.6, 0), (0.61, 1)])
def test_scores_must_exceed_min_score(score, count):
    tracker = OCSort()
    tracker.update(people(0, score=score))
    assert tracker.tracks_started == count


# Re-update (ORU) ----------------------------------------------------------------------------------------------------


def test_re_update_equals_uninterrupted_linear_motion():
    """Three people walk and grow evenly; hidden for 1, 4 and 7 frames, they return in the same frame."""
    start = np.array([[0.0, 0, 40, 100], [500, 0, 560, 150], [1000, 0, 1050, 120]])
    step = np.array([[3.0, 1, 3.2, 1.5], [-2, 0, -1.5, 1], [4, -1, 4, -1]])
    back, hidden = 12, np.array([1, 4, 7])
    always, sometimes = OCSort(), OCSort()
    for frame in range(back + 1):
        walkers = Detections(start + frame * step)
        detected = (frame < back - hidden) | (frame == back)
        always.update(walkers)
        sometimes.update(walkers[detected])
        if frame == back - 1:
            assert np.abs(always.tracks.state - sometimes.tracks.state).max() > 1
    assert sometimes.tracks_started == 3
    np.testing.assert_allclose(sometimes.tracks.state, always.tracks.state, rtol=1e-9, atol=1e-9)


def test_velocity_after_a_gap():
    """It is correct, with no greater variance than before the gap, unlike without ORU."""
    tracker, motion = OCSort(), AreaMotion()
    follow(tracker, [people(3 * n) for n in range(20)])
    before = without = tracker.tracks.state
    follow(tracker, [no_detections()] * 20 + [people(3 * 40)])
    after = tracker.tracks.state
    for _ in range(21):
        without = motion.predict(without)
    without = motion.update(without, motion.to_measurement(people(3 * 40).xyxy))

    assert tracker.tracks_started == 1
    np.testing.assert_allclose(after[0, VELOCITY, :2], [3, 0], atol=1e-3)
    assert after[0, VV, 0] <= before[0, VV, 0] < 0.95 * without[0, VV, 0]


def test_a_gap_of_one_second_is_bridged_and_no_longer_one():
    for frame_rate, hidden, count in ((30, 30, 1), (30, 31, 2), (10, 10, 1), (10, 11, 2)):
        tracker = OCSort(frame_rate=frame_rate)
        follow(tracker, [people(0)] * 5 + [no_detections()] * hidden + [people(0)])
        assert tracker.tracks_started == count


# Momentum (OCM) -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize(("inertia", "matched"), [(0.2, 16), (0.0, -2)])
def test_direction_decides_between_two_boxes(order, inertia, matched):
    """At 1 px per frame to the right, 6 is predicted: a box 8 px behind overlaps more than one 10 px ahead."""
    tracker = OCSort(OCSortSettings(inertia=inertia, min_hits=0))
    follow(tracker, [people(x) for x in range(6)])
    tracks = tracker.update(people(-2, 16)[order])
    assert tracks.xyxy[tracks.id == 1, 0] == [matched]


def test_momentum_by_hand():
    """λ·score/2 straight ahead, its negative backwards, 0 at a right angle, half of it at 45°."""
    tracker = OCSort()
    follow(tracker, [people(2 * x) for x in range(6)])
    tracker.predict(View(Detections([])))
    tracker.frame += 1
    tracker.earlier = tracker.tracks.observation_since(tracker.frame - 3)
    np.testing.assert_array_equal(tracker.earlier, people(6).xyxy)
    around = people(6).xyxy + np.array([[20, 0, 20, 0], [-20, 0, -20, 0], [0, 7, 0, 7], [5, 5, 5, 5], [0, 0, 0, 0]])
    scores = np.array([1.0, 1.0, 1.0, 0.7, 1.0])
    momentum = tracker.momentum(np.zeros(5, dtype=int), np.arange(5), Detections(around, scores))
    np.testing.assert_allclose(momentum, [0.1, -0.1, 0, 0.7 * 0.05, 0], atol=1e-9)


def test_observation_since():
    """Three frames back, or the earliest since then, or the last."""
    tracker = OCSort()
    follow(
        tracker, [people(x) for x in (0, 1, 2)] + [no_detections()] + [people(x) for x in (4, 5)]
    )  # frames 1, 2, 3, 5, 6
    tracks = tracker.tracks
    np.testing.assert_array_equal(tracks.observed, [[6, 5, 3]])
    assert [tracks.observation_since(now - 3)[0, 0] for now in (6, 7, 8, 9, 10, 20)] == [2, 4, 4, 5, 5, 5]


def test_direction_needs_two_observations_at_different_places():
    tracker = OCSort()
    tracker.update(people(0))
    np.testing.assert_array_equal(tracker.tracks.observed, [[1, NEVER, NEVER]])
    np.testing.assert_array_equal(tracker.tracks.direction, [[0, 0]])
    tracker.update(people(0))
    np.testing.assert_array_equal(tracker.tracks.direction, [[0, 0]])
    tracker.update(people(5))
    np.testing.assert_array_equal(tracker.tracks.direction, [[1, 0]])
    np.testing.assert_allclose(unit_direction(np.array([[0.0, 0, 2, 2]]), np.array([[3.0, 4, 5, 6]])), [[0.6, 0.8]])


def test_number_of_stored_observations():
    tracker = OCSort(OCSortSettings(delta_t=5))
    follow(tracker, [people(0, 300)] * 50)
    assert tracker.tracks.observations.shape == (2, 5, 4)
    np.testing.assert_array_equal(tracker.tracks.observed, [[50, 49, 48, 47, 46]] * 2)


# Recovery (OCR), and low scores -------------------------------------------------------------------------------------


def test_recovery_at_the_last_observation():
    """At 15 px per frame, four frames later the prediction is 60 px ahead, more than the box's width."""
    scene = [people(15 * n) for n in range(8)] + [no_detections()] * 3 + [people(105)]
    tracker = OCSort()
    follow(tracker, scene)
    assert tracker.tracks_started == 1
    plain = Sort(SortSettings(patience=1.0))
    follow(plain, scene)
    assert plain.tracks_started == 2


def test_low_scores_continue_tracks_if_use_byte():
    scene = [people(3 * n) for n in range(5)] + [people(3 * n, 300, score=0.3) for n in range(5, 8)]
    tracker = OCSort(OCSortSettings(use_byte=True))
    tracks = follow(tracker, scene)
    assert tracks.id.tolist() == [1]
    np.testing.assert_array_equal(tracks.xyxy, people(21).xyxy)
    assert tracks.score.tolist() == [0.3]
    assert tracker.tracks_started == 1
    assert len(follow(OCSort(), scene)) == 0


def test_scores_at_low_score_are_dropped():
    tracker = OCSort(OCSortSettings(use_byte=True))
    assert len(follow(tracker, [people(0)] * 5 + [people(0, score=0.1)])) == 0
    assert np.isfinite(tracker.tracks.state[:, POSITION]).all()
