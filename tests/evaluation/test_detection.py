"""Average precision: scenes counted by hand, and agreement with a literal implementation of the definition."""

import dataclasses
from math import isnan
from pathlib import Path

import numpy as np
import pytest

from idfree.core.boxes import area, iou, xywh_to_xyxy
from idfree.core.types import Annotation
from idfree.evaluation.detection import SIZES, PrecisionRecall, evaluate_detections, match_greedily

SQUARE = (0, 0, 50, 100)  # 5,000 px²: small


def boxes(rows: list[tuple[float, ...]], class_id: int = 1) -> Annotation:
    """An Annotation of rows (frame, x, y, w, h, score or mark)."""
    table = np.array(rows, dtype=float).reshape(-1, 6)
    table = table[np.argsort(table[:, 0], kind="stable")]
    count = len(table)
    return Annotation(
        table[:, 0].astype(int),
        np.arange(count),
        xywh_to_xyxy(table[:, 1:5]),
        table[:, 5],
        np.full(count, class_id),
        np.ones(count),
    )


def concatenate(*parts: Annotation) -> Annotation:
    """Concatenate annotations of one sequence."""
    fields = [field.name for field in dataclasses.fields(Annotation) if field.default is dataclasses.MISSING]
    whole = Annotation(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))
    return whole[np.argsort(whole.frame, kind="stable")]


def crowd(seed: int, frames: int = 30) -> tuple[Annotation, Annotation]:
    """Random people, some marked 0 or of other classes, and noisy detections of them."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for frame in range(1, frames + 1):
        for _ in range(rng.integers(0, 12)):
            box = np.array([*rng.uniform(0, 300, 2), *rng.uniform([30, 60], [150, 300])])
            truth.append((frame, *box, float(rng.uniform() > 0.1)))
            found += [(frame, *(box + rng.normal(0, 12, 4)), rng.integers(0, 20) / 20) for _ in range(rng.integers(3))]
        found += [(frame, *rng.uniform(50, 200, 4), rng.uniform()) for _ in range(rng.integers(3))]
    truth = boxes(truth)
    truth = dataclasses.replace(truth, class_id=rng.choice([1, 1, 1, 1, 3, 7], len(truth)))
    return boxes(found), truth


def evaluate_literally(
    detections: Annotation, truth: Annotation, low: float, high: float
) -> tuple[list[bool], int, int]:
    """The definition, box by box: whether each evaluated detection is a true positive, num_gt, ignored."""
    is_target = (truth.score != 0) & (truth.class_id == 1)
    gt_has_size = (area(truth.xyxy) >= low) & (area(truth.xyxy) < high)
    has_size = (area(detections.xyxy) >= low) & (area(detections.xyxy) < high)
    overlap = iou(detections.xyxy, truth.xyxy) * (detections.frame[:, None] == truth.frame)
    order = sorted(
        range(len(detections)),
        key=lambda d: (-detections.score[d], -max((o for o in overlap[d][is_target] if o >= 0.5), default=0), d),
    )
    matched: set[int] = set()
    outcome: dict[int, bool | None] = {}
    for d in order:
        candidates = [t for t in range(len(truth)) if is_target[t] and overlap[d, t] >= 0.5 and t not in matched]
        if candidates:
            best = min(candidates, key=lambda t: (not gt_has_size[t], -overlap[d, t]))
            matched.add(best)
            outcome[d] = True if gt_has_size[best] else None
        elif (overlap[d][~is_target] >= 0.5).any() or not has_size[d]:
            outcome[d] = None
        else:
            outcome[d] = False
    is_tp = [outcome[d] for d in range(len(detections)) if outcome[d] is not None]
    return is_tp, int((is_target & gt_has_size).sum()), len(detections) - len(is_tp)


def test_perfect_detections() -> None:
    _, truth = crowd(0)
    score = evaluate_detections(truth, truth)["all"]
    assert score.ap == score.recall == score.precision == score.best_f1[0] == 1.0
    assert score.ap11 == 1.0
    assert score.ignored == ((truth.score == 0) | (truth.class_id != 1)).sum()


def test_curve_by_hand() -> None:
    truth = boxes([(1, 0, 0, 50, 100, 1), (1, 100, 0, 50, 100, 1), (2, 0, 0, 50, 100, 1), (3, 0, 0, 50, 100, 1)])
    found = boxes([(1, 0, 0, 50, 100, 0.9), (2, 500, 0, 50, 100, 0.8), (1, 100, 0, 50, 100, 0.7), (4, *SQUARE, 0.6)])
    score = evaluate_detections(found, truth)["all"]
    threshold, precision, recall = score.curve()
    np.testing.assert_array_equal(threshold, [0.9, 0.8, 0.7, 0.6])
    np.testing.assert_allclose(precision, [1, 1 / 2, 2 / 3, 2 / 4])
    np.testing.assert_allclose(recall, [1 / 4, 1 / 4, 2 / 4, 2 / 4])
    assert score.ap == pytest.approx(1 / 4 * 1 + 1 / 4 * 2 / 3)
    assert score.ap11 == pytest.approx((3 * 1 + 3 * 2 / 3) / 11)  # recalls 0, 0.1, 0.2; then 0.3, 0.4, 0.5
    assert score.best_f1 == (pytest.approx(2 * 2 / (4 + 3)), 0.7)
    assert (score.recall, score.precision) == (0.5, 0.5)


def test_duplicate_detections_are_false_positives() -> None:
    truth = boxes([(1, *SQUARE, 1)])
    found = boxes([(1, *SQUARE, 0.5), (1, 0, 0, 50, 90, 0.9)])  # the higher score is matched, not the higher IoU
    score = evaluate_detections(found, truth)["all"]
    assert sorted(zip(score.score, score.is_tp, strict=True)) == [(0.5, False), (0.9, True)]


def test_any_number_of_detections_on_ignored_boxes_is_ignored() -> None:
    people = boxes([(1, *SQUARE, 1), (1, 200, 0, 50, 100, 0)])
    static = boxes([(1, 400, 0, 50, 100, 0)], class_id=7)
    found = boxes([(1, x, y, 50, 100, s) for x in (0, 200, 400) for y, s in ((0, 0.9), (5, 0.8))])
    score = evaluate_detections(found, concatenate(people, static))["all"]
    assert (score.tp, len(score.is_tp), score.num_gt, score.ignored) == (1, 2, 1, 4)


def test_targets_are_preferred_to_ignored_boxes() -> None:
    truth = concatenate(boxes([(1, 0, 0, 50, 80, 1)]), boxes([(1, *SQUARE, 0)], class_id=12))
    score = evaluate_detections(boxes([(1, *SQUARE, 1)]), truth)["all"]
    assert (score.tp, score.ignored) == (1, 0)


def test_detections_inside_a_crowd_region_are_ignored() -> None:
    region = boxes([(1, 0, 0, 500, 500, 0)], class_id=13)
    found = boxes([(1, 20, 20, 50, 100, 0.9), (1, 470, 20, 50, 100, 0.8), (1, 480, 20, 50, 100, 0.7)])
    score = evaluate_detections(found, region)["all"]
    assert (len(score.is_tp), score.ignored) == (1, 2)  # 40 % of the last lies inside


def test_sizes_by_hand() -> None:
    truth = boxes([(1, 0, 0, 50, 100, 1), (1, 300, 0, 100, 200, 1)])  # 5,000 px² small, 20,000 medium
    found = boxes([(1, 0, 0, 61, 100, 0.9), (1, 300, 0, 100, 200, 0.8), (1, 600, 0, 200, 300, 0.7)])
    scores = evaluate_detections(found, truth)
    assert {name: (s.num_gt, s.tp, len(s.is_tp), s.ignored) for name, s in scores.items()} == {
        "all": (2, 2, 3, 0),
        "small": (1, 1, 1, 2),  # its detection has 6,100 px², but is a true positive
        "medium": (1, 1, 1, 2),  # and not a false positive of medium size
        "large": (0, 0, 1, 2),
    }


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_the_definition(seed: int) -> None:
    detections, truth = crowd(seed)
    scores = evaluate_detections(detections, truth)
    for name, (low, high) in SIZES.items():
        is_tp, num_gt, ignored = evaluate_literally(detections, truth, low, high)
        assert (scores[name].is_tp.tolist(), scores[name].num_gt, scores[name].ignored) == (is_tp, num_gt, ignored)


def test_the_order_of_rows_does_not_matter() -> None:
    detections, truth = crowd(7)
    mixed = detections[np.random.default_rng(0).permutation(len(detections))]
    mixed = mixed[np.argsort(mixed.frame, kind="stable")]
    for one, other in zip(
        evaluate_detections(detections, truth).values(), evaluate_detections(mixed, truth).values(), strict=True
    ):
        assert one.metrics() == other.metrics()


def test_sequences_add() -> None:
    (one, one_truth), (other, other_truth) = crowd(1), crowd(2)
    later = (
        dataclasses.replace(other, frame=other.frame + 100),
        dataclasses.replace(other_truth, frame=other_truth.frame + 100),
    )
    both = evaluate_detections(concatenate(one, later[0]), concatenate(one_truth, later[1]))
    parts = evaluate_detections(one, one_truth), evaluate_detections(other, other_truth)
    for name in SIZES:
        assert sum((part[name] for part in parts), PrecisionRecall()).metrics() == both[name].metrics()


def test_empty_input() -> None:
    nothing = boxes([])
    some = boxes([(1, *SQUARE, 0.5)])
    assert all(isnan(v) for v in (PrecisionRecall().ap, PrecisionRecall().recall, PrecisionRecall().precision))
    assert evaluate_detections(nothing, some)["all"].ap == 0.0
    assert evaluate_detections(nothing, some)["all"].metrics()["threshold"] is None
    assert evaluate_detections(some, nothing)["all"].precision == 0.0
    assert evaluate_detections(some, nothing)["all"].metrics()["AP"] is None
    assert evaluate_detections(nothing, nothing)["all"].metrics()["GT"] == 0


def test_match_greedily() -> None:
    i, j = np.array([0, 0, 1, 1, 2]), np.array([5, 6, 5, 6, 6])
    assert sorted(match_greedily(i, j).tolist()) == [0, 3]  # 0 matches 5, so that 1 matches 6, and 2 is unmatched


def test_public_detections_of_a_real_sequence(shared: Path) -> None:
    folder = shared / "data/MOT17/train/MOT17-09-FRCNN"
    detections, truth = (np.loadtxt(folder / name, delimiter=",") for name in ("det/det.txt", "gt/gt.txt"))
    found = boxes([tuple(row) for row in detections[:, [0, 2, 3, 4, 5, 6]]])
    marked = boxes([tuple(row) for row in truth[:, [0, 2, 3, 4, 5, 6]]])
    classes = truth[np.argsort(truth[:, 0], kind="stable"), 7].astype(int)
    score = evaluate_detections(found, dataclasses.replace(marked, class_id=classes))["all"]
    assert (score.num_gt, score.tp, len(score.is_tp), score.ignored) == (5325, 3025, 3049, 0)
    assert score.ap == pytest.approx(0.5679, abs=1e-4)
