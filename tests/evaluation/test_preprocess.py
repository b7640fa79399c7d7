"""Preprocessing under each protocol, and messages about invalid input."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from idfree.core.boxes import iou
from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.evaluation import alignment
from idfree.evaluation.alignment import align, unique_inverse
from idfree.evaluation.preprocess import infer_protocol, preprocess

Annotate = Callable[[Any], Annotation]

PERSON, STATIC, CART, CAR = [0, 0, 10, 20], [50, 0, 10, 20], [100, 0, 10, 20], [150, 0, 10, 20]
TRUTH = [[1, 1, *PERSON, 1, 1], [1, 2, *STATIC, 0, 7], [1, 3, *CART, 0, 6], [1, 4, *CAR, 0, 3], [2, 5, *PERSON, 0, 1]]
RESULTS = [[1, 11, *PERSON], [1, 12, *STATIC], [1, 13, *CART], [1, 14, *CAR], [2, 15, *PERSON]]


@pytest.mark.parametrize(
    ("protocol", "truth", "results"),
    [("mot17", 1, 4), ("mot20", 1, 3), ("mot15", 1, 5), ("plain", 1, 5), ("auto", 1, 4)],
)
def test_distractors(annotate: Annotate, protocol: str, truth: int, results: int) -> None:
    prepared = preprocess(annotate(TRUTH), annotate(RESULTS), protocol)
    assert (len(prepared.gt_id), len(prepared.tracker_id)) == (truth, results)
    assert (prepared.num_gt_ids, prepared.num_tracker_ids, prepared.num_frames) == (truth, results, 2)
    assert prepared.similarity.tolist() == [1.0]  # the person of frame 1


def test_results_nearer_to_a_pedestrian_than_to_a_distractor_stay(annotate: Annotate) -> None:
    truth = annotate([[1, 1, 0, 0, 10, 20, 1, 1], [1, 2, 3, 0, 10, 20, 0, 7]])
    for left, remaining in ((0, 1), (1, 1), (2, 0), (3, 0), (6, 0), (8, 1)):
        assert len(preprocess(truth, annotate([[1, 9, left, 0, 10, 20]]), "mot17").tracker_id) == remaining


def test_marks(annotate: Annotate) -> None:
    truth = annotate([[1, 1, *PERSON, 0.9], [1, 2, *STATIC, 1]])
    assert preprocess(truth, annotate([]), "mot17").num_gt_ids == 1  # TrackEval reads 0.9 as 0
    assert preprocess(truth, annotate([]), "plain").num_gt_ids == 2


def test_classes_under_plain(annotate: Annotate) -> None:
    truth = annotate([[1, 1, *PERSON, 1, 1], [1, 2, *CAR, 1, 3]])
    results = annotate([[1, 1, *PERSON, 1, 3], [1, 2, *CAR, 1, 3], [1, 3, *STATIC, 1, 1]])
    cars = preprocess(truth, results, "plain", class_id=3)
    assert (cars.num_gt_ids, cars.num_tracker_ids, len(cars.similarity)) == (1, 2, 1)
    assert preprocess(truth, results, "plain").num_tracker_ids == 3


@pytest.mark.parametrize(
    ("rows", "name", "protocol"),
    [
        (TRUTH, "", "mot17"),
        (TRUTH, "MOT20-01/gt/gt.txt", "mot20"),
        ([*TRUTH, [1, 9, *PERSON, 0, 13]], "", "mot20"),
        ([[1, 1, *PERSON, 1, 1]], "dancetrack0005", "mot17"),
        ([[1, 1, *PERSON, 1, -1], [2, 1, *PERSON, 0, -1]], "", "mot15"),
        ([[1, 1, *PERSON, 1, 0]], "", "plain"),
        ([[1, 1, *PERSON, 0.5, 1]], "", "plain"),
        ([[1, 1, *PERSON, 1, 1], [1, 2, *CAR, 1, 3]], "", "plain"),
        ([], "", "mot17"),
    ],
)
def test_infer_protocol(annotate: Annotate, rows: list[list[float]], name: str, protocol: str) -> None:
    assert infer_protocol(annotate(rows), name) == protocol


@pytest.mark.parametrize(
    ("truth", "results", "frames", "message"),
    [
        ([], [[12, 7, *PERSON], [12, 7, *CAR], [12, 8, *CAR]], 20, "b.txt: frame 12: id 7 appears 2 times"),
        ([[3, 1, *PERSON], [3, 1, *CAR]], [], 20, "a.txt: frame 3: id 1 appears 2 times"),
        ([], [[1, -1, *PERSON], [1, -1, *CAR], [1, -1, *CART]], 20, "id -1 appears 3 times.*are these detections"),
        ([], [[21, 1, *PERSON]], 20, "b.txt: frame 21 lies outside the sequence, whose frames are 1 to 20"),
        ([[21, 1, *PERSON]], [], 20, "a.txt: frame 21 lies outside"),
        ([], [[0, 1, *PERSON]], 20, "b.txt: frame 0 lies outside"),
        ([[1, 1, *PERSON, 1, 0]], [], 20, "a.txt: class 0 is none of MOTChallenge's classes 1 to 13"),
    ],
)
def test_invalid_input(annotate: Annotate, truth: Any, results: Any, frames: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        preprocess(annotate(truth), annotate(results), "mot17", frames, names=("a.txt", "b.txt"))


def test_unknown_protocol(annotate: Annotate) -> None:
    with pytest.raises(UserError, match="'mot18': expected one of auto, mot17, mot20, mot15, plain"):
        preprocess(annotate([]), annotate([]), "mot18")


@pytest.mark.parametrize(("block", "offset"), [(500_000, 0.0), (7, -3e5), (1, 1e7)])
def test_overlaps_equal_those_of_all_pairs(
    monkeypatch: pytest.MonkeyPatch, annotate: Annotate, block: int, offset: float
) -> None:
    """Pairs and IoU are bitwise those of comparing all boxes of a frame."""
    monkeypatch.setattr(alignment, "PAIRS_PER_BLOCK", block)
    rng = np.random.default_rng(4)
    frames = [1, 2, 2, 2, 3, 5, 5, 6, 9]
    truth, results = (
        annotate([[f, k, *rng.uniform(0, 40, 2) + offset, *rng.uniform(-4, 30, 2)] for k, f in enumerate(frames * 6)])
        for _ in range(2)
    )
    found = align(truth, results, 9)
    expected = iou(truth.xyxy, results.xyxy) * (truth.frame[:, None] == results.frame)
    dense = np.zeros_like(expected)
    dense[found.gt_row, found.tracker_row] = found.similarity
    np.testing.assert_array_equal(dense, expected)
    assert len(found.similarity) == np.count_nonzero(expected) > 50
    assert np.all(np.diff(found.gt_row) >= 0)


def test_boxes_without_area_or_not_finite_have_no_overlaps(annotate: Annotate) -> None:
    truth = annotate([[1, 1, *PERSON]])
    results = annotate([[1, k, *box] for k, box in enumerate(([2, 2, 0, 5], [2, 2, 5, -1], [0, 0, np.inf, 9]))])
    assert len(align(truth, results, 1).similarity) == 0


@pytest.mark.parametrize("values", [[], [0], [5, 3, 5, 9], [-1, 7, -1], [10**12, 3, 10**12]])
def test_unique_inverse(values: list[int]) -> None:
    distinct, place = unique_inverse(np.array(values, dtype=np.int64))
    assert distinct.tolist() == sorted(set(values))
    assert distinct[place].tolist() == values
