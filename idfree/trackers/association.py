"""Who goes with whom: candidate pairs of tracks and detections, and the assignment among them.

Most tracks meet few detections, so association works on lists of candidate pairs (i, j, cost) instead of full
matrices: `track` rows i, `detection` rows j, one entry per pair that may match at all.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from idfree.core.boxes import area, intersection_of_pairs, touching_pairs
from idfree.core.types import Floats, Integers

Mask = NDArray[np.bool_]
Solver = Callable[[Integers, Integers, Floats, float], Integers]

TIE = 1e-5  # a match at exactly the limit is still better than none (the margin of DeepSORT's assignment)


def overlapping(a: Floats, b: Floats) -> tuple[Integers, Integers, Floats]:
    """Index pairs (i, j) of the xyxy boxes a[i] and b[j] that overlap, and their IoU distance: 1 − IoU."""
    i, j = touching_pairs(a, b)
    shared = intersection_of_pairs(a[i], b[j])
    return i, j, 1 - shared / (area(a)[i] + area(b)[j] - shared)


def assign(i: Integers, j: Integers, cost: Floats, limit: float) -> Integers:
    """Which of the candidate pairs (i, j) match, as indices into them: the assignment of least total cost.

    No i and no j is matched twice. Costs above `limit` never match; the limit is also the cost of no match, so that one
    good match is not given up for two that are barely allowed (DeepSORT, FairMOT).
    """
    within = np.flatnonzero(cost <= limit)
    return within[solve(i[within], j[within], limit + TIE - cost[within])]


def assign_then_drop(i: Integers, j: Integers, cost: Floats, limit: float) -> Integers:
    """As `assign`, but solved among all candidates, no match at cost 1, and the limit applied afterwards (SORT)."""
    chosen = solve(i, j, 1 - cost)
    return chosen[cost[chosen] <= limit]


def solve(i: Integers, j: Integers, gain: Floats) -> Integers:
    """Indices of the pairs (i, j) in the matching of greatest total gain; all gains are positive.

    Most candidates are each other's only one, and match; what is left is a small dense problem (Kuhn 1955).
    """
    if not len(i):
        return np.zeros(0, dtype=np.int64)
    alone = (np.bincount(i)[i] == 1) & (np.bincount(j)[j] == 1)
    rest = np.flatnonzero(~alone)
    if not len(rest):
        return np.flatnonzero(alone)
    return np.concatenate([np.flatnonzero(alone), rest[solve_dense(i[rest], j[rest], gain[rest])]])


def solve_dense(i: Integers, j: Integers, gain: Floats) -> Integers:
    """`solve`, through a matrix of the rows and columns that occur."""
    i, j = renumber(i), renumber(j)
    entry = np.full((i.max() + 1, j.max() + 1), -1)
    entry[i, j] = np.arange(len(gain))
    dense = np.zeros(entry.shape)
    dense[i, j] = gain
    taken = entry[linear_sum_assignment(dense, maximize=True)]
    return taken[taken >= 0]


def renumber(index: Integers) -> Integers:
    """Indices 0, 1, 2 … in place of those that occur, in the same order."""
    return np.cumsum(np.bincount(index) > 0)[index] - 1


def greedy(i: Integers, j: Integers, cost: Floats, limit: float) -> Integers:
    """Indices of the candidate pairs taken cheapest first, no i or j twice, none above `limit`.

    All pairs that are the cheapest of both their row and their column are taken at once; then again among the rest.
    """
    chosen = [np.zeros(0, dtype=np.int64)]
    left = np.flatnonzero(cost <= limit)
    left = left[np.argsort(cost[left], kind="stable")]
    while len(left):
        first_i = np.zeros(len(left), dtype=bool)
        first_j = np.zeros(len(left), dtype=bool)
        first_i[np.unique(i[left], return_index=True)[1]] = True
        first_j[np.unique(j[left], return_index=True)[1]] = True
        taken = left[first_i & first_j]
        chosen.append(taken)
        left = left[~np.isin(i[left], i[taken]) & ~np.isin(j[left], j[taken])]
    return np.concatenate(chosen)


class Matches:
    """The matches of one frame, made in passes; each pass chooses among what the passes before it left.

    detection_of (T,): the detection that each track has, −1 if none yet; track_of (D,): the reverse.
    tally: how many matches were decided by what, over all frames; the tracker owns it.
    """

    def __init__(self, track_class: Integers, detection_class: Integers, tally: Counter[str]):
        self.track_class, self.detection_class = track_class, detection_class
        self.tally = tally
        self.detection_of = np.full(len(track_class), -1)
        self.track_of = np.full(len(detection_class), -1)

    def match(
        self,
        i: Integers,
        j: Integers,
        cost: Floats,
        limit: float,
        by: str,
        among: Mask | None = None,
        using: Mask | None = None,
        solver: Solver = assign,
    ) -> None:
        """One pass: the solver chooses among the candidate pairs of one class whose two ends are still free.

        by: what decides, for the tally. among (T,), using (D,): the tracks and the detections that take part, else all.
        """
        open = (self.detection_of[i] < 0) & (self.track_of[j] < 0) & (self.track_class[i] == self.detection_class[j])
        if among is not None:
            open &= among[i]
        if using is not None:
            open &= using[j]
        i, j, cost = i[open], j[open], cost[open]
        chosen = solver(i, j, cost, limit)
        self.detection_of[i[chosen]] = j[chosen]
        self.track_of[j[chosen]] = i[chosen]
        self.tally[by] += len(chosen)

    @property
    def pairs(self) -> tuple[Integers, Integers]:
        """The rows of the matched tracks, ascending, and those of their detections."""
        tracks = np.flatnonzero(self.detection_of >= 0)
        return tracks, self.detection_of[tracks]

    @property
    def free_tracks(self) -> Integers:
        """The rows of the tracks that have no detection."""
        return np.flatnonzero(self.detection_of < 0)

    @property
    def free_detections(self) -> Integers:
        """The rows of the detections that no track has."""
        return np.flatnonzero(self.track_of < 0)
