"""The single mistakes, by hand, and as many of them as CLEAR counts."""

import numpy as np

from idfree.core.types import Annotation
from idfree.evaluation.clear import count_clear
from idfree.evaluation.mistakes import find_mistakes
from idfree.evaluation.preprocess import preprocess


def boxes(*rows: tuple[float, ...]) -> Annotation:
    """Rows (frame, id, x, mark): boxes of 10 × 10 pixels."""
    table = np.array(rows, dtype=float).reshape(-1, 4)
    x, one = table[:, 2], np.ones(len(table))
    xyxy = np.stack([x, 0 * x, x + 10, 0 * x + 10], axis=1)
    return Annotation(table[:, 0].astype(int), table[:, 1].astype(int), xyxy, table[:, 3], one.astype(int), one)


def test_one_of_each():
    """One person who is seen as 7, missed, seen as 8, with a false positive beside; an ignored person is not missed."""
    truth = boxes((1, 1, 0, 1), (1, 2, 200, 0), (2, 1, 0, 1), (3, 1, 0, 1))
    results = boxes((1, 7, 0, 1), (2, 8, 100, 1), (3, 8, 0, 1))
    found = find_mistakes(truth, results, 3, ("truth", "results"))
    assert found.missed.tolist() == [2]
    assert found.false_positive.tolist() == [1]
    assert (found.switched.tolist(), found.switched_from.tolist()) == ([2], [0])


def test_nothing_is_found():
    truth, nothing = boxes((1, 1, 0, 1)), boxes()
    assert find_mistakes(truth, nothing, 1, ("", "")).missed.tolist() == [0]
    assert find_mistakes(nothing, truth, 1, ("", "")).false_positive.tolist() == [0]


def test_as_many_as_clear_counts():
    random = np.random.default_rng(0)
    sides = [
        boxes(
            *(
                (f, i, 30 * (i + s * (random.random() < 0.2)), random.random() < 0.9)
                for f in range(1, 30)
                for i in range(6)
            )
        )
        for s in (0, 1)
    ]
    found = find_mistakes(*sides, 29, ("", ""))
    counts = count_clear(preprocess(*sides, "auto", 29))
    assert counts.idsw > 0
    assert (len(found.missed), len(found.false_positive), len(found.switched)) == (counts.fn, counts.fp, counts.idsw)
