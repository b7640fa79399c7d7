"""Assignment among candidate pairs, against the full matrix and by hand."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from idfree.trackers.association import Matches, assign, assign_then_drop, greedy


def pairs(matrix):
    """Candidate pairs of a cost matrix; NaN: not a candidate."""
    matrix = np.array(matrix, dtype=float)
    i, j = np.nonzero(np.isfinite(matrix))
    return i, j, matrix[i, j]


def matched(solver, matrix, limit):
    i, j, cost = pairs(matrix)
    chosen = solver(i, j, cost, limit)
    return sorted(zip(i[chosen].tolist(), j[chosen].tolist(), strict=True))


def test_clamping_and_dropping_differ():
    """One good pair (0.1) against two barely allowed ones (0.45): with a limit of 0.5, the good one wins where costs
    above the limit count as the limit; solved among all, the two do, as 0.45 + 0.45 < 0.1 + 0.95."""
    cost = [[0.1, 0.45], [0.45, 0.95]]
    assert matched(assign, cost, 0.5) == [(0, 0)]
    assert matched(assign_then_drop, cost, 0.5) == [(0, 1), (1, 0)]


def test_solving_first_may_leave_a_track_alone():
    """SORT's order: the optimum over all pairs first; a pair above the limit is dropped, and not replaced."""
    cost = [[0.6, 0.2], [np.nan, 0.3]]  # 0.6 + 0.3 < 0.2 + 1
    assert matched(assign_then_drop, cost, 0.5) == [(1, 1)]
    assert matched(assign, cost, 0.5) == [(0, 1)]


def test_a_cost_at_the_limit_matches():
    assert matched(assign, [[0.5]], 0.5) == [(0, 0)]
    assert matched(assign_then_drop, [[0.5]], 0.5) == [(0, 0)]
    assert matched(greedy, [[0.5]], 0.5) == [(0, 0)]


def test_greedy_takes_the_cheapest_first():
    cost = [[0.1, 0.2, 0.9], [0.15, 0.8, np.nan], [np.nan, 0.3, 0.4]]
    assert matched(greedy, cost, 0.85) == [(0, 0), (2, 1)]


@pytest.mark.parametrize("solver", [assign, assign_then_drop, greedy])
def test_no_candidates(solver):
    assert matched(solver, np.zeros((0, 0)), 0.5) == []
    assert matched(solver, [[np.nan, np.nan]], 0.5) == []


@given(st.integers(0, 9), st.integers(0, 9), st.floats(0.1, 1), st.floats(0, 1), st.integers(0, 10**6))
def test_as_the_full_matrix(rows, columns, limit, density, seed):
    rng = np.random.default_rng(seed)
    cost = np.where(rng.random((rows, columns)) < density, rng.random((rows, columns)), np.nan)
    clamped = np.nan_to_num(np.minimum(cost - limit, 0))
    i, j = linear_sum_assignment(clamped)
    ours = matched(assign, cost, limit)
    assert sum(cost[p] - limit for p in ours) == pytest.approx(clamped[i, j].sum(), abs=1e-3)
    assert all(cost[p] <= limit for p in ours)
    assert len({p for p, _ in ours}) == len({q for _, q in ours}) == len(ours)

    everything = np.nan_to_num(cost, nan=1.0)
    i, j = linear_sum_assignment(everything)
    expected = sorted((int(p), int(q)) for p, q in zip(i, j, strict=True) if cost[p, q] <= limit)
    assert matched(assign_then_drop, cost, limit) == expected


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 10**6))
def test_greedy_as_a_plain_loop(rows, columns, seed):
    cost = np.random.default_rng(seed).random((rows, columns))
    expected, left = [], sorted((cost[p, q], p, q) for p in range(rows) for q in range(columns) if cost[p, q] <= 0.7)
    while left:
        _, p, q = left[0]
        expected.append((p, q))
        left = [entry for entry in left if entry[1] != p and entry[2] != q]
    assert matched(greedy, cost, 0.7) == sorted(expected)


def test_matching_in_passes():
    decided: Counter[str] = Counter()
    matching = Matches(np.array([0, 0, 1]), np.array([0, 1, 0]), decided)
    i, j, cost = pairs([[0.1, 0.0, 0.3], [0.2, 0.0, 0.4], [0.0, 0.6, 0.0]])
    matching.match(i, j, cost, 0.25, by="appearance", among=np.array([True, False, True]))
    assert matching.detection_of.tolist() == [0, -1, -1]  # track 2 is of another class than detections 0 and 2
    matching.match(i, j, cost, 0.7, by="overlap")
    assert matching.detection_of.tolist() == [0, 2, 1]
    assert matching.free_detections.tolist() == []
    assert decided == {"appearance": 1, "overlap": 2}
