"""Tracktor on scenes worked by hand; the refiner is a table of what it answers."""

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Detections, View
from idfree.trackers.registry import Tracktor, TracktorSettings


def view(detections=(), answers=None, embedding=None, camera=None):
    """A frame with these detections (x, score), boxes of 10 × 20 px.

    answers: by the x of a box that is asked about, the x and the score of the answer; others are not there.
    """
    rows = np.array(detections, dtype=float).reshape(-1, 2)

    def refiner(xyxy, class_id):
        found = [(answers or {}).get(round(x, 3), (x, 0.0)) for x in xyxy[:, 0]]
        table = np.array(found, dtype=float).reshape(-1, 2)
        return boxes_at(table[:, 0]), table[:, 1]

    return View(Detections(boxes_at(rows[:, 0]), rows[:, 1], embedding=embedding), refiner=refiner, camera=camera)


def boxes_at(x):
    return np.stack([x, np.zeros_like(x), x + 10, np.full_like(x, 20)], axis=1)


def seen(tracks):
    """id: x of each track."""
    return dict(zip(tracks.id.tolist(), tracks.xyxy[:, 0].tolist(), strict=True))


def test_boxes_are_regressed_and_detections_not_needed():
    tracker = Tracktor()
    assert seen(tracker.update(view([(0, 0.9)]))) == {1: 0}
    tracks = tracker.update(view(answers={0: (3, 0.8)}))
    assert seen(tracks) == {1: 3}
    assert (tracks.score.tolist(), tracks.detection.tolist()) == ([0.8], [-1])


def test_a_low_score_loses_the_track():
    tracker = Tracktor()
    tracker.update(view([(0, 0.9), (50, 0.9)]))
    assert seen(tracker.update(view(answers={0: (1, 0.49), 50: (51, 0.5)}))) == {2: 51}


def test_of_two_tracks_on_one_object_the_one_that_moved_less_stays():
    """Both are regressed to x = 21; IoU with their own boxes is 6/14 and 9/11."""
    tracker = Tracktor()
    tracker.update(view([(0, 0.9), (24, 0.9)]))
    assert seen(tracker.update(view(answers={0: (21, 0.7), 24: (21, 0.7)}))) == {2: 21}


def test_only_uncovered_detections_of_sufficient_score_start_tracks():
    """x = 13 overlaps the track at 10 by IoU 7/13; x = 40 the better 41; x = 15 by 1/3 > 0.3; x = 16 by 1/4."""
    tracker = Tracktor()
    tracker.update(view([(9, 0.9)]))
    frame = view([(13, 0.9), (15, 0.9), (41, 0.8), (40, 0.7), (70, 0.49)], {9: (10, 0.9)})
    assert seen(tracker.update(frame)) == {1: 10, 2: 41}
    assert seen(tracker.update(view([(16, 0.9)], {10: (10, 0.9), 41: (41, 0.9)}))) == {1: 10, 2: 41, 3: 16}


@pytest.mark.parametrize(("embedding", "identity"), [([[1.0, 0.0]], 1), ([[0.0, 1.0]], 2)])
def test_a_lost_track_is_revived_by_its_embedding_near_its_position(embedding, identity):
    tracker = Tracktor()
    tracker.update(view([(0, 0.9)], embedding=[[1.0, 0.0]]))
    assert seen(tracker.update(view())) == {}
    assert seen(tracker.update(view([(4, 0.9)], embedding=embedding))) == {identity: 4}
    assert tracker.match_counts["appearance"] == (identity == 1)


def test_a_lost_track_is_not_revived_far_away_or_after_its_patience():
    for gap, x in ((1, 9), (11, 0)):
        tracker = Tracktor(TracktorSettings(patience=1 / 3))
        tracker.update(view([(0, 0.9)], embedding=[[1.0, 0.0]]))
        for _ in range(gap):
            tracker.update(view())
        assert seen(tracker.update(view([(x, 0.9)], embedding=[[1.0, 0.0]]))) == {2: x}


def test_boxes_are_asked_about_where_the_camera_moved_them():
    tracker = Tracktor()
    tracker.update(view([(0, 0.9)]))
    shift = np.array([[1.0, 0, 30], [0, 1, 0]])
    assert seen(tracker.update(view(answers={30: (31, 0.9)}, camera=shift))) == {1: 31}


def test_velocity_moves_boxes_on():
    """From 0 to 6 to 12: asked about at 0, then at 6 + 6, found at 13, then asked about at 13 + 7."""
    tracker = Tracktor(TracktorSettings(motion=1))
    tracker.update(view([(0, 0.9)]))
    tracker.update(view(answers={0: (6, 0.9)}))
    assert seen(tracker.update(view(answers={12: (13, 0.9)}))) == {1: 13}
    assert seen(tracker.update(view(answers={20: (20, 0.9)}))) == {1: 20}


def test_detections_from_a_file_are_refused_at_once():
    with pytest.raises(UserError, match="cannot be regressed"):
        Tracktor().update(Detections([[0, 0, 10, 20]]))
