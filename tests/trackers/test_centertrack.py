"""CenterTrack's association on scenes worked by hand: squares of 10 px, given by the x of their centres."""

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Detections, Frame, View
from idfree.trackers.registry import CenterTrack, CenterTrackSettings, make_tracker


def found(*rows, side=10.0):
    """Detections from rows centre x, score, displacement."""
    table = np.array(rows, dtype=float).reshape(-1, 3)
    x, displacement = table[:, 0], np.stack([table[:, 2], np.zeros(len(table))], axis=1)
    half = np.full(len(x), side / 2)
    boxes = np.stack([x - half, -half, x + half, half], axis=1)
    return Detections(boxes, table[:, 1], displacement=displacement)


def seen(tracks):
    """id: centre x of each track."""
    return dict(zip(tracks.id.tolist(), (tracks.xyxy[:, ::2].mean(axis=1)).tolist(), strict=True))


def test_centres_are_compared_where_they_were():
    """Two people who change places: without displacements, each would be taken for the other."""
    tracker = CenterTrack()
    tracker.update(found((0, 0.9, 0), (9, 0.9, 0)))
    assert seen(tracker.update(found((9, 0.9, -9), (0, 0.9, 9)))) == {1: 9, 2: 0}
    tracker.reset()
    tracker.update(found((0, 0.9, 0), (9, 0.9, 0)))
    assert seen(tracker.update(Detections(found((9, 0.9, 0), (0, 0.9, 0)).xyxy))) == {1: 0, 2: 9}


def test_the_better_detection_chooses_first():
    """4 is nearer to the track at 5 than 7 is, and so is 3 of the higher score; 4 takes what is left: nothing near."""
    tracker = CenterTrack()
    tracker.update(found((5, 0.9, 0)))
    assert seen(tracker.update(found((4, 0.6, 0), (7, 0.8, 0)))) == {1: 7, 2: 4}


@pytest.mark.parametrize(("x", "side", "same"), [(10, 10, True), (10.1, 10, False), (5, 5, True), (5.1, 5, False)])
def test_the_radius_is_the_root_of_the_smaller_area(x, side, same):
    tracker = CenterTrack()
    tracker.update(found((0, 0.9, 0)))
    tracks = tracker.update(found((x, 0.9, 0), side=side))
    assert (tracks.id.tolist() == [1]) == same


def test_scores_and_classes():
    tracker = CenterTrack(CenterTrackSettings(min_score=0.4, start_score=0.6))
    assert seen(tracker.update(found((0, 0.9, 0), (50, 0.5, 0)))) == {1: 0}
    assert seen(tracker.update(found((1, 0.4, 0)))) == {1: 1}
    assert seen(tracker.update(found((1, 0.39, 0)))) == {}
    one = found((1, 0.9, 0))
    assert seen(tracker.update(Detections(one.xyxy, one.score, [1], displacement=one.displacement))) == {2: 1}


def test_a_track_is_born_again_near_its_last_place():
    tracker = CenterTrack(frame_rate=30)
    tracker.update(View(found((0, 0.9, 0)), Frame(1)))
    assert seen(tracker.update(View(found((8, 0.9, -1)), Frame(34)))) == {1: 8}  # missed in 32 frames
    assert seen(tracker.update(View(found((8, 0.9, 0)), Frame(68)))) == {2: 8}  # in 33


def test_the_camera_moves_tracks_of_detections_without_displacement_alone():
    """By 30 px: a displacement of −30 holds that motion already; lost tracks are carried along in both cases."""
    shift = np.array([[1.0, 0, 30], [0, 1, 0]])
    for displaced in (True, False):
        tracker = CenterTrack()
        tracker.update(found((0, 0.9, 0)))
        next_one = found((30, 0.9, -30)) if displaced else Detections(found((30, 0.9, 0)).xyxy)
        assert seen(tracker.update(View(next_one, camera=shift))) == {1: 30}
        tracker.update(View(found(), camera=shift))
        assert seen(tracker.update(found((60, 0.9, 0)))) == {1: 60}


def test_displacements_that_are_not_finite_count_as_none():
    tracker = CenterTrack()
    tracker.update(found((0, 0.9, 0)))
    assert seen(tracker.update(found((3, 0.9, np.nan)))) == {1: 3}


def test_displacements_of_another_number():
    with pytest.raises(UserError, match=r"displacement has shape \(1, 2\), expected \(2, 2\)"):
        Detections(np.zeros((2, 4)), displacement=np.zeros((1, 2)))


def with_embeddings(x, people, score=0.9):
    """Squares of 100 px at these x, with the embeddings of these numbers."""
    detections = found(*((each, 0, 0) for each in x), side=100)
    scores = np.broadcast_to(score, len(x))
    return Detections(detections.xyxy, scores, embedding=np.eye(4)[list(people)], displacement=[[0, 0]] * len(x))


def test_reassociation_tells_people_apart_by_their_embeddings():
    """Two people change places unseen: CenterTrack goes by position, DeepSORT by embeddings. Low scores stay out."""
    for reassociate in (False, True):
        tracker = CenterTrack(CenterTrackSettings(reassociate=reassociate))
        for _ in range(3):
            tracker.update(with_embeddings((0, 12), (0, 1)))
        for _ in range(3):
            tracks = tracker.update(with_embeddings((12, 0, 90), (0, 1, 2), score=[0.9, 0.9, 0.1]))
        place = seen(tracks)
        assert (place[1] > place[2]) == reassociate
        assert sorted(tracks.detection.tolist()) == [0, 1]


def test_reassociated_tracks_are_not_predicted():
    with pytest.raises(UserError, match="reassociate"):
        make_tracker("centertrack", ["reassociate=true", "predict=0.5"])
