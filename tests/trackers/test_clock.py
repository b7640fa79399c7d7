"""Time is counted in the source's frames, whether they come one by one, skipped, dropped, or at odd moments."""

import numpy as np
import pytest

from idfree.core.types import Detections, Frame, View
from idfree.trackers import kalman
from idfree.trackers.kalman import POSITION, PP, PV, VELOCITY, VV
from idfree.trackers.registry import TRACKERS, make_tracker

RATE = 10.0


def seen(number: int, x: float, time: float | None = None) -> View:
    return View(Detections([[x, 100, x + 40, 220]], [0.9], embedding=[[1.0, 0.0]]), Frame(number, time=time))


def test_elapsed_by_number_and_by_time():
    tracker = make_tracker("sort", frame_rate=RATE)
    elapsed = []
    for number, time in ((1, None), (2, None), (5, None), (6, 0.5), (7, 0.65), (9, 0.85), (9, 0.85)):
        tracker.update(seen(number, 100, time))
        elapsed.append(tracker.elapsed)
    assert elapsed == [1, 1, 3, 1, 1.5, 2, 1]
    assert tracker.now == 10.5
    tracker.update(Detections([]))  # frames that do not say when they are follow one another
    assert tracker.elapsed == 1


@pytest.mark.parametrize("name", TRACKERS)
def test_a_walker_is_followed_through_uneven_gaps(name):
    """Six pixels a frame: in a gap of five frames the walker leaves half of its last box, and goes on as predicted."""
    tracker = make_tracker(name, ["min_iou=0.2"] if name == "iou" else [], RATE)
    for number in (1, 2, 3, 4, 5, 6, 8, 10, 13, 14, 18, 20, 25):
        tracks = tracker.update(seen(number, 100 + 6 * number))
        if name == "iou" and number > 5:
            break  # it has no motion
    assert tracks.id.tolist() == [1]
    assert tracks.xyxy[0, 0] == pytest.approx(100 + 6 * number, abs=4)


@pytest.mark.parametrize("name", ["bytetrack", "fairmot"])
@pytest.mark.parametrize("every", [1, 2, 5])
def test_patience_is_in_seconds(name, every):
    """A buffer of 30 frames at 30 a second is a second: 10 frames here, however many of them are looked at."""
    for gap, survives in ((10, True), (20, False)):
        tracker = make_tracker(name, frame_rate=RATE)
        for number in range(1, 11):
            tracker.update(seen(number, 100))
        for number in range(10 + every, 10 + gap, every):
            tracker.update(View(Detections([]), Frame(number)))
        tracker.update(seen(10 + gap, 100))
        tracks = tracker.update(seen(11 + gap, 100))
        assert (tracks.id.tolist() == [1]) == survives


def test_steps_widen_what_is_expected():
    state = kalman.begin(np.array([[5.0, 0, 0, 0]]), 4.0, 9.0)
    state[:, VELOCITY] = 2
    noise = np.full(4, 0.5), np.full(4, 0.25)
    far = kalman.predict(state, *noise, steps=3)
    np.testing.assert_allclose(far[0, POSITION, 0], 5 + 3 * 2)
    np.testing.assert_allclose(far[0, [PP, PV, VV], 0], [4 + 9 * 9 + 3 * 0.5, 3 * 9, 9 + 9 * 0.25])
    np.testing.assert_array_equal(kalman.predict(state, *noise), kalman.predict(state, *noise, steps=1.0))
