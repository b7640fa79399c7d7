"""Refinding and keep-predicting: the authors' geometry, the paper's eq. 16 by hand, hand-made scenes."""

import json

import numpy as np
import pytest

from idfree.core.boxes import paired_iou
from idfree.core.errors import UserError
from idfree.core.heatmaps import gaussian_radius
from idfree.core.occlusions import intersections
from idfree.core.types import Annotation, Detections, Frame, Sequence, View
from idfree.detectors import PrecomputedDetector
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.run_summary import summarise
from idfree.trackers.lost_tracks import KeepPredicting, layers
from idfree.trackers.refinding import (
    Refinding,
    RefindingSettings,
    fit_scores,
    recover,
    recover_by_prediction,
)
from idfree.trackers.registry import TRACKERS, make_tracker

WITH_MOTION = [name for name in TRACKERS if hasattr(make_tracker(name).tracks, "state")]
LONG = {"sort": ["patience=1", "min_hits=0"]}


@pytest.fixture
def cases(shared):
    """Occluders, predictions, centres, scores and recovered boxes of the authors' code, and radii."""
    golden = json.loads((shared / "golden" / "occlusion_geometry.json").read_text())
    names = ("occluder_xyxy", "predicted_xyxy", "occlusion_center", "score", "official_recovered_xyxy")
    columns = [np.array([case[name] for case in golden["recover"]]) for name in names]
    return columns, golden["gaussian_radius_min_overlap_0_7"]


def test_the_authors_geometry(cases):
    (occluder, predicted, centre, score, recovered), radii = cases
    np.testing.assert_allclose(recover(predicted, occluder, centre), recovered, atol=0.011)  # stored to 2 decimals
    np.testing.assert_allclose(fit_scores(intersections(predicted, occluder), centre), score, atol=1e-9)
    for each in radii:
        sides = (np.array([each[side]]) for side in ("height", "width"))
        assert gaussian_radius(*sides) == pytest.approx(each["radius"])


def test_equation_16_by_hand():
    """Occluder from 100 to 200 along x, a lost box 40 wide; y stays."""
    occluder = np.array([[100.0, -10, 200, 110]])
    for left, z, expected in ((80, 112, 84), (120, 150, 130), (170, 188, 176)):
        lost = np.array([[left, 0.0, left + 40, 100]])
        point = np.array([[z, 50.0]])
        np.testing.assert_allclose(recover_by_prediction(lost, occluder, point), [[expected, 0, expected + 40, 100]])
        np.testing.assert_allclose(recover(lost, occluder, point), [[expected, 0, expected + 40, 100]])
    across = np.array([[95.0, 40, 250, 140]])
    np.testing.assert_allclose(
        recover_by_prediction(across, occluder, np.array([[150.0, 90]]))[:, [0, 2]], across[:, [0, 2]]
    )


def walk(frame):
    """The boxes of a person who walks right, slowing down, and of one who stands in the way, nearer to the camera."""
    x = 100 + 4 * min(frame, 30) + 1.0 * max(frame - 30, 0)
    return np.array([[x, 100, x + 40, 200]]), np.array([[200.0, 95, 260, 225]])


def scene(tracker, hidden=range(30, 42), frames=45, occlusions=True):
    """Reports of a tracker for frames from 1; the walker is not detected in the hidden ones."""
    reports = []
    for frame in range(1, frames + 1):
        walker, stander = walk(frame)
        boxes = stander if frame in hidden else np.concatenate([walker, stander])
        region = intersections(walker, stander)
        points = np.column_stack([(region[:, :2] + region[:, 2:]) / 2, [0.8]])
        if not occlusions or (region[:, 2:] <= region[:, :2]).any():
            points = np.zeros((0, 3))
        reports.append(tracker.update(View(Detections(boxes, np.full(len(boxes), 0.9)), None, (400, 600), points)))
    return reports


@pytest.mark.parametrize("name", WITH_MOTION)
def test_a_person_behind_another_is_found_again(name):
    tracker = Refinding(make_tracker(name, LONG.get(name, [])))
    reports = scene(tracker)
    first = reports[0].id[np.argmin(reports[0].xyxy[:, 0])] if len(reports[0]) else reports[5].id[0]
    for frame in range(30, 42):
        tracks = reports[frame - 1]
        row = np.flatnonzero(tracks.id == first)
        assert len(row) == 1, frame
        assert paired_iou(tracks.xyxy[row], walk(frame)[0]) > 0.7
        assert tracks.detection[row] == -1
    assert first in reports[-1].id
    assert tracker.reported.count >= 11  # DeepSORT itself reports the first lost frame


@pytest.mark.parametrize("name", WITH_MOTION)
def test_who_is_detected_again_is_reported_once(name):
    """With the detected box, at once, as the person who was found again; though the occlusion is still seen."""
    reports = scene(Refinding(make_tracker(name, LONG.get(name, []))), frames=50)
    known = set(reports[35].id.tolist())
    for frame in range(42, 51):
        tracks = reports[frame - 1]
        at_walker = np.flatnonzero(paired_iou(tracks.xyxy, np.repeat(walk(frame)[0], len(tracks), axis=0)) > 0.6)
        assert len(at_walker) == 1, frame
        assert tracks.detection[at_walker] == 0, frame
        assert set(tracks.id.tolist()) == known


def test_nothing_is_found_without_occlusions():
    plain = scene(make_tracker("fairmot"))
    wrapped = scene(Refinding(make_tracker("fairmot")), occlusions=False)
    for a, b in zip(plain, wrapped, strict=True):
        np.testing.assert_array_equal(a.xyxy, b.xyxy)


def test_the_counter_stands_still_while_a_track_is_found():
    """Hidden for 12 frames, with 6 of patience: the track is there at the end; without occlusions it is a new one."""
    short = ["patience=0.2"]
    assert sorted(scene(Refinding(make_tracker("fairmot", short)))[-1].id.tolist()) == [1, 2]
    assert sorted(scene(make_tracker("fairmot", short))[-1].id.tolist()) == [2, 3]


def test_guards_keep_tracks_lost():
    never = scene(Refinding(make_tracker("fairmot"), RefindingSettings(guard_overlap=0.99)))
    assert len(never[34]) == 1
    assert len(scene(Refinding(make_tracker("fairmot"), RefindingSettings(border=180)))[34]) == 1


@pytest.mark.parametrize("name", WITH_MOTION)
def test_lost_tracks_are_predicted_for_the_time_asked(name):
    tracker = KeepPredicting(make_tracker(name, LONG.get(name, [])), 0.1)  # 3 frames
    counts = [len(tracks) for tracks in scene(tracker)]
    assert counts[27:33] == [2, 2, 2, 2, 2, 1]
    predicted = scene(KeepPredicting(make_tracker("fairmot"), 0.1))[30]
    assert sorted(predicted.score.tolist()) == [0.0, 0.9]
    assert predicted.detection[predicted.score == 0] == -1


def test_predicting_needs_a_motion_model_and_patience():
    with pytest.raises(UserError, match="no motion model"):
        KeepPredicting(make_tracker("iou"), 1.0)
    with pytest.raises(UserError, match="set patience=1, too"):
        KeepPredicting(make_tracker("sort"), 1.0)


def test_both_are_settings_of_every_tracker_with_motion():
    tracker = make_tracker("fused", ["predict=0.5", "refind=true", "refind.min_fit=0.8"])
    own, (outer, inner) = layers(tracker)
    assert (type(own).__name__, outer.seconds, inner.refinding.min_fit) == ("Fused", 0.5, 0.8)
    assert type(make_tracker("fused", ["predict=0", "refind=no"])).__name__ == "Fused"
    with pytest.raises(UserError, match="0 or more seconds"):
        make_tracker("fused", ["predict=-1"])


def test_added_boxes_are_counted_in_the_summary():
    boxes = [np.array([[100.0 + frame, 100, 140 + frame, 200]]) for frame in range(10)]
    found = [(frame, box) for frame, box in enumerate(boxes, 1) if frame < 8]
    xyxy = np.concatenate([box for _, box in found])
    frames = np.array([frame for frame, _ in found])
    ones = np.ones(len(frames))
    boxes = Annotation(frames, -ones.astype(int), xyxy, ones, 0 * frames, ones)
    sequence = Sequence("walk", lambda: iter([Frame(n) for n in range(1, 11)]), 10, 30.0, (400, 600))
    run = make_tracking_run(sequence, PrecomputedDetector(boxes), "fairmot", ["predict=0.1"], images=False)
    assert len(run.track_all()) == 7 + 3
    summary = summarise(run)
    assert (summary["tracker"], summary["settings"]["predict"], summary["predicted"]) == ("FairMOT", 0.1, 3)
