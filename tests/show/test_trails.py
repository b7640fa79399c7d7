"""Trails: smoothing over time, camera motion, which tracks have one."""

import numpy as np

from idfree.show.trails import Trails, local_lines, split_trail


def straight(frames: int) -> np.ndarray:
    """Points of uniform motion, (frames, 2)."""
    return np.stack([100 + 7.0 * np.arange(frames), 50 - 3.0 * np.arange(frames)], axis=1)


def one_trail(points: np.ndarray, length: int = 30, camera: np.ndarray | None = None) -> np.ndarray:
    trails = Trails(length)
    for point in points:
        trails.add(np.array([4]), point[None], camera)
    ((id, smoothed, age),) = trails.smooth()
    assert id == 4
    assert age.tolist() == list(range(min(len(points), length + 1)))[::-1]
    return smoothed


def test_uniform_motion_is_followed_without_lag() -> None:
    assert np.allclose(one_trail(straight(12)), straight(12))
    assert np.allclose(one_trail(straight(50)), straight(50)[-31:])


def test_jitter_of_the_foot_is_smoothed() -> None:
    noise = np.random.default_rng(0).normal(0, 5, (31, 2))
    smoothed = one_trail(straight(31) + noise)
    assert np.abs(np.diff(smoothed, 2, axis=0)).mean() < 0.15 * np.abs(np.diff(noise, 2, axis=0)).mean()
    assert np.linalg.norm(smoothed - straight(31)) < 0.7 * np.linalg.norm(noise)


def test_gaps_and_single_points() -> None:
    points, known = straight(31)[:, None], np.ones((31, 1))
    known[3:25] = 0
    found = local_lines(np.where(known[..., None] > 0, points, 0), known, 2.0)
    assert np.allclose(found[known[:, 0] > 0], points[known[:, 0] > 0])
    assert np.allclose(one_trail(straight(1)), straight(1))


def test_earlier_points_move_with_the_scene() -> None:
    """A person who stands still, before a camera that pans and zooms: one point."""
    pan = np.array([[1.01, 0.0, -8.0], [0.0, 1.01, 2.0]])
    points = [np.array([300.0, 200.0])]
    for _ in range(15):
        points.append(pan[:, :2] @ points[-1] + pan[:, 2])
    assert np.allclose(one_trail(np.array(points), camera=pan), points[-1])
    assert np.linalg.norm(one_trail(np.array(points))[0] - points[-1]) > 50


def test_only_tracks_of_the_current_frame_have_trails() -> None:
    trails = Trails(30)
    trails.add(np.array([2, 9]), np.zeros((2, 2)))
    trails.add(np.array([9]), np.ones((1, 2)))
    assert [id for id, _, _ in trails.smooth()] == [9]
    trails.add(np.zeros(0, dtype=np.int64), np.zeros((0, 2)))
    assert trails.smooth() == []


def test_a_trail_is_dashed_across_the_frames_without_a_box() -> None:
    """Seen 9 and 8, then 2 to 0 frames ago: a dash of 2 px, a space of 6, a dash, as old as those between."""
    points, age = np.array([[0.0, 0], [2, 0], [14, 0], [16, 0], [18, 0]]), np.array([9, 8, 2, 1, 0])
    parts = [(part[:, 0].tolist(), part_age.tolist()) for part, part_age in split_trail(points, age, 2, 6)]
    assert parts == [([0, 2], [9, 8]), ([14, 16, 18], [2, 1, 0]), ([2, 4], [8, 7]), ([10, 12], [4, 3])]
    assert split_trail(points[[1, 1]], age[[1, 2]], 2, 6) == []  # standing still
    assert len(split_trail(points, np.arange(4, -1, -1), 2, 6)) == 1
