"""Identity on scenes small enough to count by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np

from idfree.core.types import Annotation
from idfree.evaluation.identity import Identity, identity
from idfree.evaluation.preprocess import prepare

Annotate = Callable[[Any], Annotation]


def stay(number: int, frames: Any, left: float = 0) -> list[list[float]]:
    """Somebody who stands still."""
    return [[frame, number, left, 0, 10, 20] for frame in frames]


def test_the_longer_part_of_a_broken_track_counts(annotate: Annotate) -> None:
    truth, results = stay(1, range(1, 11)), [*stay(4, range(1, 7)), *stay(9, range(7, 10))]
    counts = identity(prepare(annotate(truth), annotate(results), "plain"))
    assert counts == Identity(idtp=6, idfn=4, idfp=3)
    assert (counts.idr, counts.idp, counts.idf1) == (0.6, 6 / 9, 6 / 9.5)


def test_pairs_are_chosen_for_the_whole_not_one_by_one(annotate: Annotate) -> None:
    """Track 1 covers truth 1 for five frames and truth 2 for four; track 2 covers truth 1 for four: 4 + 4 > 5."""
    truth = [*stay(1, range(1, 10)), *stay(2, range(1, 10), left=100)]
    results = [*stay(1, range(1, 6)), *stay(1, range(6, 10), left=100), *stay(2, range(6, 10))]
    assert identity(prepare(annotate(truth), annotate(results), "plain")) == Identity(idtp=8, idfn=10, idfp=5)


def test_nothing(annotate: Annotate) -> None:
    empty, some = annotate([]), annotate(stay(1, [1, 2]))
    assert identity(prepare(empty, empty, "plain")) == Identity()
    assert identity(prepare(some, empty, "plain")) == Identity(idfn=2)
    assert identity(prepare(empty, some, "plain")) == Identity(idfp=2)
    assert Identity(idfp=2).idf1 == 0
    assert sum([Identity(1, 2, 3), Identity(4, 5, 6)], Identity()) == Identity(5, 7, 9)


def test_agreement_needs_half_overlap(annotate: Annotate) -> None:
    wide = annotate([[1, 1, 0, 0, 10, 20]])
    for height, matched in ((10, 1), (np.nextafter(10, 0), 0)):  # without the slack that CLEAR allows
        counts = identity(prepare(wide, annotate([[1, 1, 0, 0, 10, height]]), "plain"))
        assert counts.idtp == matched
