"""Filling: which gaps are filled, with what, and which are not."""

import numpy as np
import pytest

from idfree.core.types import Annotation
from idfree.offline.fill import fill_gaps, is_occluded
from idfree.offline.track_rows import frame_step, is_filled


def table(*rows: tuple[float, ...]) -> Annotation:
    """Tracks from rows frame, id, x1, y1, x2, y2."""
    array = np.array(rows, dtype=np.float64)
    ones = np.ones(len(array))
    frame, identity = array[:, :2].astype(np.int64).T
    return Annotation(frame, identity, array[:, 2:], ones, ones.astype(np.int64), ones)


def person(frame: int, x: float, identity: int = 1, bottom: float = 100) -> tuple[float, ...]:
    """A row of a person 40 px wide and 100 px high."""
    return (frame, identity, x, bottom - 100, x + 40, bottom)


def test_a_short_gap_is_filled_in_a_straight_line():
    filled = fill_gaps(table(person(1, 0), person(5, 40)), frame_rate=30)
    np.testing.assert_array_equal(filled.frame, [1, 2, 3, 4, 5])
    np.testing.assert_allclose(filled.xyxy[:, 0], [0, 10, 20, 30, 40])
    np.testing.assert_array_equal(is_filled(filled), [False, True, True, True, False])


def test_results_of_every_third_frame_have_no_gaps_between():
    tracks = table(person(1, 0), person(4, 10), person(10, 30), person(13, 40))
    assert frame_step(tracks) == 3
    np.testing.assert_array_equal(fill_gaps(tracks, 30, step=3).frame, [1, 4, 7, 10, 13])


def test_a_long_gap_in_plain_view_is_not_filled_but_behind_somebody_it_is():
    ends = [person(frame, 100) for frame in (1, 2, 60, 61)]
    assert not is_filled(fill_gaps(table(*ends), 30)).any()
    in_front = [person(frame, 105, identity=2, bottom=110) for frame in range(1, 62)]
    assert np.count_nonzero(is_filled(fill_gaps(table(*ends, *in_front), 30))) == 57
    behind = [person(frame, 105, identity=2, bottom=90) for frame in range(1, 62)]
    assert not is_filled(fill_gaps(table(*ends, *behind), 30)).any()


def test_a_detector_that_is_often_silent_may_be_so_for_longer():
    ends = [person(1, 100), person(40, 100)]
    frames, identities = range(1, 500, 20), range(2, 12)
    others = [person(frame, 200 * identity, identity) for identity in identities for frame in frames]
    assert not is_filled(fill_gaps(table(*ends), 30)).any()
    assert (fill_gaps(table(*ends, *others), 30).id == 1).sum() == 40


def test_gaps_of_a_track_that_is_often_not_detected_stay_open_unless_all_are():
    steady = [person(frame, 300 * identity, identity) for identity in range(2, 8) for frame in range(1, 61)]
    weak = [person(frame, 100) for frame in range(1, 61, 3)]  # 20 of 58 frames: two in three are missed
    assert not is_filled(fill_gaps(table(*weak, *steady), 30)).any()
    gap = [person(frame, 100) for frame in range(1, 61) if not 30 <= frame < 36]
    assert np.count_nonzero(is_filled(fill_gaps(table(*gap, *steady), 30))) == 6
    all_weak = [person(frame, 300 * identity, identity) for identity in range(2, 8) for frame in range(1, 61, 3)]
    assert is_filled(fill_gaps(table(*weak, *all_weak), 30)).any()


def test_leaps_and_boxes_outside_the_image_are_not_filled():
    assert not is_filled(fill_gaps(table(person(1, 0), person(3, 400)), 30)).any()
    outside = table(person(1, 0), person(3, -50), person(5, 0))
    assert np.count_nonzero(is_filled(fill_gaps(outside, 30))) == 2
    assert np.count_nonzero(is_filled(fill_gaps(outside, 30, size_hw=(200, 400)))) == 0


@pytest.mark.parametrize("bottom", [90, 120])
def test_of_two_boxes_the_lower_is_in_front(bottom):
    rows, others = table(person(7, 100)), table(person(7, 110, 2, bottom), person(8, 100, 3, 150))
    assert is_occluded(rows, others, 0.3).tolist() == [bottom == 120]


def test_nothing_of_nothing():
    empty = Annotation.empty()
    assert len(fill_gaps(empty, 30)) == 0


@pytest.mark.parametrize(("steps", "filled"), [(0.0, 8), (6.0, 0)])
def test_where_motion_is_unpredictable_a_gap_close_to_somebody_else_stays_open(steps, filled):
    rng = np.random.default_rng(0)
    walks = 300 * np.arange(30)[:, None] + np.cumsum(rng.normal(0, steps, (30, 100)), axis=1)
    walks[1] = walks[0] + 8  # somebody right behind
    rows = [
        person(frame, walks[who, frame - 1], who, bottom=100 + (who == 1))
        for who in range(30)
        for frame in range(1, 101)
        if who or not 50 < frame < 59
    ]
    tracks = fill_gaps(table(*rows), 30)
    assert np.count_nonzero(is_filled(tracks)) == filled
