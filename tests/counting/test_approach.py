"""How near tracks come to lines."""

import numpy as np
import pytest

from idfree.core.types import Annotation
from idfree.counting.approach import find_approach, passes, runs_through, segment_distance
from idfree.counting.shapes import read_lines

(LINE,) = read_lines((10, 10, 30, 10))


def boxes(*rows: tuple[int, int, float, float]) -> Annotation:
    """Boxes 10 wide and 20 high, by frame, id, and middle of the lower edge."""
    frame, id, x, y = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    n = len(frame)
    xyxy = np.stack([x - 5, y - 20, x + 5, y], axis=1)
    return Annotation(frame.astype(int), id.astype(int), xyxy, np.ones(n), np.ones(n, dtype=int), np.ones(n))


def test_distances_are_to_the_segment():
    points = np.array([[20.0, 13], [34, 13], [7, 6], [10, 10]])
    assert np.allclose(segment_distance(LINE, points), [3, 5, 5, 0])


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 0, 11, 11), True),
        ((15, 0, 20, 30), True),
        ((0, 0, 9, 30), False),
        ((31, 0, 40, 30), False),
        ((15, 11, 20, 30), False),
        ((0, 0, 100, 100), True),  # all of the line is inside
    ],
)
def test_boxes_that_a_line_runs_through(box, expected):
    turned = np.array(box, dtype=np.float64)[[1, 0, 3, 2]]
    assert runs_through(LINE, np.array([box], dtype=np.float64)).tolist() == [expected]
    assert runs_through(read_lines((10, 30, 10, 10))[0], turned[None]).tolist() == [expected]


def test_a_slanted_line_can_pass_by_the_corner_of_a_box():
    (line,) = read_lines((0, 10, 10, 0))
    assert runs_through(line, np.array([[0.0, 0, 4, 4], [0, 0, 6, 6]])).tolist() == [False, True]


def test_paths_that_lead_over_a_line():
    tracks = boxes((1, 1, 20, 5), (2, 1, 20, 15), (1, 2, 40, 5), (2, 2, 40, 15), (1, 3, 20, 5), (9, 3, 20, 15))
    anchors = np.stack([tracks.xyxy[:, [0, 2]].mean(axis=1), tracks.xyxy[:, 3]], axis=1)
    assert np.unique(tracks.id[passes(LINE, tracks, anchors, gap=5)]).tolist() == [1]
    assert np.unique(tracks.id[passes(LINE, tracks, anchors, gap=8)]).tolist() == [1, 3]


def test_the_nearest_point():
    tracks = boxes((1, 1, 20, 40), (2, 1, 20, 25), (1, 2, 33, 14))
    anchors = np.stack([tracks.xyxy[:, [0, 2]].mean(axis=1), tracks.xyxy[:, 3]], axis=1)
    found = find_approach(LINE, tracks, anchors, gap=5)
    assert found is not None
    assert (found.distance, found.id, found.frame, found.passing, found.overlapping) == (5.0, 2, 1, 0, 2)
    assert find_approach(LINE, boxes(), np.zeros((0, 2)), gap=5) is None
