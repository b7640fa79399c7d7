"""Trails: where the tracks of a frame were in the frames before it, smoothed over time."""

import numpy as np

from idfree.core.boxes import Floats, Integers, bottom_centres, centres
from idfree.core.types import Tracks
from idfree.show.figure import cut_dashes

TrailPart = tuple[Floats, Floats]  # positions (K, 2) and their ages (K,)
SMOOTHING = 2.0  # frames, standard deviation of the weights; see docs/settings.md


class Trails:
    """The last positions of tracks, one a frame; those of the last `length` frames and of this one.

    A trail ends with its track: only tracks of the current frame have one. It continues if the track is found again
    within `length` frames. Where the camera's motion is given, earlier positions move with the scene.
    """

    def __init__(self, length: int):
        self.length = length
        self.ids = np.zeros(0, dtype=np.int64)  # (K,)
        self.points = np.zeros((0, 2))  # (K, 2), pixels of the current frame
        self.age = np.zeros(0, dtype=np.int64)  # (K,), frames ago

    def add(self, ids: Integers, points: Floats, camera: Floats | None = None) -> None:
        """Add the positions (N, 2) of the tracks of the next frame.

        camera: affine map (2, 3) from pixels of the previous frame to those of this one, None for no motion.
        """
        is_kept = self.age < self.length
        earlier = self.points[is_kept]
        if camera is not None:
            earlier = earlier @ camera[:, :2].T + camera[:, 2]
        self.ids = np.concatenate([self.ids[is_kept], ids])
        self.points = np.concatenate([earlier, points])
        self.age = np.concatenate([self.age[is_kept] + 1, np.zeros(len(ids), dtype=np.int64)])

    def smooth(self) -> list[tuple[int, Floats, Integers]]:
        """Trails of the current frame's tracks: id, smoothed points (K, 2), oldest first, and their ages (K,)."""
        current = np.unique(self.ids[self.age == 0])
        column = np.searchsorted(current, self.ids)
        is_current = np.isin(self.ids, current)
        row, column = self.length - self.age[is_current], column[is_current]
        known = np.zeros((self.length + 1, len(current)))
        points = np.zeros((self.length + 1, len(current), 2))
        known[row, column], points[row, column] = 1, self.points[is_current]
        smoothed = local_lines(points, known, SMOOTHING)
        ages = np.arange(self.length, -1, -1)
        is_known = known.astype(bool)
        return [(id, smoothed[is_known[:, k], k], ages[is_known[:, k]]) for k, id in enumerate(current.tolist())]


def anchor_points(tracks: Tracks, is_foot: bool) -> Floats:
    """Middle (N, 2) of the lower edge of boxes, or their centre."""
    return bottom_centres(tracks.xyxy) if is_foot else centres(tracks.xyxy)


def split_trail(points: Floats, age: Integers, dash: float, space: float) -> list[TrailPart]:
    """Split a trail of positions (K, 2), oldest first: runs of frames without a gap, and dashes across the gaps.

    age: (K,), frames ago. dash, space: length of a dash, and of the space after it, px. Runs of a single frame are left
    out.
    """
    breaks = np.flatnonzero(np.diff(age) < -1) + 1
    ages = age.astype(np.float64)
    runs = zip(np.split(points, breaks), np.split(ages, breaks), strict=True)
    parts = [run for run in runs if len(run[0]) > 1]
    for k in breaks.tolist():
        start, end = points[k - 1 : k + 1]
        for part in cut_dashes(np.stack([start, end]), dash, space):
            way = np.linalg.norm(part - start, axis=1) / np.linalg.norm(end - start)
            parts.append((part, ages[k - 1] + way * (ages[k] - ages[k - 1])))
    return parts


def local_lines(points: Floats, known: Floats, deviation: float) -> Floats:
    """Local linear regression over time, with Gaussian weights: points (T, N, 2), where known (T, N) is 1.

    Follows uniform motion without lag, also at the ends (Cleveland 1979). deviation: of the weights, in steps.
    """
    step = np.arange(len(points))
    offset = (step - step[:, None]).astype(np.float64)  # T T
    weight = np.exp(-0.5 * (offset / deviation) ** 2)
    total, first, second = weight @ known, (weight * offset) @ known, (weight * offset**2) @ known  # T N
    flat = (points * known[..., None]).reshape(len(points), -1)
    mean, slope = ((each @ flat).reshape(points.shape) for each in (weight, weight * offset))
    determinant = (total * second - first**2)[..., None]
    line = second[..., None] * mean - first[..., None] * slope
    is_single = determinant <= 1e-9 * np.maximum(total**2, 1e-300)[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(is_single, points, line / determinant))
