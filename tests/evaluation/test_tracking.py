"""All tracking metrics: published values of a tracker on twelve sequences, sums, classes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.evaluation.frame_subset import select_half
from idfree.evaluation.tracking import Scores, compute_metrics, evaluate, evaluate_classes
from idfree.sequences.motchallenge import read_ground_truth, read_results, read_seqinfo

Annotate = Callable[[Any], Annotation]

SEQUENCES = [
    f"MOT17-{number}-{detector}" for number in ("02", "04", "09", "10") for detector in ("DPM", "FRCNN", "SDP")
]
PERSON, CAR = [0, 0, 10, 20], [100, 0, 40, 20]


@pytest.mark.parametrize("name", SEQUENCES)
def test_published_metrics(shared: Path, name: str) -> None:
    """TrackEval's metrics of a published tracker: counts are equal, ratios up to rounding."""
    folder = shared / "data/MOT17/train" / name
    truth, results = read_ground_truth(folder / "gt/gt.txt"), read_results(shared / f"data/reference/lif_t/{name}.txt")
    metrics = compute_metrics(evaluate(truth, results, frames=read_seqinfo(folder).length))
    expected = json.loads((shared / "data/reference/lif_t_trackeval.json").read_text())[name]
    assert {metric: metrics[metric] for metric in expected} == pytest.approx(expected, rel=1e-12)
    counts = [metric for metric in expected if isinstance(metrics[metric], int)]
    assert {metric: metrics[metric] for metric in counts} == {metric: expected[metric] for metric in counts}
    assert len(counts) == 15


def walk(frames: int, number: int, box: list[float], kind: int = 1) -> list[list[float]]:
    """Rows of an object that moves to the right."""
    return [[frame, number, box[0] + frame, *box[1:], 1, kind] for frame in range(1, frames + 1)]


def test_scores_add(annotate: Annotate) -> None:
    perfect = evaluate(annotate(walk(6, 1, PERSON)), annotate(walk(6, 4, PERSON)))
    missed = evaluate(annotate(walk(6, 1, PERSON)), annotate([]))
    both = compute_metrics(sum([perfect, missed], Scores()))
    assert {
        compute_metrics(perfect)[name] for name in ("HOTA", "MOTA", "MOTP", "IDF1", "MTR", "OWTA", "HOTALocA(0)")
    } == {1.0}
    assert (both["MOTA"], both["IDR"], both["DetA"], both["AssA"], both["MLR"]) == (0.5, 0.5, 0.5, 1.0, 0.5)
    assert both["HOTA"] == pytest.approx(np.sqrt(0.5))
    assert (both["Dets"], both["GT_Dets"], both["IDs"], both["GT_IDs"], both["Frames"]) == (6, 12, 1, 2, 12)
    assert json.loads(json.dumps(both)) == both


def test_renaming_identities_changes_nothing(annotate: Annotate) -> None:
    rng = np.random.default_rng(3)
    truth = [row for k in range(5) for row in walk(9, k, [20 * k, 0, 18, 30])]
    results = [[f, i, *(np.array(box) + rng.normal(0, 3, 4)), m, c] for f, i, *box, m, c in truth if rng.random() < 0.8]
    renamed = [[f, 1000 - 7 * i, *rest] for f, i, *rest in results]
    expected = compute_metrics(evaluate(annotate(truth), annotate(results)))
    assert compute_metrics(evaluate(annotate(truth), annotate(renamed))) == pytest.approx(expected, rel=1e-12)
    assert 0 < expected["HOTA"] < 1


def test_boxes_of_both_halves_add_up(annotate: Annotate) -> None:
    truth, results = annotate(walk(9, 1, PERSON)), annotate(walk(7, 1, PERSON))
    parts = [
        evaluate(
            select_half(truth, 9, part)[0], select_half(results, 9, part)[0], frames=select_half(truth, 9, part)[1]
        )
        for part in ("train", "val")
    ]
    metrics, whole = compute_metrics(sum(parts, Scores())), compute_metrics(evaluate(truth, results, frames=9))
    assert (metrics["CLR_TP"], metrics["CLR_FN"], metrics["GT_IDs"]) == (whole["CLR_TP"], whole["CLR_FN"], 2)


def test_classes_are_evaluated_separately(annotate: Annotate) -> None:
    """A tracked person, a car with a result of another class, and a dog that is not in the ground truth."""
    truth = annotate([*walk(4, 1, PERSON, 0), *walk(4, 2, CAR, 2)])
    results = annotate([*walk(4, 1, PERSON, 0), *walk(4, 2, CAR, 0), *walk(4, 3, [300, 0, 9, 9], 16)])
    by_class = evaluate_classes(truth, results)
    assert list(by_class) == [0, 2]
    person, car = (compute_metrics(scores) for scores in by_class.values())
    assert (person["CLR_TP"], person["CLR_FP"], car["CLR_TP"], car["CLR_FN"]) == (4, 4, 0, 4)
    together = compute_metrics(evaluate(truth, results))
    assert together["MOTA"] == 0.0
    assert (together["CLR_Re"], together["CLR_Pr"]) == (0.5, 0.5)


def test_class_numbers_are_ignored_if_there_is_one_class(annotate: Annotate) -> None:
    truth, results = annotate(walk(4, 1, PERSON, 3)), annotate(walk(4, 1, PERSON, 0))
    assert compute_metrics(evaluate(truth, results))["HOTA"] == 1
    assert list(evaluate_classes(truth, results)) == [3]


def test_no_class_in_common(annotate: Annotate) -> None:
    truth = annotate([*walk(4, 1, PERSON, 0), *walk(4, 2, CAR, 2)])
    with pytest.raises(UserError, match=r"r\.txt: its classes are 7, those of the truth 0, 2"):
        evaluate(truth, annotate(walk(4, 1, PERSON, 7)), names=("t.txt", "r.txt"))
