"""BoT-SORT: passes by score, camera motion, appearance of overlapping pairs; parity with the authors' code."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from idfree.core.types import Detections, Floats, Tracks, View
from idfree.trackers.botsort import BotSort, BotSortSettings

NO_MOTION = np.eye(2, 3)


def shift(x: float, y: float) -> Floats:
    return np.array([[1.0, 0, x], [0, 1, y]])


def walkers(frame: int) -> Floats:
    """Three people who walk to the right, side by side."""
    left = 100 + 150 * np.arange(3) + 4.0 * frame
    return np.column_stack([left, np.full(3, 200.0), left + 60, np.full(3, 380.0)])


def follow(tracker: BotSort, boxes: list[Floats], scores: list[float], cameras: list[Floats] | None = None) -> Tracks:
    """The tracks of the last frame."""
    for frame, (xyxy, score) in enumerate(zip(boxes, scores, strict=True)):
        detections = Detections(xyxy, np.full(len(xyxy), score))
        tracks = tracker.update(View(detections, camera=None if cameras is None else cameras[frame]))
    return tracks


def test_low_scores_continue_tracks_and_start_none():
    tracker = BotSort()
    boxes = [walkers(frame) for frame in range(6)]
    tracks = follow(tracker, boxes, [0.9, 0.9, 0.9, 0.3, 0.2, 0.9])
    assert tracks.id.tolist() == [1, 2, 3]
    assert tracker.tracks_started == 3
    assert len(follow(BotSort(), boxes, [0.3] * 6)) == 0
    assert len(follow(BotSort(), boxes, [0.65] * 6)) == 0  # high enough to match, not to start a track


def test_low_scores_must_overlap_more_than_high_ones():
    """IoU 0.43 with the predicted box: enough for a score of 0.9 (distance 0.61), too little for 0.3."""
    for score, expected in ((0.9, [1, 2, 3]), (0.3, [])):
        tracker = BotSort()
        last = walkers(0) + [24, 0, 24, 0]
        assert follow(tracker, [walkers(0), walkers(0), last], [0.9, 0.9, score]).id.tolist() == expected


def jump(compensated: bool) -> tuple[BotSort, Tracks]:
    """Three walkers; in frame 6, the camera moves so far that each appears at its neighbour's predicted position."""
    tracker = BotSort()
    boxes = [walkers(frame) + ([150, 20, 150, 20] if frame >= 6 else [0, 0, 0, 0]) for frame in range(9)]
    cameras = [shift(150, 20) if frame == 6 else NO_MOTION for frame in range(9)]
    return tracker, follow(tracker, boxes, [0.9] * 9, cameras if compensated else None)


def test_tracks_follow_the_camera():
    tracker, tracks = jump(compensated=True)
    assert tracks.id.tolist() == [1, 2, 3]
    np.testing.assert_allclose(tracks.xyxy, walkers(8) + [150, 20, 150, 20], atol=1.5)
    assert tracker.tracks_started == 3
    _, tracks = jump(compensated=False)
    assert set(tracks.id.tolist()) != {1, 2, 3}


def test_an_unconfirmed_track_follows_the_camera():
    """Its second detection comes after the jump; without compensation the track would be removed."""
    tracker = BotSort()
    empty = np.zeros((0, 4))
    cameras = [NO_MOTION, NO_MOTION, shift(200, 0)]
    tracks = follow(tracker, [empty, walkers(0), walkers(0) + [200, 0, 200, 0]], [0.9] * 3, cameras)
    assert tracks.id.tolist() == [1, 2, 3]


def test_a_lost_track_follows_the_camera_and_keeps_its_size():
    tracker = BotSort()
    empty = [np.zeros((0, 4))]
    follow(tracker, [np.array([[100.0, 100, 140 + 2 * n, 220 + 6 * n]]) for n in range(6)], [0.9] * 6)  # growing
    follow(tracker, empty, [0.9])  # the first prediction still grows
    before = tracker.motion.to_boxes(tracker.tracks.state)[0]
    follow(tracker, empty * 10, [0.9] * 10, [shift(-50, 0)] * 10)
    after = tracker.motion.to_boxes(tracker.tracks.state)[0]
    np.testing.assert_allclose(after[2:] - after[:2], before[2:] - before[:2])
    assert after[0] < before[0] - 450


A, B = np.eye(8)[:2]
TRACK = np.array([[100.0, 100, 160, 280]])
NEAR, FAR = TRACK + [6, 0, 6, 0], TRACK + [-15, 0, -15, 0]  # IoU 0.82 and 0.6 with it
FARTHER = TRACK + [-24, 0, -24, 0]  # IoU 0.43


def matched_box(first: Floats, near: Floats | None, other: Floats, settings: BotSortSettings | None = None) -> Floats:
    """Box matched to a track with embedding `first`: NEAR, of embedding `near`, or `other`, of embedding `first`."""
    tracker = BotSort(settings)
    embeddings = [first[None], first[None], np.stack([near, first]) if near is not None else None]
    for boxes, embedding in zip((TRACK, TRACK, np.concatenate([NEAR, other])), embeddings, strict=True):
        tracks = tracker.update(Detections(boxes, np.full(len(boxes), 0.9), embedding=embedding))
    return tracks.xyxy[tracks.id == 1][0]


def test_appearance_decides_between_two_overlapping_boxes():
    assert matched_box(A, B, FAR)[0] < 100  # the farther box, with the same embedding
    assert matched_box(A, A, FAR)[0] > 100  # equal embeddings: the nearer box
    assert matched_box(A, None, FAR)[0] > 100  # no embeddings: the nearer box


def test_appearance_counts_for_near_pairs_only():
    assert matched_box(A, B, FARTHER)[0] > 100
    assert matched_box(A, B, FARTHER, BotSortSettings(proximity=0.6))[0] < 100


def test_appearance_counts_for_similar_pairs_only():
    similar = A + 0.9 * B  # cosine 0.74 with A, half distance 0.13
    both = np.stack([B, similar])
    for settings, left in ((None, False), (BotSortSettings(max_appearance=0.1), True)):
        tracker = BotSort(settings)
        tracker.update(Detections(TRACK, [0.9], embedding=A[None]))
        tracks = tracker.update(Detections(np.concatenate([NEAR, FAR]), [0.9, 0.9], embedding=both))
        assert (tracks.xyxy[0, 0] > 100) == left


def test_deciding_cues_are_counted():
    tracker = BotSort()
    for _ in range(3):
        tracker.update(Detections(TRACK, [0.65], embedding=A[None]))
    assert tracker.tracks_started == 0
    tracker.update(Detections(TRACK, [0.9], embedding=A[None]))
    tracker.reset()
    for score in (0.9, 0.9, 0.3):  # appearance (0) beats the overlap fused with the score (0.1); low scores: overlap
        tracker.update(Detections(TRACK, [score], embedding=A[None]))
    assert tracker.match_counts == {"appearance": 1, "overlap": 1}


def test_low_scores_do_not_update_the_embedding():
    tracker = BotSort()
    for score, embedding in ((0.9, A), (0.9, A), (0.3, B), (0.9, None), (0.9, B)):
        tracker.update(Detections(TRACK, [score], embedding=None if embedding is None else embedding[None]))
    smoothed = 0.9 * A + 0.1 * B
    np.testing.assert_allclose(tracker.tracks.embedding, [smoothed / np.linalg.norm(smoothed)])


def test_scores_above_one_count_as_one():
    """A detector with scores up to 100: its boxes must overlap all the same."""
    tracker = BotSort(BotSortSettings(high_score=60, low_score=10, new_score=70))
    tracks = follow(tracker, [walkers(0), walkers(1), walkers(0) + [45, 0, 45, 0]], [90.0, 90, 90])
    assert len(tracks) == 0


def scene(frames: int) -> Iterator[tuple[Detections, Floats]]:
    """Ten people who cross, with gaps, low scores and noisy embeddings; a camera that pans and zooms."""
    rng = np.random.default_rng(0)
    person = np.arange(10)
    centre = np.column_stack([300 + 22.0 * person, 300 + 4.0 * person])
    size = np.column_stack([40.0 + person, 110.0 + 2 * person])
    for frame in range(frames):
        camera = shift(20 * (frame % 5 == 2), -9 * (frame % 4 == 1)) * (1.02 if frame % 7 == 3 else 1)
        size = size * camera[0, 0]
        centre = (centre + np.outer((-1.0) ** person, [5, 0])) * camera[0, 0] + camera[:, 2]
        boxes = np.hstack([centre - size / 2, centre + size / 2]) + rng.normal(0, 2, (10, 4))
        embeddings = np.eye(10) + rng.normal(0, 0.15, (10, 10))
        score = np.where(rng.random(10) < 0.25, 0.35, 0.9) + 0.01 * person
        detected = rng.random(10) > 0.1
        yield Detections(boxes[detected], score[detected], embedding=embeddings[detected]), camera


# Results of the authors' code for that scene: total number of boxes, and left, top of the last frame's by id.
AUTHORS = {
    "neither": (
        289,
        {1: (299.02, 182.77), 2: (347.0, 188.52), 4: (446.12, 203.48), 9: (846.18, 198.3), 10: (891.3, 205.87)}
        | {21: (395.16, 199.64), 22: (795.94, 194.23), 25: (747.33, 188.17), 26: (693.85, 177.15)},
    ),
    "camera": (
        324,
        {1: (695.26, 177.71), 2: (345.21, 189.56), 3: (393.45, 200.73), 4: (795.5, 195.17), 6: (297.8, 183.7)}
        | {8: (845.56, 199.33), 10: (893.4, 207.09), 13: (747.18, 188.97), 14: (444.88, 204.4)},
    ),
    "embeddings": (
        289,
        {1: (299.03, 182.77), 2: (347.0, 188.53), 9: (846.18, 198.3), 10: (891.3, 205.87), 18: (446.03, 203.42)}
        | {21: (395.16, 199.64), 22: (795.94, 194.23), 25: (747.33, 188.17), 26: (693.85, 177.15)},
    ),
    "camera and embeddings": (
        324,
        {1: (297.8, 183.7), 2: (345.21, 189.56), 3: (795.51, 195.17), 4: (393.45, 200.73), 5: (893.41, 207.09)}
        | {6: (695.26, 177.72), 9: (845.56, 199.33), 13: (747.18, 188.97), 14: (444.88, 204.4)},
    ),
}


@pytest.mark.parametrize("using", AUTHORS)
def test_same_results_as_the_authors_code(using):
    """Equal ids and boxes. The camera does not roll: then we keep the boxes' sizes, and their code does not."""
    tracker, count = BotSort(), 0
    for detections, camera in scene(40):
        if "embeddings" not in using:
            detections = replace(detections, embedding=None)
        tracks = tracker.update(View(detections, camera=camera if "camera" in using else None))
        count += len(tracks)
    total, last = AUTHORS[using]
    assert count == total
    assert sorted(tracks.id.tolist()) == list(last)
    np.testing.assert_allclose(tracks.xyxy[np.argsort(tracks.id), :2], list(last.values()), atol=0.006)
