"""Whole-video tracks: camera motion, order of rows, speed's prerequisites."""

from dataclasses import replace

import numpy as np

from idfree.core.types import Annotation
from idfree.offline.camera import cumulative_maps, warp_rows
from idfree.offline.drop import drop_weak
from idfree.offline.track_rows import by_track
from idfree.offline.whole_video import Video, refine_tracks


def standing(frames: np.ndarray, shift: np.ndarray) -> Annotation:
    """Somebody who stands, seen by a camera that has moved by `shift` px at each frame."""
    left = 500.0 + shift[frames - 1]
    xyxy = np.stack([left, np.full(len(frames), 50.0), left + 40, np.full(len(frames), 150.0)], axis=1)
    ones = np.ones(len(frames))
    return Annotation(frames, np.full(len(frames), 3), xyxy, ones, ones.astype(np.int64), ones)


def test_gaps_are_filled_along_the_motion_of_the_camera():
    shift = np.cumsum(np.random.default_rng(0).normal(0, 15, 40))
    maps = np.tile(np.eye(2, 3), (40, 1, 1))
    maps[1:, 0, 2] = np.diff(shift)
    seen = np.array([f for f in range(1, 41) if not 15 < f < 22])
    still = refine_tracks(standing(seen, shift), Video(30.0, (400, 1200), maps))
    np.testing.assert_array_equal(still.frame, np.arange(1, 41))
    np.testing.assert_allclose(still.xyxy[:, 0], 500 + shift, atol=0.5)


def test_warping_there_and_back():
    rng = np.random.default_rng(1)
    maps = np.tile(np.eye(2, 3), (5, 1, 1)) + rng.normal(0, 0.02, (5, 2, 3))
    boxes = np.array([[10.0, 20, 50, 120]] * 5)
    total, frames = cumulative_maps(maps), np.arange(1, 6)
    there = warp_rows(boxes, frames, total)
    np.testing.assert_allclose(warp_rows(there, frames, np.linalg.inv(total)), boxes)
    np.testing.assert_allclose(there[0], boxes[0])  # the first frame is the reference


def test_rows_of_any_order_give_the_same():
    shift = np.zeros(60)
    tracks = standing(np.array([f for f in range(1, 61) if f % 9]), shift)
    shuffled = tracks[np.random.default_rng(0).permutation(len(tracks))]
    first, second = (refine_tracks(rows, Video()) for rows in (tracks, shuffled))
    np.testing.assert_array_equal(first.frame, np.arange(1, 61))
    np.testing.assert_array_equal(first.xyxy, second.xyxy)


def test_a_camera_that_walks_on_for_hours_does_not_overflow():
    maps = np.tile(np.eye(2, 3) * 1.02, (40_000, 1, 1))
    centre = np.array([600.0, 200])
    total = cumulative_maps(maps, centre)
    np.testing.assert_allclose(np.linalg.det(total), 1)
    np.testing.assert_allclose(total[1][:2] @ [*centre, 1], 1.02 * centre)


def test_tracks_that_the_detector_hardly_believed_are_dropped():
    tracks = by_track(
        Annotation(
            frame=np.array([1, 2, 1, 2, 1, 2, 3]),
            id=np.array([1, 1, 2, 2, 3, 3, 3]),
            xyxy=np.zeros((7, 4)),
            score=np.array([0.9, 0.8, 0.2, 0.3, 0.2, 0.7, 0.9]),
            class_id=np.ones(7, dtype=np.int64),
            visibility=np.ones(7),
        )
    )
    assert set(drop_weak(tracks).id.tolist()) == {1, 3}  # 3 is weak in one frame alone
    assert len(drop_weak(replace(tracks, score=np.full(7, -1.0)))) == 7  # unknown scores
