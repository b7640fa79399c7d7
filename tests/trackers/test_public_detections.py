"""The protocol of public detections: which boxes may start tracks, worked by hand, and in every tracker."""

import numpy as np
import pytest

from idfree.core.types import Detections, View
from idfree.trackers.public_detections import rows_near
from idfree.trackers.registry import TRACKERS, make_tracker

pytestmark = pytest.mark.usefixtures("detections_refine")


def squares(*centres: float, side: float = 10) -> np.ndarray:
    """Boxes of 10 × 10 px at these x."""
    x = np.array(centres, dtype=float)
    return np.stack([x - side / 2, np.zeros(len(x)), x + side / 2, np.full(len(x), side)], axis=1)


def test_the_centre_must_be_nearer_than_the_side_of_a_square():
    """The limit is the root of the box's area, 10 px, whatever the size of the public detection."""
    assert rows_near(squares(0, 9.9, 30), squares(20)).tolist() == []
    assert rows_near(squares(0, 10.1, 30), squares(20)).tolist() == [1]
    assert rows_near(squares(0, side=20), squares(19, side=20)).tolist() == [0]


def test_each_public_detection_allows_one_box():
    """The nearest pair comes first: 21 takes 20, which leaves 15 for 18, and nothing for 24."""
    assert rows_near(squares(18, 21, 24), squares(20)).tolist() == [1]
    assert rows_near(squares(24, 18, 21), squares(20, 15)).tolist() == [1, 2]


def test_nothing_given_nothing_started():
    assert rows_near(squares(0), squares()).tolist() == []
    assert rows_near(squares(), squares(0)).tolist() == []


@pytest.mark.parametrize("name", TRACKERS)
def test_tracks_start_near_public_detections_alone_and_live_on_without(name):
    tracker = make_tracker(name)
    found = Detections(np.array([[0.0, 0, 50, 100], [300, 0, 350, 100]]), [0.9, 0.9])
    for number in range(6):
        tracks = tracker.update(View(found, public=found.xyxy[1:] + 5 if number < 4 else np.zeros((0, 4))))
    assert len(tracks) == 1
    assert tracks.xyxy[0, 0] == pytest.approx(300, abs=3)
    assert tracker.tracks_started == 1
    tracker.reset()
    for _ in range(6):
        tracks = tracker.update(found)
    assert len(tracks) == 2
