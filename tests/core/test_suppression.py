"""Non-maximum suppression against the textbook's loop, and scenes by hand."""

import numpy as np
import pytest

from idfree.core.boxes import cxcywh_to_xyxy, iou
from idfree.core.suppression import demote_parts, nms, overlapping_pairs


def greedy(xyxy, score, class_id, max_iou):
    """The textbook: take the best, drop what it overlaps, go on."""
    left = list(np.argsort(-score, kind="stable"))
    kept = []
    while left:
        best, *left = left
        kept.append(best)
        left = [k for k in left if class_id[k] != class_id[best] or iou(xyxy[[best]], xyxy[[k]])[0, 0] <= max_iou]
    return kept


def crowd(rng, people, copies):
    """Boxes (people × copies, 4) scattered about each person, scores with ties, two classes."""
    centre = rng.uniform(0, 300, (people, 2))
    height = rng.uniform(20, 120, people)
    boxes = np.repeat(np.column_stack([centre, 0.4 * height, height]), copies, axis=0)
    boxes += rng.normal(0, 0.08, boxes.shape) * np.tile(boxes[:, 2:], 2)
    return cxcywh_to_xyxy(boxes), rng.integers(1, 50, len(boxes)) / 50, rng.integers(0, 2, len(boxes))


@pytest.mark.parametrize("max_iou", [0.0, 0.3, 0.65, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_same_as_the_textbook(seed, max_iou):
    scene = crowd(np.random.default_rng(seed), 12, 8)
    assert nms(*scene, max_iou).tolist() == greedy(*scene, max_iou)


@pytest.mark.parametrize("more_than", [0.0, 0.5, 0.8])
def test_the_pairs_are_all_the_pairs(more_than):
    xyxy, _, class_id = crowd(np.random.default_rng(7), 10, 6)
    i, j = overlapping_pairs(xyxy, class_id, more_than)
    close = np.triu((iou(xyxy, xyxy) > more_than) & (class_id[:, None] == class_id), 1)
    assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == list(map(tuple, np.argwhere(close).tolist()))


def test_a_box_that_fell_suppresses_nothing():
    xyxy = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10.0]])  # neighbours overlap by 0.43, the ends by 0.11
    assert nms(xyxy, np.array([0.9, 0.8, 0.7]), np.zeros(3, dtype=int), 0.4).tolist() == [0, 2]


def test_classes_do_not_suppress_one_another_and_ties_keep_their_order():
    xyxy = np.tile([[5.0, 5.0, 9.0, 9.0]], (4, 1))
    assert nms(xyxy, np.full(4, 0.5), np.array([1, 0, 1, 0]), 0.5).tolist() == [0, 1]


def test_nothing_in_nothing_out():
    assert nms(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=int), 0.5).tolist() == []


def test_inputs_are_left_alone():
    scene = crowd(np.random.default_rng(1), 3, 3)
    before = [array.copy() for array in scene]
    nms(*scene, 0.5)
    for array, copy in zip(scene, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_parts_of_a_better_box_lose_score_and_nothing_else_does():
    xyxy = np.array([[0, 0, 40, 100], [0, 0, 40, 40], [20, 0, 60, 100], [0, 0, 80, 120], [300, 0, 340, 100.0]])
    score = np.array([0.9, 0.8, 0.7, 0.6, 0.5])  # a person, the head of it, a neighbour, both of them, somebody else
    same = np.zeros(5, dtype=np.int64)
    assert demote_parts(xyxy, score, same, 0.5).tolist() == [0.9, 0.4, 0.7, 0.3, 0.5]
    assert np.array_equal(demote_parts(xyxy, score, np.arange(5), 0.5), score)  # of other classes
    assert len(demote_parts(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=np.int64), 0.5)) == 0
