"""HOTA on scenes counted by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from idfree.core.types import Annotation
from idfree.evaluation.hota import ALPHAS, Hota, count_hota
from idfree.evaluation.preprocess import preprocess

Annotate = Callable[[Any], Annotation]


def count(annotate: Annotate, truth: Any, results: Any) -> Hota:
    return count_hota(preprocess(annotate(truth), annotate(results), "plain"))


def stand_still(number: int, frames: Any, left: float = 0) -> list[list[float]]:
    """Rows of a person who does not move."""
    return [[frame, number, left, 0, 10, 20] for frame in frames]


def test_perfect(annotate: Annotate) -> None:
    truth = [*stand_still(1, range(1, 5)), *stand_still(2, range(2, 9), left=4)]
    counts = count(annotate, truth, [[frame, 7 - number, *box] for frame, number, *box in truth])
    for ratio in ("hota", "det_a", "ass_a", "det_re", "det_pr", "ass_re", "ass_pr", "loc_a", "owta"):
        np.testing.assert_array_equal(getattr(counts, ratio), np.ones(19), err_msg=ratio)


def test_fragmented_track(annotate: Annotate) -> None:
    """Six and four of ten frames: the Jaccard index of each part with the ground truth track is 0.6 and 0.4."""
    counts = count(
        annotate, stand_still(1, range(1, 11)), [*stand_still(1, range(1, 7)), *stand_still(2, range(7, 11))]
    )
    assert counts.det_a[0] == 1
    assert counts.ass_a[0] == pytest.approx((6 * 0.6 + 4 * 0.4) / 10)
    assert counts.ass_re[0] == counts.ass_a[0]
    assert counts.ass_pr[0] == 1
    assert counts.hota[0] == pytest.approx(np.sqrt(0.52))


def test_iou_thresholds(annotate: Annotate) -> None:
    """A box of IoU 0.5 matches up to the threshold 0.5, the tenth of 19, with LocA 0.5."""
    counts = count(annotate, [[1, 1, 0, 0, 10, 20]], [[1, 1, 0, 0, 10, 10]])
    np.testing.assert_array_equal(counts.tp, ALPHAS < 0.51)
    np.testing.assert_array_equal(counts.fn, ALPHAS > 0.51)
    np.testing.assert_array_equal(counts.fp, ALPHAS > 0.51)
    np.testing.assert_array_equal(counts.loc_a, np.where(ALPHAS < 0.51, 0.5, 1.0))


def test_longer_tracks_are_preferred_to_iou(annotate: Annotate) -> None:
    """In frame 5 another track has a larger IoU, but the track of all other frames is matched."""
    truth, track = (
        stand_still(1, range(1, 10)),
        [*stand_still(1, [1, 2, 3, 4, 6, 7, 8, 9]), *stand_still(1, [5], left=1)],
    )
    counts = count(annotate, truth, [*track, *stand_still(2, [5])])
    assert counts.iou_sum[0] == pytest.approx(8 + 9 / 11)
    assert counts.ass_pr[0] == 1


def test_without_ground_truth_or_results(annotate: Annotate) -> None:
    some = stand_still(1, [1, 2])
    for truth, results, fn, fp in (([], [], 0, 0), (some, [], 2, 0), ([], some, 0, 2)):
        counts = count(annotate, truth, results)
        assert (counts.tp[0], counts.fn[0], counts.fp[0]) == (0, fn, fp)
        assert (counts.hota[0], counts.ass_a[0], counts.loc_a[0]) == (0, 0, 1)


def test_counts_add(annotate: Annotate) -> None:
    """The sum of two sequences equals one sequence with both in turn, with distinct identities."""
    first, second = [*stand_still(1, [1, 2]), *stand_still(2, [3])], stand_still(8, [1, 3])
    truth = stand_still(5, [1, 2, 3])
    both = count(annotate, truth, first) + count(annotate, truth, second)
    shifted = [[[frame + 3, number + 10, *box] for frame, number, *box in rows] for rows in (truth, second)]
    joint = count(annotate, truth + shifted[0], first + shifted[1])
    for field in vars(joint):
        np.testing.assert_allclose(getattr(both, field), getattr(joint, field), err_msg=field)
