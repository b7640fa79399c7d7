"""CLEAR on scenes counted by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from idfree.core.types import Annotation
from idfree.evaluation.clear import Clear, count_clear
from idfree.evaluation.preprocess import preprocess

Annotate = Callable[[Any], Annotation]


def count(annotate: Annotate, truth: Any, results: Any, frames: int | None = None) -> Clear:
    return count_clear(preprocess(annotate(truth), annotate(results), "plain", frames))


def stand_still(identity: int, frames: Any, left: float = 0) -> list[list[float]]:
    """Rows of a person who does not move."""
    return [[frame, identity, left, 0, 10, 20] for frame in frames]


def test_switches_and_fragmentations(annotate: Annotate) -> None:
    """Ten frames: track 1, a gap of two frames, track 2, then track 1 again; and one false positive."""
    results = [
        *stand_still(1, [1, 2, 3]),
        *stand_still(2, [6, 7]),
        *stand_still(1, [8, 9, 10]),
        *stand_still(3, [4], left=500),
    ]
    counts = count(annotate, stand_still(1, range(1, 11)), results)
    by_size = {"idsw_small": 2, "gt_small": 10}
    assert counts == Clear(tp=8, fn=2, fp=1, idsw=2, mt=0, pt=1, ml=0, frag=1, iou_sum=8.0, frames=10, **by_size)
    assert counts.mota == pytest.approx(1 - (2 + 1 + 2) / 10)
    assert counts.moda == pytest.approx(0.7)
    assert counts.motal == pytest.approx((8 - 1 - np.log10(2)) / 10)
    assert (counts.motp, counts.recall, counts.precision, counts.f1) == (1.0, 0.8, 8 / 9, 8 / 9.5)
    assert (counts.ptr, counts.fp_per_frame) == (1.0, 0.1)


def test_previous_matches_are_preferred_to_iou(annotate: Annotate) -> None:
    truth = stand_still(1, range(1, 4))
    results = [*stand_still(1, [1]), *stand_still(1, [2, 3], left=3), *stand_still(2, [2, 3])]
    counts = count(annotate, truth, results)
    assert (counts.idsw, counts.fp) == (0, 2)
    assert counts.iou_sum == pytest.approx(1 + 2 * 7 / 13)
    apart = [row for row in results if row[:2] != [2, 1]]  # without track 1 in frame 2, its match ends
    assert count(annotate, truth, apart).idsw == 1


def test_frames_without_results_are_skipped(annotate: Annotate) -> None:
    """As in TrackEval, a frame without results is no fragmentation and does not end a match."""
    results = [*stand_still(1, [1]), *stand_still(1, [3], left=3), *stand_still(2, [3])]
    counts = count(annotate, stand_still(1, range(1, 4)), results)
    assert (counts.fn, counts.frag, counts.idsw) == (1, 0, 0)


@pytest.mark.parametrize(("frames", "kind"), [(10, "mt"), (9, "mt"), (8, "pt"), (2, "pt"), (1, "ml"), (0, "ml")])
def test_mostly_tracked_partly_tracked_mostly_lost(annotate: Annotate, frames: int, kind: str) -> None:
    results = [*stand_still(1, range(1, frames + 1)), *stand_still(2, [1], left=500)]
    counts = count(annotate, stand_still(1, range(1, 11)), results)
    assert {name: getattr(counts, name) for name in ("mt", "pt", "ml")} == {"mt": 0, "pt": 0, "ml": 0} | {kind: 1}


def test_iou_threshold(annotate: Annotate) -> None:
    for height, matched in ((10, 1), (9.9, 0)):
        assert count(annotate, [[1, 1, 0, 0, 10, 20]], [[1, 1, 0, 0, 10, height]]).tp == matched


def test_without_ground_truth_or_results(annotate: Annotate) -> None:
    assert count(annotate, stand_still(1, [1, 2]), [], 5) == Clear(fn=2, ml=1, gt_small=2)
    alone = count(annotate, [], stand_still(1, [1, 2]), 5)
    assert alone == Clear(fp=2)
    assert (alone.mota, alone.mlr, alone.fp_per_frame) == (0.0, 1.0, 0.0)
    together = alone + count(annotate, stand_still(1, range(1, 5)), stand_still(1, range(1, 5)))
    assert together.mota == 0.5
    assert sum([alone], Clear()).mota == -2.0
