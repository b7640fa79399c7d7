"""Data association: candidate pairs of tracks and detections, and the assignment problem among them.

Most tracks overlap few detections, so association works on sparse lists of candidate pairs (i, j, cost) instead of full
cost matrices: `i` are track rows, `j` detection rows, with one entry per pair that may match at all.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import area, overlapping_pairs, paired_intersection
from idfree.core.types import Floats, Integers

Mask = NDArray[np.bool_]
Solver = Callable[[Integers, Integers, Floats, float], Integers]

MAX_DENSE = 40_000  # entries of a gain matrix; above, the sparse solver is faster (measured)
TIE_MARGIN = 1e-5  # makes a match at exactly the maximum cost better than no match (as in DeepSORT's public code)


def iou_distances(a: Floats, b: Floats) -> tuple[Integers, Integers, Floats]:
    """Index pairs (i, j) of the overlapping xyxy boxes a[i] and b[j], and their IoU distances 1 − IoU."""
    i, j = overlapping_pairs(a, b)
    intersection = paired_intersection(a[i], b[j])
    return i, j, 1 - intersection / (area(a)[i] + area(b)[j] - intersection)


def assign(i: Integers, j: Integers, cost: Floats, max_cost: float) -> Integers:
    """Solve the assignment problem of least total cost; return the indices of the candidate pairs (i, j) that match.

    Costs above `max_cost` never match; no match costs `max_cost`, so that one good match is not given up for two that
    are barely allowed (as in DeepSORT and FairMOT).
    """
    allowed = np.flatnonzero(cost <= max_cost)
    return allowed[solve(i[allowed], j[allowed], max_cost + TIE_MARGIN - cost[allowed])]


def assign_then_drop(i: Integers, j: Integers, cost: Floats, max_cost: float) -> Integers:
    """As `assign`, but solved among all candidates, with cost 1 for no match; `max_cost` is applied after (SORT)."""
    matched = solve(i, j, 1 - cost)
    return matched[cost[matched] <= max_cost]


def solve(i: Integers, j: Integers, gain: Floats) -> Integers:
    """Return the indices of the pairs (i, j) in the matching of greatest total gain; all gains are positive.

    Isolated pairs, the only candidates of both their i and j, match at once; the rest is a dense problem (Kuhn 1955),
    or a sparse one if it is large.
    """
    if not len(i):
        return np.zeros(0, dtype=np.int64)
    is_isolated = (np.bincount(i)[i] == 1) & (np.bincount(j)[j] == 1)
    rest = np.flatnonzero(~is_isolated)
    if not len(rest):
        return np.flatnonzero(is_isolated)
    i, j, gain = renumber(i[rest]), renumber(j[rest]), gain[rest]
    solver = solve_dense if (i.max() + 1) * (j.max() + 1) <= MAX_DENSE else solve_sparse
    return np.concatenate([np.flatnonzero(is_isolated), rest[solver(i, j, gain)]])


def solve_dense(i: Integers, j: Integers, gain: Floats) -> Integers:
    """As `solve`, by a dense gain matrix; i and j are numbered without gaps."""
    from scipy.optimize import linear_sum_assignment  # here: `idfree --help` imports the registry of trackers

    pair_index = np.full((i.max() + 1, j.max() + 1), -1)
    pair_index[i, j] = np.arange(len(gain))
    gain_matrix = np.zeros(pair_index.shape)
    gain_matrix[i, j] = gain
    matched = pair_index[linear_sum_assignment(gain_matrix, maximize=True)]
    return matched[matched >= 0]


def solve_sparse(i: Integers, j: Integers, gain: Floats) -> Integers:
    """As `solve_dense`, by a sparse cost matrix in which each i has a column of its own for no match."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    rows, columns = int(i.max()) + 1, int(j.max()) + 1
    no_match = gain.max() + 1  # costs are positive: SciPy drops zeros
    cost = np.concatenate([no_match - gain, np.full(rows, no_match)])
    places = np.concatenate([i, np.arange(rows)]), np.concatenate([j, columns + np.arange(rows)])
    row, column = min_weight_full_bipartite_matching(coo_matrix((cost, places), shape=(rows, columns + rows)).tocsr())
    order = np.argsort(i * columns + j)
    is_match = column < columns
    key = row[is_match] * columns + column[is_match]
    return order[np.searchsorted((i * columns + j)[order], key)]


def renumber(index: Integers) -> Integers:
    """Map the indices that occur to 0, 1, 2 …, in the same order."""
    return np.cumsum(np.bincount(index) > 0)[index] - 1


def assign_greedily(i: Integers, j: Integers, cost: Floats, max_cost: float) -> Integers:
    """Match the cheapest candidate pair first, no i or j twice, none above `max_cost`; return indices of pairs.

    In each round, all pairs that are the cheapest of both their i and their j match at once.
    """
    rounds = [np.zeros(0, dtype=np.int64)]
    rest = np.flatnonzero(cost <= max_cost)
    rest = rest[np.argsort(cost[rest], kind="stable")]
    while len(rest):
        is_first_i = np.zeros(len(rest), dtype=bool)
        is_first_j = np.zeros(len(rest), dtype=bool)
        is_first_i[np.unique(i[rest], return_index=True)[1]] = True
        is_first_j[np.unique(j[rest], return_index=True)[1]] = True
        matched = rest[is_first_i & is_first_j]
        rounds.append(matched)
        rest = rest[~np.isin(i[rest], i[matched]) & ~np.isin(j[rest], j[matched])]
    return np.concatenate(rounds)


class Matches:
    """The matches of one frame, made in passes; each pass considers the tracks and detections still unmatched.

    detection_of: (T,), the detection matched to each track, −1 if none. track_of: (D,), the reverse.
    counts: number of matches by deciding cue ("appearance", "overlap"), over all frames; owned by the tracker.
    """

    def __init__(self, track_class: Integers, detection_class: Integers, counts: Counter[str]):
        self.track_class, self.detection_class = track_class, detection_class
        self.counts = counts
        self.detection_of = np.full(len(track_class), -1)
        self.track_of = np.full(len(detection_class), -1)

    def match(
        self,
        i: Integers,
        j: Integers,
        cost: Floats,
        max_cost: float,
        by: str,
        track_mask: Mask | None = None,
        detection_mask: Mask | None = None,
        solver: Solver = assign,
    ) -> None:
        """Run one pass: `solver` on the candidate pairs (i, j) of equal class whose track and detection are unmatched.

        by: the deciding cue, for `counts`. track_mask (T,), detection_mask (D,): which take part; default all.
        """
        is_open = (self.detection_of[i] < 0) & (self.track_of[j] < 0) & (self.track_class[i] == self.detection_class[j])
        if track_mask is not None:
            is_open &= track_mask[i]
        if detection_mask is not None:
            is_open &= detection_mask[j]
        i, j, cost = i[is_open], j[is_open], cost[is_open]
        matched = solver(i, j, cost, max_cost)
        self.detection_of[i[matched]] = j[matched]
        self.track_of[j[matched]] = i[matched]
        self.counts[by] += len(matched)

    @property
    def pairs(self) -> tuple[Integers, Integers]:
        """Rows of the matched tracks, ascending, and of their detections."""
        tracks = np.flatnonzero(self.detection_of >= 0)
        return tracks, self.detection_of[tracks]

    @property
    def unmatched_tracks(self) -> Integers:
        """Rows of the tracks without a detection."""
        return np.flatnonzero(self.detection_of < 0)

    @property
    def unmatched_detections(self) -> Integers:
        """Rows of the detections without a track."""
        return np.flatnonzero(self.track_of < 0)
