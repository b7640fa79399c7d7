"""Time is counted in frames of the source, whether all are given, some are skipped, or time stamps are uneven."""

import numpy as np
import pytest

from idfree.core.types import Detections, Frame, View
from idfree.trackers import kalman
from idfree.trackers.kalman import POSITION, PP, PV, VELOCITY, VV
from idfree.trackers.registry import TRACKERS, Sort, make_tracker

pytestmark = pytest.mark.usefixtures("detections_refine")
RATE = 10.0


def one_person(number: int, x: float, time: float | None = None) -> View:
    return View(Detections([[x, 100, x + 40, 220]], [0.9], embedding=[[1.0, 0.0]]), Frame(number, time=time))


def test_elapsed_by_number_and_by_time():
    tracker = make_tracker("sort", frame_rate=RATE)
    elapsed = []
    for number, time in ((1, None), (2, None), (5, None), (6, 0.5), (7, 0.65), (9, 0.85), (9, 0.85)):
        tracker.update(one_person(number, 100, time))
        elapsed.append(tracker.elapsed)
    assert elapsed == [1, 1, 3, 1, 1.5, 2, 1]
    assert tracker.now == 10.5
    tracker.update(Detections([]))  # without a frame, one frame has elapsed
    assert tracker.elapsed == 1


@pytest.mark.parametrize("name", TRACKERS)
def test_a_walker_is_followed_through_uneven_gaps(name):
    """At 6 px per frame, in a gap of five frames the walker leaves half of its last box, but is where predicted."""
    tracker = make_tracker(name, {"iou": ["min_iou=0.2"], "tracktor": ["motion=1"]}.get(name, []), RATE)
    for number in (1, 2, 3, 4, 5, 6, 8, 10, 13, 14, 18, 20, 25):
        tracks = tracker.update(one_person(number, 100 + 6 * number))
        if name == "iou" and number > 5:
            break  # it has no motion
    assert tracks.id.tolist() == [1]
    assert tracks.xyxy[0, 0] == pytest.approx(100 + 6 * number, abs=4)


ONE_SECOND = {
    **{name: ["patience=1"] for name in TRACKERS},
    **{name: ["patience=1", "min_hits=1"] for name in ("sort", "ocsort")},  # reported again at once
    "fused": ["memory=1"],
}


def survives(name: str, assignments: list[str], gap: int, every: int) -> bool:
    """Whether a track lives on if its object is not detected for `gap` frames, and every so many frames are read."""
    tracker = make_tracker(name, assignments, RATE)
    for number in range(1, 11):
        tracker.update(one_person(number, 100))
    for number in range(10 + every, 10 + gap, every):
        tracker.update(View(Detections([]), Frame(number)))
    tracker.update(one_person(10 + gap, 100))
    tracks = tracker.update(one_person(11 + gap, 100))
    return tracks.id.tolist() == [1]


@pytest.mark.parametrize("name", TRACKERS)
@pytest.mark.parametrize("every", [1, 2, 5])
def test_patience_is_in_seconds(name, every):
    """One second at 10 frames per second is 10 frames of the source, however many of them are read."""
    assert survives(name, ONE_SECOND[name], 10, every)
    assert not survives(name, ONE_SECOND[name], 20, every)


@pytest.mark.parametrize("name", ["bytetrack", "fairmot", "botsort", "deepsort", "fused"])
@pytest.mark.parametrize("every", [1, 2, 5])
def test_published_patience_is_one_second(name, every):
    assert survives(name, [], 10, every)
    assert survives(name, [], 20, every) == (name == "fused")  # its memory is longer


DEFAULT_FRAMES = {"sort": 1, "iou": 0} | dict.fromkeys(("deepsort", "bytetrack", "ocsort", "botsort", "fairmot"), 30)


@pytest.mark.parametrize("name", DEFAULT_FRAMES)
def test_default_patience_in_frames(name):
    """The published numbers of frames at 30 frames per second; never 0 at low rates, if it is not 0."""
    assert make_tracker(name).patience_frames == DEFAULT_FRAMES[name]
    for rate in (0.1, 0.9):
        assert make_tracker(name, frame_rate=rate).patience_frames == min(DEFAULT_FRAMES[name], 1)


def test_default_patience_of_fused():
    tracker = make_tracker("fused")
    assert (tracker.patience_frames, tracker.memory_frames) == (45, 120)


@pytest.mark.parametrize("name", ["deepsort", "ocsort", "bytetrack"])
@pytest.mark.parametrize("count", [1, 7, 9, 58, 123, 150])
def test_frames_converted_to_seconds_are_the_same_frames(name, count):
    """Rounding errors: 123 / 30 × 30 is 122.99999999999999."""
    assert make_tracker(name, [f"patience={count / 30!r}"]).patience_frames == count


@pytest.mark.parametrize("name", TRACKERS)
def test_infinite_patience(name):
    tracker = make_tracker(name, ["patience=inf"])
    for _ in range(5):
        tracker.update(one_person(1, 100))
    for _ in range(300):
        tracker.update(Detections([]))
    assert len(tracker.tracks) == (0 if name == "fused" else 1)  # its memory counts, as there are embeddings


def test_sort_tolerates_one_missed_update_if_frames_are_skipped():
    """The default patience of 1/30 s is shorter than the interval between updates."""
    tracker = Sort()
    for number in (1, 6, 11):
        tracker.update(one_person(number, 100))
    tracker.update(View(Detections([]), Frame(16)))
    assert len(tracker.tracks) == 1
    tracker.update(View(Detections([]), Frame(21)))
    assert len(tracker.tracks) == 0


def test_steps_widen_the_prediction():
    state = kalman.initialise(np.array([[5.0, 0, 0, 0]]), 4.0, 9.0)
    state[:, VELOCITY] = 2
    noise = np.full(4, 0.5), np.full(4, 0.25)
    far = kalman.predict(state, *noise, steps=3)
    np.testing.assert_allclose(far[0, POSITION, 0], 5 + 3 * 2)
    np.testing.assert_allclose(far[0, [PP, PV, VV], 0], [4 + 9 * 9 + 3 * 0.5, 3 * 9, 9 + 9 * 0.25])
    np.testing.assert_array_equal(kalman.predict(state, *noise), kalman.predict(state, *noise, steps=1.0))
