"""Smoothing of the path of a point over time."""

import numpy as np

from idfree.core.boxes import Floats


def smooth_path(points: Floats, frames: float) -> Floats:
    """Savitzky-Golay filter of order 1 (1964) of points (K, 2), one a frame: straight lines through `frames` points.

    The window is `frames`, rounded up to an odd number, and at most K. A window of one point changes nothing.
    """
    from scipy.signal import savgol_filter

    window = min(round(frames), len(points) - 1) // 2 * 2 + 1
    return np.asarray(savgol_filter(points, window, 1, axis=0)) if window > 1 else points
