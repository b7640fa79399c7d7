"""Smoothing: less jitter, straight motion kept, nothing across gaps, nothing where people move suddenly."""

from dataclasses import replace

import numpy as np
import pytest

from idfree.core.types import Annotation
from idfree.offline.smooth import penalised_fit, smooth


def walk(frames: np.ndarray, identity: int = 1, jitter: float = 0.0, seed: int = 0) -> Annotation:
    """A person of 40×100 px who walks to the right by 3 px a frame, with normal errors of the box's edges."""
    left = 100.0 + 3 * frames
    xyxy = np.stack([left, np.full(len(frames), 50.0), left + 40, np.full(len(frames), 150.0)], axis=1)
    xyxy += np.random.default_rng(seed).normal(0, 1, xyxy.shape) * jitter
    ones = np.ones(len(frames))
    return Annotation(frames, np.full(len(frames), identity), xyxy, ones, ones.astype(np.int64), ones)


def test_jitter_is_reduced_and_the_track_stays_where_it_is():
    frames = np.arange(1, 301)
    true, noisy = walk(frames), walk(frames, jitter=4.0)
    error = np.abs(noisy.xyxy - true.xyxy).mean(), np.abs(smooth(noisy).xyxy - true.xyxy).mean()
    assert error[1] < 0.6 * error[0]


def test_exact_boxes_stay():
    tracks = walk(np.arange(1, 61))
    np.testing.assert_allclose(smooth(tracks).xyxy, tracks.xyxy, atol=1e-6)


def test_sudden_motion_is_not_smoothed_away():
    """Boxes without jitter of somebody who turns round every seven frames."""
    frames = np.arange(1, 121)
    tracks = walk(frames)
    swing = 12.0 * np.abs((frames % 14) - 7)
    tracks = replace(tracks, xyxy=tracks.xyxy + np.stack([swing, 0 * swing] * 2, axis=1))
    assert np.abs(smooth(tracks).xyxy - tracks.xyxy).mean() < 2


def test_nothing_crosses_a_gap_or_another_track():
    first, second = walk(np.arange(1, 61), jitter=3.0), walk(np.arange(80, 141), jitter=3.0, seed=1)
    other = walk(np.arange(1, 61), identity=2, jitter=3.0, seed=2)
    both = Annotation(*(np.concatenate([getattr(t, n) for t in (first, second, other)]) for n in COLUMNS))
    fit = penalised_fit(both.xyxy, np.ones(len(both)), np.array([0, 60, 121]), 256.0)
    for rows in (slice(0, 60), slice(60, 121), slice(121, 181)):
        alone = penalised_fit(both.xyxy[rows], np.ones(len(both))[rows], np.array([0]), 256.0)
        np.testing.assert_allclose(fit[rows], alone, atol=1e-6)


def test_the_fit_is_that_of_the_dense_equations():
    values, weight = np.random.default_rng(0).normal(size=(9, 2)), np.linspace(0.5, 2, 9)
    second = np.zeros((7, 9))
    for row in range(7):
        second[row, row : row + 3] = 1, -2, 1
    dense = np.linalg.solve(np.diag(weight) + 5.0 * second.T @ second, weight[:, None] * values)
    np.testing.assert_allclose(penalised_fit(values, weight, np.array([0]), 5.0), dense, atol=1e-9)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_short_tracks(count):
    tracks = walk(np.arange(1, count + 1), jitter=1.0)
    smoothed = smooth(tracks)
    assert len(smoothed) == count
    if count < 3:
        np.testing.assert_allclose(smoothed.xyxy, tracks.xyxy, atol=1e-9)


COLUMNS = ("frame", "id", "xyxy", "score", "class_id", "visibility")
