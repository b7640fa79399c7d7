"""Class-agnostic tracking and boxes as detected, for every tracker that is made without more than a name."""

import numpy as np
import pytest

from idfree.core.types import Detections, Tracks
from idfree.trackers.class_vote import ClassVote
from idfree.trackers.registry import make_tracker

CAR, TRUCK = 2, 7
NAMES = ("sort", "iou", "bytetrack", "ocsort", "botsort", "fairmot", "fused")


def drive(tracker, classes):
    """One vehicle that moves 4 px a frame, called by these classes; the tracks of each frame."""
    for number, class_id in enumerate(classes):
        box = np.array([[10 + 4 * number, 20, 90 + 4 * number, 70]])
        yield box, tracker.update(Detections(box, np.array([0.9]), np.array([class_id])))


@pytest.mark.parametrize("name", NAMES)
def test_a_car_called_a_truck_for_a_frame_keeps_its_track_and_its_class(name):
    tracker = make_tracker(name)
    tracker.class_agnostic = True
    tracks = [t for _, t in drive(tracker, [CAR] * 5 + [TRUCK] + [CAR] * 4)][3:]
    assert [t.id.tolist() for t in tracks] == [tracks[0].id.tolist()] * 7
    assert {int(t.class_id[0]) for t in tracks} == {CAR}


def test_classes_are_kept_apart_by_default():
    tracks = [t for _, t in drive(make_tracker("fused"), [CAR] * 5 + [TRUCK] * 5)]
    assert tracks[4].id[0] != tracks[-1].id[0]


@pytest.mark.parametrize("name", NAMES)
def test_boxes_as_detected(name):
    tracker = make_tracker(name)
    tracker.detected_boxes = True
    for box, tracks in list(drive(tracker, [CAR] * 8))[3:]:
        assert np.array_equal(tracks.xyxy, box)


def test_votes_are_sums_of_scores_and_the_lowest_class_wins_ties():
    vote, tracks = ClassVote(), Tracks(np.zeros((1, 4)), np.array([5]), np.ones(1), np.zeros(1, int), np.array([0]))

    def voted(class_id, score):
        return vote.count(tracks, Detections(np.zeros((1, 4)), np.array([score]), np.array([class_id]))).class_id[0]

    assert voted(TRUCK, 0.5) == TRUCK
    assert voted(CAR, 0.25) == TRUCK
    assert voted(CAR, 0.25) == CAR  # 0.5 each
    assert voted(TRUCK, 0.25) == TRUCK
    vote.keep(np.array([6]))
    assert vote.score_sums == {}
