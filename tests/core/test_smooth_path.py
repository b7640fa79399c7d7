"""Savitzky-Golay smoothing of paths."""

import numpy as np
import pytest

from idfree.core.smooth_path import smooth_path


def test_uniform_motion_does_not_change():
    line = np.stack([np.arange(20.0), 3 - 2 * np.arange(20.0)], axis=1)
    np.testing.assert_allclose(smooth_path(line, 9), line, atol=1e-9)


def test_jitter_is_averaged():
    jitter = np.array([[0.0, 0], [1, 0]] * 10)
    smooth = smooth_path(jitter, 5)
    assert np.ptp(smooth[2:-2, 0]) == pytest.approx(0.2)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_paths_are_returned(count):
    points = np.arange(2.0 * count).reshape(count, 2)
    np.testing.assert_array_equal(smooth_path(points, 25), points)
