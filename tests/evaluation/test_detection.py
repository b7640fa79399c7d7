"""Average precision: scenes worked by hand, and agreement with the plain reading of the definition."""

import dataclasses
from math import isnan
from pathlib import Path

import numpy as np
import pytest

from idfree.core.boxes import area, iou, xywh_to_xyxy
from idfree.core.types import Annotation
from idfree.evaluation.detection import SIZES, PrecisionRecall, by_size, first_come

SQUARE = (0, 0, 50, 100)  # 5,000 px²: small


def boxes(rows: list[tuple[float, ...]], class_id: int = 1) -> Annotation:
    """Rows of frame, x, y, w, h, score (mark)."""
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


def together(*parts: Annotation) -> Annotation:
    """Annotations of one sequence as one."""
    fields = [f.name for f in dataclasses.fields(Annotation) if f.name != "embedding"]
    whole = Annotation(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))
    return whole[np.argsort(whole.frame, kind="stable")]


def crowd(seed: int, frames: int = 30) -> tuple[Annotation, Annotation]:
    """Random detections about random people, with zero-marked ones and boxes of other classes."""
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


def judged_plainly(
    detections: Annotation, truth: Annotation, least: float, limit: float
) -> tuple[list[bool], int, int]:
    """The definition, box by box: hits of the judged detections by row, boxes to find, ignored."""
    wanted = (truth.score != 0) & (truth.class_id == 1)
    sized = (area(truth.xyxy) >= least) & (area(truth.xyxy) < limit)
    own_size = (area(detections.xyxy) >= least) & (area(detections.xyxy) < limit)
    overlap = iou(detections.xyxy, truth.xyxy) * (detections.frame[:, None] == truth.frame)
    turn = sorted(
        range(len(detections)),
        key=lambda d: (-detections.score[d], -max((o for o in overlap[d][wanted] if o >= 0.5), default=0), d),
    )
    taken: set[int] = set()
    verdict: dict[int, bool | None] = {}
    for d in turn:
        able = [t for t in range(len(truth)) if wanted[t] and overlap[d, t] >= 0.5 and t not in taken]
        if able:
            choice = min(able, key=lambda t: (not sized[t], -overlap[d, t]))
            taken.add(choice)
            verdict[d] = True if sized[choice] else None
        elif (overlap[d][~wanted] >= 0.5).any() or not own_size[d]:
            verdict[d] = None
        else:
            verdict[d] = False
    hits = [verdict[d] for d in range(len(detections)) if verdict[d] is not None]
    return hits, int((wanted & sized).sum()), len(detections) - len(hits)


def test_perfect_detections_score_one() -> None:
    _, truth = crowd(0)
    score = by_size(truth, truth)["all"]
    assert score.ap == score.recall == score.precision == score.best_f1[0] == 1.0
    assert score.ap11 == 1.0
    assert score.ignored == ((truth.score == 0) | (truth.class_id != 1)).sum()


def test_curve_by_hand() -> None:
    truth = boxes([(1, 0, 0, 50, 100, 1), (1, 100, 0, 50, 100, 1), (2, 0, 0, 50, 100, 1), (3, 0, 0, 50, 100, 1)])
    found = boxes([(1, 0, 0, 50, 100, 0.9), (2, 500, 0, 50, 100, 0.8), (1, 100, 0, 50, 100, 0.7), (4, *SQUARE, 0.6)])
    score = by_size(found, truth)["all"]
    threshold, precision, recall = score.curve()
    np.testing.assert_array_equal(threshold, [0.9, 0.8, 0.7, 0.6])
    np.testing.assert_allclose(precision, [1, 1 / 2, 2 / 3, 2 / 4])
    np.testing.assert_allclose(recall, [1 / 4, 1 / 4, 2 / 4, 2 / 4])
    assert score.ap == pytest.approx(1 / 4 * 1 + 1 / 4 * 2 / 3)
    assert score.ap11 == pytest.approx((3 * 1 + 3 * 2 / 3) / 11)  # recalls 0, 0.1, 0.2; then 0.3, 0.4, 0.5
    assert score.best_f1 == (pytest.approx(2 * 2 / (4 + 3)), 0.7)
    assert (score.recall, score.precision) == (0.5, 0.5)


def test_a_second_detection_of_one_person_is_false() -> None:
    truth = boxes([(1, *SQUARE, 1)])
    found = boxes([(1, *SQUARE, 0.5), (1, 0, 0, 50, 90, 0.9)])  # the one of higher score comes first, not the better
    score = by_size(found, truth)["all"]
    assert sorted(zip(score.score, score.hit, strict=True)) == [(0.5, False), (0.9, True)]


def test_what_is_no_person_takes_in_any_number_of_detections() -> None:
    people = boxes([(1, *SQUARE, 1), (1, 200, 0, 50, 100, 0)])
    static = boxes([(1, 400, 0, 50, 100, 0)], class_id=7)
    found = boxes([(1, x, y, 50, 100, s) for x in (0, 200, 400) for y, s in ((0, 0.9), (5, 0.8))])
    score = by_size(found, together(people, static))["all"]
    assert (score.hits, len(score.hit), score.truth, score.ignored) == (1, 2, 1, 4)


def test_a_person_is_preferred_to_what_is_ignored() -> None:
    truth = together(boxes([(1, 0, 0, 50, 80, 1)]), boxes([(1, *SQUARE, 0)], class_id=12))
    score = by_size(boxes([(1, *SQUARE, 1)]), truth)["all"]
    assert (score.hits, score.ignored) == (1, 0)


def test_a_crowd_region_takes_in_what_lies_inside_it() -> None:
    region = boxes([(1, 0, 0, 500, 500, 0)], class_id=13)
    found = boxes([(1, 20, 20, 50, 100, 0.9), (1, 470, 20, 50, 100, 0.8), (1, 480, 20, 50, 100, 0.7)])
    score = by_size(found, region)["all"]
    assert (len(score.hit), score.ignored) == (1, 2)  # 40 % of the last lies inside


def test_sizes_by_hand() -> None:
    truth = boxes([(1, 0, 0, 50, 100, 1), (1, 300, 0, 100, 200, 1)])  # 5,000 px² small, 20,000 medium
    found = boxes([(1, 0, 0, 61, 100, 0.9), (1, 300, 0, 100, 200, 0.8), (1, 600, 0, 200, 300, 0.7)])
    scores = by_size(found, truth)
    assert {name: (s.truth, s.hits, len(s.hit), s.ignored) for name, s in scores.items()} == {
        "all": (2, 2, 3, 0),
        "small": (1, 1, 1, 2),  # the detection that found it is of 6,100 px²: still a hit
        "medium": (1, 1, 1, 2),  # and not a false one among the medium
        "large": (0, 0, 1, 2),
    }


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_the_plain_definition(seed: int) -> None:
    detections, truth = crowd(seed)
    scores = by_size(detections, truth)
    for name, (least, limit) in SIZES.items():
        hits, to_find, ignored = judged_plainly(detections, truth, least, limit)
        assert (scores[name].hit.tolist(), scores[name].truth, scores[name].ignored) == (hits, to_find, ignored)


def test_the_order_of_rows_does_not_matter() -> None:
    detections, truth = crowd(7)
    mixed = detections[np.random.default_rng(0).permutation(len(detections))]
    mixed = mixed[np.argsort(mixed.frame, kind="stable")]
    for one, other in zip(by_size(detections, truth).values(), by_size(mixed, truth).values(), strict=True):
        assert one.figures() == other.figures()


def test_sequences_add() -> None:
    (one, one_truth), (other, other_truth) = crowd(1), crowd(2)
    later = (
        dataclasses.replace(other, frame=other.frame + 100),
        dataclasses.replace(other_truth, frame=other_truth.frame + 100),
    )
    both = by_size(together(one, later[0]), together(one_truth, later[1]))
    parts = by_size(one, one_truth), by_size(other, other_truth)
    for name in SIZES:
        assert sum((part[name] for part in parts), PrecisionRecall()).figures() == both[name].figures()


def test_emptiness() -> None:
    nothing = boxes([])
    some = boxes([(1, *SQUARE, 0.5)])
    assert all(isnan(v) for v in (PrecisionRecall().ap, PrecisionRecall().recall, PrecisionRecall().precision))
    assert by_size(nothing, some)["all"].ap == 0.0
    assert by_size(nothing, some)["all"].figures()["threshold"] is None
    assert by_size(some, nothing)["all"].precision == 0.0
    assert by_size(some, nothing)["all"].figures()["AP"] is None
    assert by_size(nothing, nothing)["all"].figures()["GT"] == 0


def test_first_come_takes_in_order() -> None:
    i, j = np.array([0, 0, 1, 1, 2]), np.array([5, 6, 5, 6, 6])
    assert sorted(first_come(i, j).tolist()) == [0, 3]  # 0 takes 5, so that 1 takes 6, and nothing is left for 2


def test_public_detections_of_a_real_sequence(shared: Path) -> None:
    folder = shared / "data/MOT17/train/MOT17-09-FRCNN"
    detections, truth = (np.loadtxt(folder / name, delimiter=",") for name in ("det/det.txt", "gt/gt.txt"))
    found = boxes([tuple(row) for row in detections[:, [0, 2, 3, 4, 5, 6]]])
    marked = boxes([tuple(row) for row in truth[:, [0, 2, 3, 4, 5, 6]]])
    classes = truth[np.argsort(truth[:, 0], kind="stable"), 7].astype(int)
    score = by_size(found, dataclasses.replace(marked, class_id=classes))["all"]
    assert (score.truth, score.hits, len(score.hit), score.ignored) == (5325, 3025, 3049, 0)
    assert score.ap == pytest.approx(0.5679, abs=1e-4)
