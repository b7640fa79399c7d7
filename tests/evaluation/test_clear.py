"""CLEAR on scenes small enough to count by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from idfree.core.types import Annotation
from idfree.evaluation.clear import Clear, clear
from idfree.evaluation.preprocess import prepare

Annotate = Callable[[Any], Annotation]


def count(annotate: Annotate, truth: Any, results: Any, frames: int | None = None) -> Clear:
    return clear(prepare(annotate(truth), annotate(results), "plain", frames))


def stay(identity: int, frames: Any, left: float = 0) -> list[list[float]]:
    """Somebody who stands still."""
    return [[frame, identity, left, 0, 10, 20] for frame in frames]


def test_switches_and_interruptions(annotate: Annotate) -> None:
    """Ten frames: track 1, then a gap of two, track 2, at once track 1 again; and one invented box."""
    results = [*stay(1, [1, 2, 3]), *stay(2, [6, 7]), *stay(1, [8, 9, 10]), *stay(3, [4], left=500)]
    counts = count(annotate, stay(1, range(1, 11)), results)
    assert counts == Clear(tp=8, fn=2, fp=1, idsw=2, mt=0, pt=1, ml=0, frag=1, iou=8.0, frames=10)
    assert counts.mota == pytest.approx(1 - (2 + 1 + 2) / 10)
    assert counts.moda == pytest.approx(0.7)
    assert counts.motal == pytest.approx((8 - 1 - np.log10(2)) / 10)
    assert (counts.motp, counts.recall, counts.precision, counts.f1) == (1.0, 0.8, 8 / 9, 8 / 9.5)
    assert (counts.ptr, counts.fp_per_frame) == (1.0, 0.1)


def test_a_pair_stays_together_though_another_fits_better(annotate: Annotate) -> None:
    truth = stay(1, range(1, 4))
    results = [*stay(1, [1]), *stay(1, [2, 3], left=3), *stay(2, [2, 3])]
    counts = count(annotate, truth, results)
    assert (counts.idsw, counts.fp) == (0, 2)
    assert counts.iou == pytest.approx(1 + 2 * 7 / 13)
    apart = [row for row in results if row[:2] != [2, 1]]  # track 1 is away in frame 2, and loses its claim
    assert count(annotate, truth, apart).idsw == 1


def test_frames_empty_of_results_do_not_part_a_pair(annotate: Annotate) -> None:
    """The official kit passes over frames without results: neither an interruption nor the end of a claim."""
    results = [*stay(1, [1]), *stay(1, [3], left=3), *stay(2, [3])]
    counts = count(annotate, stay(1, range(1, 4)), results)
    assert (counts.fn, counts.frag, counts.idsw) == (1, 0, 0)


@pytest.mark.parametrize(("seen", "kind"), [(10, "mt"), (9, "mt"), (8, "pt"), (2, "pt"), (1, "ml"), (0, "ml")])
def test_mostly(annotate: Annotate, seen: int, kind: str) -> None:
    results = [*stay(1, range(1, seen + 1)), *stay(2, [1], left=500)]
    counts = count(annotate, stay(1, range(1, 11)), results)
    assert {name: getattr(counts, name) for name in ("mt", "pt", "ml")} == {"mt": 0, "pt": 0, "ml": 0} | {kind: 1}


def test_half_overlap_is_enough(annotate: Annotate) -> None:
    for height, matched in ((10, 1), (9.9, 0)):
        assert count(annotate, [[1, 1, 0, 0, 10, 20]], [[1, 1, 0, 0, 10, height]]).tp == matched


def test_without_truth_or_results(annotate: Annotate) -> None:
    assert count(annotate, stay(1, [1, 2]), [], 5) == Clear(fn=2, ml=1)
    alone = count(annotate, [], stay(1, [1, 2]), 5)
    assert alone == Clear(fp=2)
    assert (alone.mota, alone.mlr, alone.fp_per_frame) == (0.0, 1.0, 0.0)
    together = alone + count(annotate, stay(1, range(1, 5)), stay(1, range(1, 5)))
    assert together.mota == 0.5
    assert sum([alone], Clear()).mota == -2.0
