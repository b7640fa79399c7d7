"""Contract of every registered tracker."""

from types import SimpleNamespace

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.messages import warn_once
from idfree.core.types import Detections, Tracks, View
from idfree.trackers.lost_tracks import layers
from idfree.trackers.registry import TRACKERS, Tracker, make_tracker

pytestmark = pytest.mark.usefixtures("detections_refine")
FIELDS = ("xyxy", "score", "class_id", "embedding")


WITH_WRAPPER = (  # wrappers keep the contract, and so does a second tracker
    "sort refind=true",
    "fused refind=true",
    "centertrack refind=true",
    "centertrack reassociate=true",
)


@pytest.fixture(params=[*TRACKERS, *WITH_WRAPPER])
def tracker(request: pytest.FixtureRequest) -> Tracker:
    name, *assignments = request.param.split()
    return make_tracker(name, assignments)


def walkers(count: int, frames: int, seed: int = 0, classes: int = 1) -> list[Detections]:
    """People who walk in straight lines, with a little jitter, each with an embedding of its own."""
    rng = np.random.default_rng(seed)
    place = np.stack([np.arange(count) % 10 * 180.0, np.arange(count) // 10 * 260.0], axis=1)
    speed = rng.uniform(-3, 3, (count, 2))
    look = rng.normal(size=(count, 16)).astype(np.float32)
    scene = []
    for frame in range(frames):
        corner = place + frame * speed + rng.normal(0, 0.5, (count, 2))
        boxes = np.concatenate([corner, corner + [60, 160]], axis=1)
        scores = rng.uniform(0.7, 1, count)
        scene.append(Detections(boxes, scores, np.arange(count) % classes, look + rng.normal(0, 0.1, look.shape)))
    return scene


def follow(tracker: Tracker, scene: list[Detections]) -> list[Tracks]:
    return [tracker.update(detections) for detections in scene]


def assert_equal(a: list[Tracks], b: list[Tracks]) -> None:
    for x, y in zip(a, b, strict=True):
        for name in ("xyxy", "id", "score", "class_id"):
            np.testing.assert_array_equal(getattr(x, name), getattr(y, name))


def nothing() -> Detections:
    return Detections(np.zeros((0, 4)))


def test_follows_walkers_without_a_switch(tracker):
    last = follow(tracker, walkers(12, 30))[-1]
    assert len(last) == 12
    assert len(set(last.id.tolist())) == 12
    assert tracker.tracks_started == 12


def test_reports_where_people_are(tracker):
    scene = walkers(12, 30)
    last = follow(tracker, scene)[-1]
    by_place = np.lexsort(np.round(last.xyxy[:, :2] / 90).T)
    expected = np.lexsort(np.round(scene[-1].xyxy[:, :2] / 90).T)
    np.testing.assert_allclose(last.xyxy[by_place], scene[-1].xyxy[expected], atol=6)


def test_names_the_detection_of_each_box(tracker):
    """Among all detections of the frame, the invalid first one included; −1 for a box that is only predicted."""
    for number, given in enumerate(walkers(12, 30)):
        invalid = Detections(np.array([[5.0, 5, 5, 5]]), [0.9], [0], np.zeros((1, 16)))
        parts = (invalid, given)
        detections = Detections(*(np.concatenate([getattr(d, k) for d in parts]) for k in FIELDS))
        tracks = tracker.update(detections[: 9 if number % 7 == 6 else 13])  # four people are missed at times
        seen = tracks[tracks.detection >= 0]
        assert len(set(seen.detection.tolist())) == len(seen) >= (8 if number > 3 else 0)
        np.testing.assert_array_equal(detections.score[seen.detection], seen.score)
        np.testing.assert_allclose(detections.xyxy[seen.detection], seen.xyxy, atol=15)


def test_embeddings_that_are_not_used_may_change_their_length(tracker):
    if tracker.uses_embeddings:
        pytest.skip("uses embeddings")
    for length in (16, 32):
        tracks = tracker.update(Detections(np.array([[0.0, 0, 60, 160]]), [0.9], embedding=np.ones((1, length))))
    assert len(tracks) == len(tracker.tracks)


def test_huge_boxes_are_dropped(tracker):
    tracker.update(Detections(np.array([[0.0, 0, 1e300, 1e300]]), [0.9]))
    assert tracker.dropped == 1


def test_empty_frames_are_legal(tracker):
    assert len(tracker.update(nothing())) == 0
    assert len(tracker.update(nothing())) == 0
    follow(tracker, walkers(5, 10))
    for _ in range(3):
        tracks = tracker.update(nothing())
    assert tracks.xyxy.shape == (0, 4)


def test_long_gap_ends_tracks(tracker):
    follow(tracker, walkers(5, 10))
    follow(tracker, [nothing()] * 200)
    assert len(tracker.tracks) == 0
    later = follow(tracker, walkers(5, 10))[-1]
    assert set(later.id.tolist()).isdisjoint(range(1, 6))


def test_order_of_detections_does_not_matter(tracker):
    scene = walkers(12, 20)
    rng = np.random.default_rng(1)
    straight = follow(tracker, scene)
    tracker.reset()
    shuffled = follow(tracker, [detections[rng.permutation(12)] for detections in scene])
    renamed: dict[int, int] = {}
    for a, b in zip(straight, shuffled, strict=True):
        rows_a, rows_b = (np.lexsort(t.xyxy.T) for t in (a, b))
        np.testing.assert_allclose(a.xyxy[rows_a], b.xyxy[rows_b], atol=1e-9)
        for i, j in zip(a.id[rows_a].tolist(), b.id[rows_b].tolist(), strict=True):
            assert renamed.setdefault(i, j) == j


def test_instances_share_nothing(tracker):
    other = make_tracker(next(name for name, entry in TRACKERS.items() if entry.tracker is type(layers(tracker)[0])))
    scene = walkers(6, 12)
    alone = follow(tracker, scene)
    tracker.reset()
    interleaved = []
    for detections in scene:
        interleaved.append(tracker.update(detections))
        other.update(walkers(9, 1, seed=5)[0])
    assert_equal(alone, interleaved)


def test_reset_makes_it_as_new(tracker):
    scene = walkers(6, 12)
    first = follow(tracker, scene)
    tracker.reset()
    assert_equal(first, follow(tracker, scene))


def test_inputs_are_unchanged(tracker):
    scene = walkers(6, 8)
    copies = [[a.copy() for a in (d.xyxy, d.score, d.class_id, d.embedding)] for d in scene]
    reports = follow(tracker, scene)
    for report in reports:
        report.xyxy[:] = -1  # results may be changed by the caller
        report.id[:] = -1
    for detections, columns in zip(scene, copies, strict=True):
        for now, before in zip(
            (detections.xyxy, detections.score, detections.class_id, detections.embedding), columns, strict=True
        ):
            np.testing.assert_array_equal(now, before)


def test_answers_are_the_caller_s_to_change(tracker):
    scene = walkers(6, 12)
    untouched = [(t.xyxy.copy(), t.id.copy()) for t in follow(tracker, scene)]
    tracker.reset()
    for detections, (boxes, ids) in zip(scene, untouched, strict=True):
        tracks = tracker.update(detections)
        np.testing.assert_array_equal(tracks.xyxy, boxes)
        np.testing.assert_array_equal(tracks.id, ids)
        tracks.xyxy[:] = 0
        tracks.id[:] = 0


def test_senseless_boxes_are_dropped_and_counted(tracker):
    good = walkers(4, 1)[0]
    bad = np.array(
        [
            [np.nan, 0, 10, 10],
            [0, 0, np.inf, 10],
            [50, 50, 40, 90],  # turned inside out
            [50, 50, 50, 90],  # no width
            [-300, -300, -200, -100],  # outside the image
        ]
    )
    rows = np.r_[0, 1, 2, 3, 0]
    mixed = Detections(
        np.concatenate([good.xyxy, bad]),
        np.concatenate([good.score, good.score[rows]]),
        embedding=np.concatenate([good.embedding, good.embedding[rows]]),
    )
    for _ in range(5):
        tracks = tracker.update(View(mixed, size_hw=(1080, 1920)))
    assert tracker.dropped == 5 * 5
    assert len(tracks) == 4
    assert np.isfinite(tracks.xyxy).all()


def test_boxes_of_x_y_width_height_are_told_of(caplog):
    warn_once.cache_clear()
    tracker = make_tracker("sort")
    for _ in range(2):
        tracker.update([[100, 50, 20, 40, 0.9], [300, 60, 20, 40, 0.9]])
    assert tracker.dropped == 4
    assert caplog.text.count("as [100.0, 50.0, 20.0, 40.0]: expected x1, y1, x2, y2") == 1


def test_boxes_with_invalid_scores_are_dropped(tracker):
    good = walkers(3, 1)[0]
    good.score[1] = np.nan
    tracker.update(good)
    assert tracker.dropped == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_boxes_with_invalid_embeddings_are_tracked_by_motion(tracker, value):
    scene = walkers(6, 20)
    for number, detections in enumerate(scene):
        detections.embedding[number % 6, 5] = value
    assert len(follow(tracker, scene)[-1]) == 6
    assert (tracker.dropped, tracker.tracks_started) == (0, 6)


def test_embeddings_without_any_valid_one_are_none_at_all(tracker):
    scene = walkers(6, 20)
    expected = follow(tracker, [Detections(d.xyxy, d.score) for d in scene])[-1]
    tracker.reset()
    for detections in scene:
        detections.embedding[:] = np.nan
    last = follow(tracker, scene)[-1]
    assert tracker.dropped == 0
    assert last.id.tolist() == expected.id.tolist()


def test_embeddings_of_any_length_and_precision(tracker):
    """float16 overflows above a norm of 256 (40 × √2048 is 1810), and float32 above 2e19."""
    look = np.random.default_rng(0).normal(size=(6, 2048))
    expected = None
    for dtype, length in ((np.float64, 1), (np.float16, 40), (np.float32, 1e30)):
        tracker.reset()
        scene = [Detections(d.xyxy, d.score, embedding=(length * look).astype(dtype)) for d in walkers(6, 12)]
        last = follow(tracker, scene)[-1]
        expected = last if expected is None else expected
        assert (tracker.dropped, last.id.tolist()) == (0, expected.id.tolist())
        np.testing.assert_allclose(last.xyxy, expected.xyxy)


def test_arrays_and_other_packages_detections(tracker):
    scene = walkers(6, 12)
    expected = follow(tracker, [Detections(d.xyxy, d.score) for d in scene])
    tracker.reset()
    assert_equal(follow(tracker, [np.c_[d.xyxy, d.score] for d in scene]), expected)
    tracker.reset()
    assert_equal(follow(tracker, [SimpleNamespace(xyxy=d.xyxy, confidence=d.score) for d in scene]), expected)
    tracker.reset()
    assert len(tracker.update(None)) == 0
    with pytest.raises(UserError, match="instead of detections"):
        tracker.update("boxes")


def test_classes_never_share_a_track(tracker):
    scene = walkers(12, 30, classes=2)
    born: dict[int, int] = {}
    for tracks in follow(tracker, scene):
        for i, c in zip(tracks.id.tolist(), tracks.class_id.tolist(), strict=True):
            assert born.setdefault(i, c) == c
    assert sorted(set(born.values())) == [0, 1]


def test_one_place_two_classes_are_two_tracks(tracker):
    both = Detections([[10, 10, 60, 160], [10, 10, 60, 160]], [0.9, 0.9], [0, 1])
    for _ in range(5):
        tracks = tracker.update(both)
    assert sorted(tracks.class_id.tolist()) == [0, 1]
    assert tracker.tracks_started == 2


def test_a_thousand_boxes_in_a_frame(tracker):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, [3800, 2000], (1000, 2))
    look = rng.normal(size=(1000, 16)).astype(np.float32)
    for _ in range(4):
        corner = corner + rng.normal(0, 1, corner.shape)
        tracks = tracker.update(Detections(np.hstack([corner, corner + [30, 70]]), np.full(1000, 0.9), embedding=look))
    assert len(tracks) > 900
    assert len(set(tracks.id.tolist())) == len(tracks)


def test_works_without_embeddings(tracker):
    scene = [Detections(d.xyxy, d.score) for d in walkers(6, 20)]
    assert len(follow(tracker, scene)[-1]) == 6


def test_frames_without_embeddings_in_between(tracker):
    scene = walkers(6, 20)
    mixed = [Detections(d.xyxy, d.score, embedding=None if n % 3 == 1 else d.embedding) for n, d in enumerate(scene)]
    assert len(follow(tracker, mixed)[-1]) == 6
    assert tracker.tracks_started == 6


def test_follows_people_as_the_camera_pans_and_zooms(tracker):
    """Pan by more than a person's width, and zoom: with View.camera, no track is lost."""
    scene = walkers(12, 30)
    camera = np.array([[1.05, 0, 150], [0, 1.05, 40]])
    seen = np.eye(2, 3)
    for number, detections in enumerate(scene):
        step = camera if number % 10 == 9 else np.eye(2, 3)
        seen = step[:, :2] @ seen + np.array([[0, 0, step[0, 2]], [0, 0, step[1, 2]]])
        corners = detections.xyxy.reshape(-1, 2, 2) @ seen[:, :2].T + seen[:, 2]
        moved = Detections(corners.reshape(-1, 4), detections.score, embedding=detections.embedding)
        tracks = tracker.update(View(moved, camera=step))
    assert len(tracks) == 12
    assert tracker.tracks_started == 12
