"""Boxes regressed by candidates before suppression: hand-made candidates, a stub of a network."""

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Detections, View
from idfree.detectors.candidates import Candidates
from idfree.detectors.refinement import refine_by_candidates


def candidates(*rows):
    """Candidates from rows left, top, right, bottom, score, class."""
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Candidates(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def refine(boxes, *rows, class_id=None):
    boxes = np.array(boxes, dtype=float).reshape(-1, 4)
    class_id = np.zeros(len(boxes), dtype=np.int64) if class_id is None else np.array(class_id)
    return refine_by_candidates(boxes, class_id, candidates(*rows))


def test_the_mean_of_like_candidates_by_score():
    """The two candidates overlap by IoU 90/110 and are averaged 3 : 1; the third, IoU 1/3 to the best, is not."""
    boxes, scores = refine([1, 0, 11, 10], (0, 0, 10, 10, 0.9, 0), (1, 0, 11, 10, 0.3, 0), (5, 0, 15, 10, 0.8, 0))
    np.testing.assert_allclose(boxes, [[0.25, 0, 10.25, 10]])
    assert scores.tolist() == [0.9]  # 0.9 · 9/11 is above 0.3 · 1


def test_two_boxes_that_overlap_keep_candidates_of_their_own():
    """Their IoU is 3/7: of one class, suppression at 0.4 would have left the better alone."""
    rows = (0, 0, 10, 10, 0.9, 0), (4, 0, 14, 10, 0.3, 0)
    boxes, scores = refine([[0, 0, 10, 10], [4, 0, 14, 10]], *rows)
    np.testing.assert_allclose(boxes, [rows[0][:4], rows[1][:4]])
    assert scores.tolist() == [0.9, 0.3]


def test_without_candidates_a_box_stays_and_has_no_score():
    for rows in ([], [(100, 0, 110, 10, 0.9, 0)], [(0, 0, 10, 10, 0.9, 1)], [(5, 0, 15, 10, 0.9, 0)]):
        boxes, scores = refine([0, 0, 10, 10], *rows)
        assert (boxes.tolist(), scores.tolist()) == ([[0, 0, 10, 10]], [0])
    boxes, scores = refine([], (0, 0, 10, 10, 0.9, 0))
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))


def test_classes_are_apart():
    rows = (0, 0, 10, 10, 0.9, 0), (1, 0, 11, 10, 0.8, 1)
    boxes, scores = refine([[0, 0, 10, 10], [0, 0, 10, 10]], *rows, class_id=[1, 0])
    np.testing.assert_allclose(boxes, [rows[1][:4], rows[0][:4]])
    assert scores.tolist() == [0.8, 0.9]


def test_the_input_is_unchanged():
    given = np.array([[1.0, 0, 11, 10]])
    refine_by_candidates(given, np.zeros(1, dtype=int), candidates((0, 0, 10, 10, 0.9, 0)))
    assert given.tolist() == [[1, 0, 11, 10]]


def test_a_view_from_a_file_refuses_in_a_sentence():
    with pytest.raises(UserError, match=r"come from a file.*--detector MODEL.onnx"):
        View(Detections([])).refine(np.zeros((0, 4)))
