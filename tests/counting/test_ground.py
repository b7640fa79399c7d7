"""Metres from pixels, path lengths and speeds."""

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.counting.ground import fit_homography, measure_paths, project, read_ground

MATRIX = np.array([[0.02, 0.001, -3.0], [0.0, 0.05, -4.0], [0.0, 0.001, 1.0]])
PIXELS = np.array([[0.0, 100], [900, 120], [850, 600], [50, 500], [400, 300]])


def tracks(frame, id=None):
    frame = np.asarray(frame)
    id = np.ones(len(frame), dtype=np.int64) if id is None else np.asarray(id)
    return Annotation(frame, id, np.zeros((len(frame), 4)), np.ones(len(frame)), 0 * id, np.ones(len(frame)))


def test_points_give_the_homography_back():
    pairs = np.column_stack([PIXELS, project(MATRIX, PIXELS)])
    assert fit_homography(pairs) == pytest.approx(MATRIX, abs=1e-9)
    assert fit_homography(pairs[:4]) == pytest.approx(MATRIX, abs=1e-9)


def test_all_ways_of_giving_it(tmp_path):
    numbers = ",".join(map(str, MATRIX.ravel()[:8]))
    pairs = np.column_stack([PIXELS, project(MATRIX, PIXELS)])
    np.savetxt(tmp_path / "pairs.csv", pairs, delimiter=",", header="x,y,X,Y")
    np.savetxt(tmp_path / "matrix.txt", MATRIX)
    np.save(tmp_path / "matrix.npy", MATRIX)
    given = [numbers, MATRIX, MATRIX.ravel()[:8], pairs, str(tmp_path / "matrix.txt")]
    given += [tmp_path / name for name in ("pairs.csv", "matrix.txt", "matrix.npy")]
    for each in given:
        assert read_ground(None, each) == pytest.approx(MATRIX, abs=1e-9)
    assert project(read_ground(0.5), PIXELS) == pytest.approx(PIXELS / 2)
    assert read_ground(None) is None


@pytest.mark.parametrize(
    ("scale", "homography", "message"),
    [
        (0.0, None, "--scale 0: expected metres per pixel"),
        (1.0, "1,2", "expected one of them"),
        (None, "1,2,3", "expected eight numbers"),
        (None, "1,0,0,1,0,0,0,0", "expected eight numbers"),  # of rank 1
        (None, [[0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2], [3, 3, 3, 3]], "the points lie on a line"),
        (None, "none.txt", "no such file"),
        (1e-300, None, "--scale 1e-300: expected metres per pixel"),
        (None, [[np.nan, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1], [0, 1, 0, 1]], "expected eight numbers"),
        (None, [[1e300, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1], [0, 1, 0, 1]], "expected eight numbers"),
        (None, np.ones((3, 3, 3)), "expected eight numbers"),
        (None, np.float64(3), "expected eight numbers"),
        (None, [[1, 2], [3]], "expected eight numbers"),
    ],
)
def test_mistakes(scale, homography, message):
    with pytest.raises(UserError, match=message):
        read_ground(scale, homography)


def test_a_walk_of_ten_metres():
    """2 m/s for 5 s at 10 frames a second, 0.1 m a pixel: to the digit, though smoothed, and across a gap."""
    frame = np.array([*range(1, 20), *range(30, 52)])
    points = np.column_stack([(frame - 1) * 2.0, np.full(len(frame), 7.0)])
    paths = measure_paths(tracks(frame), points, read_ground(0.1), 10)
    assert (paths.first.tolist(), paths.last.tolist()) == ([1], [51])
    assert paths.seconds == pytest.approx([5])
    assert paths.metres == pytest.approx([10])
    assert paths.mean_speed == pytest.approx([2])
    assert paths.top_speed == pytest.approx([2])


def test_a_single_box_and_nothing():
    paths = measure_paths(tracks([4]), np.zeros((1, 2)), np.eye(3), 10)
    assert [float(getattr(paths, name)[0]) for name in ("seconds", "metres", "mean_speed")] == [0, 0, 0]
    assert len(measure_paths(tracks([]).__class__.empty(), np.zeros((0, 2)), np.eye(3), 10)) == 0


def test_tracks_are_apart():
    frame, id = [1, 1, 2, 2], [2, 1, 1, 2]
    points = np.array([[0, 0], [100, 0], [101, 0], [3, 4]], dtype=np.float64)
    paths = measure_paths(tracks(frame, id), points, np.eye(3), 1)
    assert paths.id.tolist() == [1, 2]
    assert paths.metres == pytest.approx([1, 5])


def test_beyond_the_horizon():
    assert np.isnan(project(MATRIX, np.array([[0.0, 100], [5, 100], [0, -1100]]))[2]).all()
