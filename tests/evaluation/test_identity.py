"""Identity metrics on scenes counted by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np

from idfree.core.types import Annotation
from idfree.evaluation.identity import Identity, count_identity
from idfree.evaluation.preprocess import preprocess

Annotate = Callable[[Any], Annotation]


def stand_still(number: int, frames: Any, left: float = 0) -> list[list[float]]:
    """Rows of a person who does not move."""
    return [[frame, number, left, 0, 10, 20] for frame in frames]


def test_the_longer_fragment_is_assigned(annotate: Annotate) -> None:
    truth, results = stand_still(1, range(1, 11)), [*stand_still(4, range(1, 7)), *stand_still(9, range(7, 10))]
    counts = count_identity(preprocess(annotate(truth), annotate(results), "plain"))
    assert counts == Identity(idtp=6, idfn=4, idfp=3)
    assert (counts.idr, counts.idp, counts.idf1) == (0.6, 6 / 9, 6 / 9.5)


def test_the_assignment_is_global(annotate: Annotate) -> None:
    """Track 1 covers person 1 for five frames and person 2 for four; track 2 covers person 1 for four: 4 + 4 > 5."""
    truth = [*stand_still(1, range(1, 10)), *stand_still(2, range(1, 10), left=100)]
    results = [*stand_still(1, range(1, 6)), *stand_still(1, range(6, 10), left=100), *stand_still(2, range(6, 10))]
    assert count_identity(preprocess(annotate(truth), annotate(results), "plain")) == Identity(idtp=8, idfn=10, idfp=5)


def test_without_ground_truth_or_results(annotate: Annotate) -> None:
    empty, some = annotate([]), annotate(stand_still(1, [1, 2]))
    assert count_identity(preprocess(empty, empty, "plain")) == Identity()
    assert count_identity(preprocess(some, empty, "plain")) == Identity(idfn=2)
    assert count_identity(preprocess(empty, some, "plain")) == Identity(idfp=2)
    assert Identity(idfp=2).idf1 == 0
    assert sum([Identity(1, 2, 3), Identity(4, 5, 6)], Identity()) == Identity(5, 7, 9)


def test_iou_threshold(annotate: Annotate) -> None:
    wide = annotate([[1, 1, 0, 0, 10, 20]])
    for height, matched in ((10, 1), (np.nextafter(10, 0), 0)):  # without the tolerance of CLEAR
        counts = count_identity(preprocess(wide, annotate([[1, 1, 0, 0, 10, height]]), "plain"))
        assert counts.idtp == matched
