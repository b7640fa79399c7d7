"""The matching of all frames at once is SciPy's, frame by frame, ties included."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from idfree.evaluation.alignment import Alignment
from idfree.evaluation.matching import best_other, heaviest


def scene_of(sizes: list[tuple[int, int]], rng: np.random.Generator, density: float) -> Alignment:
    """Frames of so many boxes of truth and results, a share of whose pairs touch."""
    gt_frame, tracker_frame = (np.repeat(np.arange(len(sizes)), [size[k] for size in sizes]) for k in (0, 1))
    touching = (gt_frame[:, None] == tracker_frame) & (rng.random((len(gt_frame), len(tracker_frame))) < density)
    gt, tracker = np.nonzero(touching)
    ids = np.arange(len(gt_frame)), np.arange(len(tracker_frame))
    return Alignment(len(sizes), gt_frame, ids[0], tracker_frame, ids[1], gt, tracker, np.ones(len(gt)))


@pytest.mark.parametrize("levels", [2, 5, 10**9])
@pytest.mark.parametrize("density", [0.2, 0.7])
def test_as_scipy_frame_by_frame(levels: int, density: float) -> None:
    rng = np.random.default_rng(levels)
    scene = scene_of([(int(g), int(t)) for g, t in rng.integers(0, 9, (200, 2))], rng, density)
    weight = rng.integers(0, levels, len(scene.gt)) / levels
    expected = np.zeros(len(weight), dtype=bool)
    for frame in range(scene.frames):
        pairs = scene.pairs_of(frame)
        dense = scene.dense(frame, weight[pairs])
        chosen = np.zeros(dense.shape, dtype=bool)
        chosen[linear_sum_assignment(-dense)] = True
        expected[pairs] = chosen.ravel()[scene.cell[pairs]] & (weight[pairs] > 0)
    np.testing.assert_array_equal(heaviest(scene, weight), expected)
    asked = rng.random(len(weight)) < 0.3
    np.testing.assert_array_equal(heaviest(scene, weight, asked)[asked], expected[asked])


def test_most_frames_decide_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clear pair, and what it leaves over, need no solver; two pairs that together outweigh a third do."""
    solved = []
    monkeypatch.setattr(
        "idfree.evaluation.matching.assigned",
        lambda scene, frame, weight: solved.append(frame) or np.zeros(len(weight), dtype=bool),
    )
    rows = np.array([0, 0, 1, 2, 2, 3])
    scene = Alignment(
        2, np.array([0, 0, 1, 1]), np.arange(4), np.array([0, 0, 1, 1]), np.arange(4), rows, rows, np.ones(6)
    )
    scene = Alignment(**{**vars(scene), "tracker": np.array([0, 1, 1, 2, 3, 3])})
    assert heaviest(scene, np.array([0.9, 0.3, 0.4, 0.6, 0.7, 0.6]))[:3].tolist() == [True, False, True]
    assert solved == [1]


def test_best_other() -> None:
    group, weight = np.array([4, 1, 4, 4, 0, 1]), np.array([3.0, 2.0, 3.0, 1.0, 7.0, 5.0])
    assert best_other(group, weight).tolist() == [3.0, 5.0, 3.0, 3.0, 0.0, 2.0]
    assert best_other(group[:0], weight[:0]).tolist() == []
