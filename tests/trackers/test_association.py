"""Assignment among candidate pairs, compared with the full cost matrix and with results by hand."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from idfree.trackers.association import Matches, assign, assign_greedily, assign_then_drop, solve_dense, solve_sparse


def pairs(matrix):
    """Candidate pairs of a cost matrix; NaN: not a candidate."""
    matrix = np.array(matrix, dtype=float)
    i, j = np.nonzero(np.isfinite(matrix))
    return i, j, matrix[i, j]


def matched(solver, matrix, max_cost):
    """The matched pairs (row, column), sorted."""
    i, j, cost = pairs(matrix)
    chosen = solver(i, j, cost, max_cost)
    return sorted(zip(i[chosen].tolist(), j[chosen].tolist(), strict=True))


def test_clamping_and_dropping_differ():
    """One good pair (0.1) against two barely allowed ones (0.45), maximum 0.5: the good one wins if costs are
    clamped to the maximum; the two win if solved among all, as 0.45 + 0.45 < 0.1 + 0.95."""
    cost = [[0.1, 0.45], [0.45, 0.95]]
    assert matched(assign, cost, 0.5) == [(0, 0)]
    assert matched(assign_then_drop, cost, 0.5) == [(0, 1), (1, 0)]


def test_solving_before_dropping_may_leave_a_track_unmatched():
    """SORT's order: the optimum over all pairs first; a pair above the maximum cost is dropped and not replaced."""
    cost = [[0.6, 0.2], [np.nan, 0.3]]  # 0.6 + 0.3 < 0.2 + 1
    assert matched(assign_then_drop, cost, 0.5) == [(1, 1)]
    assert matched(assign, cost, 0.5) == [(0, 1)]


def test_the_maximum_cost_itself_matches():
    assert matched(assign, [[0.5]], 0.5) == [(0, 0)]
    assert matched(assign_then_drop, [[0.5]], 0.5) == [(0, 0)]
    assert matched(assign_greedily, [[0.5]], 0.5) == [(0, 0)]


def test_greedy_matches_the_cheapest_first():
    cost = [[0.1, 0.2, 0.9], [0.15, 0.8, np.nan], [np.nan, 0.3, 0.4]]
    assert matched(assign_greedily, cost, 0.85) == [(0, 0), (2, 1)]


@pytest.mark.parametrize("solver", [assign, assign_then_drop, assign_greedily])
def test_no_candidates(solver):
    assert matched(solver, np.zeros((0, 0)), 0.5) == []
    assert matched(solver, [[np.nan, np.nan]], 0.5) == []


@given(st.integers(0, 9), st.integers(0, 9), st.floats(0.1, 1), st.floats(0, 1), st.integers(0, 10**6))
def test_same_total_cost_as_the_full_matrix(rows, columns, max_cost, density, seed):
    rng = np.random.default_rng(seed)
    cost = np.where(rng.random((rows, columns)) < density, rng.random((rows, columns)), np.nan)
    clamped = np.nan_to_num(np.minimum(cost - max_cost, 0))
    i, j = linear_sum_assignment(clamped)
    ours = matched(assign, cost, max_cost)
    assert sum(cost[p] - max_cost for p in ours) == pytest.approx(clamped[i, j].sum(), abs=1e-3)
    assert all(cost[p] <= max_cost for p in ours)
    assert len({p for p, _ in ours}) == len({q for _, q in ours}) == len(ours)

    full = np.nan_to_num(cost, nan=1.0)
    i, j = linear_sum_assignment(full)
    expected = sorted((int(p), int(q)) for p, q in zip(i, j, strict=True) if cost[p, q] <= max_cost)
    assert matched(assign_then_drop, cost, max_cost) == expected


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 10**6))
def test_greedy_equals_a_plain_loop(rows, columns, seed):
    cost = np.random.default_rng(seed).random((rows, columns))
    expected, left = [], sorted((cost[p, q], p, q) for p in range(rows) for q in range(columns) if cost[p, q] <= 0.7)
    while left:
        _, p, q = left[0]
        expected.append((p, q))
        left = [entry for entry in left if entry[1] != p and entry[2] != q]
    assert matched(assign_greedily, cost, 0.7) == sorted(expected)


def test_matching_in_passes():
    counts: Counter[str] = Counter()
    matches = Matches(np.array([0, 0, 1]), np.array([0, 1, 0]), counts)
    i, j, cost = pairs([[0.1, 0.0, 0.3], [0.2, 0.0, 0.4], [0.0, 0.6, 0.0]])
    matches.match(i, j, cost, 0.25, by="appearance", track_mask=np.array([True, False, True]))
    assert matches.detection_of.tolist() == [0, -1, -1]  # track 2 is of another class than detections 0 and 2
    matches.match(i, j, cost, 0.7, by="overlap")
    assert matches.detection_of.tolist() == [0, 2, 1]
    assert matches.unmatched_detections.tolist() == []
    assert counts == {"appearance": 1, "overlap": 2}


def test_sparse_and_dense_solvers_agree():
    """Forty rows and thirty columns with a third of the pairs, all columns and rows present."""
    rng = np.random.default_rng(0)
    i, j = np.nonzero((rng.random((40, 30)) < 0.3) | np.eye(40, 30, dtype=bool) | (np.arange(30) == 29))
    gain = rng.uniform(0.01, 1, len(i))
    dense, sparse = solve_dense(i, j, gain), solve_sparse(i, j, gain)
    assert sorted(dense) == sorted(sparse)
    assert len(np.unique(i[sparse])) == len(np.unique(j[sparse])) == len(sparse)
