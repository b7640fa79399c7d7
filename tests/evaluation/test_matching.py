"""The matching of all frames at once equals SciPy's per frame, including ties."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from idfree.evaluation.alignment import Alignment
from idfree.evaluation.matching import max_other_weight, max_weight_matching


def make_alignment(sizes: list[tuple[int, int]], rng: np.random.Generator, density: float) -> Alignment:
    """Frames with these numbers of ground truth and tracker boxes; density: fraction of pairs that overlap."""
    gt_frame, tracker_frame = (np.repeat(np.arange(len(sizes)), [size[k] for size in sizes]) for k in (0, 1))
    overlapping = (gt_frame[:, None] == tracker_frame) & (rng.random((len(gt_frame), len(tracker_frame))) < density)
    gt, tracker = np.nonzero(overlapping)
    ids = np.arange(len(gt_frame)), np.arange(len(tracker_frame))
    pairs, areas = np.ones(len(gt)), np.ones(len(gt_frame))
    return Alignment(len(sizes), gt_frame, ids[0], tracker_frame, ids[1], gt, tracker, pairs, areas)


@pytest.mark.parametrize("levels", [2, 5, 10**9])
@pytest.mark.parametrize("density", [0.2, 0.7])
def test_equals_scipy_per_frame(levels: int, density: float) -> None:
    rng = np.random.default_rng(levels)
    alignment = make_alignment([(int(g), int(t)) for g, t in rng.integers(0, 9, (200, 2))], rng, density)
    weight = rng.integers(0, levels, len(alignment.gt_row)) / levels
    expected = np.zeros(len(weight), dtype=bool)
    for frame in range(alignment.num_frames):
        pairs = alignment.pairs_in(frame)
        matrix = alignment.to_matrix(frame, weight[pairs])
        chosen = np.zeros(matrix.shape, dtype=bool)
        chosen[linear_sum_assignment(-matrix)] = True
        expected[pairs] = chosen.ravel()[alignment.flat_index[pairs]] & (weight[pairs] > 0)
    np.testing.assert_array_equal(max_weight_matching(alignment, weight), expected)
    relevant = rng.random(len(weight)) < 0.3
    np.testing.assert_array_equal(max_weight_matching(alignment, weight, relevant)[relevant], expected[relevant])


def test_frames_with_dominant_pairs_need_no_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dominant pair, and a pair that it leaves alone, need no solver; two pairs that outweigh a third do."""
    solved = []
    monkeypatch.setattr(
        "idfree.evaluation.matching.match_frame",
        lambda alignment, frame, weight: solved.append(frame) or np.zeros(len(weight), dtype=bool),
    )
    rows = np.array([0, 0, 1, 2, 2, 3])
    alignment = Alignment(
        *(2, np.array([0, 0, 1, 1]), np.arange(4), np.array([0, 0, 1, 1]), np.arange(4), rows, rows),
        *(np.ones(6), np.ones(4)),
    )
    alignment = Alignment(**{**vars(alignment), "tracker_row": np.array([0, 1, 1, 2, 3, 3])})
    assert max_weight_matching(alignment, np.array([0.9, 0.3, 0.4, 0.6, 0.7, 0.6]))[:3].tolist() == [True, False, True]
    assert solved == [1]


def test_max_other_weight() -> None:
    group, weight = np.array([4, 1, 4, 4, 0, 1]), np.array([3.0, 2.0, 3.0, 1.0, 7.0, 5.0])
    assert max_other_weight(group, weight).tolist() == [3.0, 5.0, 3.0, 3.0, 0.0, 2.0]
    assert max_other_weight(group[:0], weight[:0]).tolist() == []
