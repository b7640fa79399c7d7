"""Within-class covariance normalisation: identity without evidence, white with much of it."""

import numpy as np
import pytest

from idfree.appearance.whitening import ENOUGH, within_class_whitening

PAIRS = np.arange(0, 4000, 2), np.arange(1, 4000, 2)


@pytest.fixture
def vectors() -> np.ndarray:
    """Pairs that differ ten times as much in the first direction as in the second."""
    return np.random.default_rng(0).normal(size=(4000, 2)) * [10, 1]


def test_without_pairs_nothing_changes(vectors):
    none = np.zeros(0, dtype=np.int64)
    assert np.array_equal(within_class_whitening(vectors, none, none, 0), np.eye(2))


def test_many_classes_make_all_directions_vary_equally(vectors):
    white = vectors @ within_class_whitening(vectors, *PAIRS, classes=10**6)
    assert white.std(axis=0)[0] == pytest.approx(white.std(axis=0)[1], rel=0.1)


def test_few_classes_change_little(vectors):
    few, half, many = (within_class_whitening(vectors, *PAIRS, classes=n) for n in (1, ENOUGH, 10**6))
    ratio = [matrix[1, 1] / matrix[0, 0] for matrix in (few, half, many)]
    assert 1 < ratio[0] < ratio[1] < ratio[2]
    assert ratio[0] < 1.1
    assert np.allclose(few, few.T)
