"""Maximum weight matching of ground truth and tracker boxes in all frames at once.

Running the Hungarian algorithm per frame takes most of an evaluation's time, and most frames do not need it: a pair
that outweighs the sum of the best other pair of its ground truth box and the best other pair of its tracker box belongs
to every maximum weight matching. Such pairs are matched first, the pairs that they exclude are dropped, repeatedly.
Frames with undecided pairs are then solved by SciPy on the dense matrix of the whole frame, as TrackEval does, so that
ties are broken in the same way.
"""

import numpy as np

from idfree.core.types import Floats, Integers
from idfree.evaluation.alignment import Alignment, Mask

MARGIN = 1e-12  # relative to the largest weight: smaller differences, within SciPy's rounding, are left to SciPy


def max_weight_matching(alignment: Alignment, weight: Floats, relevant: Mask | None = None) -> Mask:
    """(P,) mask of the pairs in the one-to-one matching with the largest total weight in each frame.

    weight (P,): 0 if a pair must not match. relevant (P,): the pairs to decide, all by default; other pairs may be
    False although they match.
    """
    matched = np.zeros(len(weight), dtype=np.bool_)
    undecided = np.flatnonzero(weight > 0)
    margin = MARGIN * weight.max(initial=0)
    while len(undecided):
        gt, tracker, w = alignment.gt_row[undecided], alignment.tracker_row[undecided], weight[undecided]
        dominant = w > max_other_weight(gt, w) + max_other_weight(tracker, w) + margin
        if not dominant.any():
            break
        matched[undecided[dominant]] = True
        undecided = undecided[~(np.isin(gt, gt[dominant]) | np.isin(tracker, tracker[dominant]))]
    if relevant is not None:
        undecided = undecided[relevant[undecided]]
    for frame in alignment.frames_of(undecided):
        pairs = alignment.pairs_in(frame)
        matched[pairs] = match_frame(alignment, frame, weight[pairs])
    return matched


def max_other_weight(group: Integers, weight: Floats) -> Floats:
    """(P,) the largest weight among the other members of each one's group (P,); 0 if there are none."""
    largest = np.zeros(group.max(initial=-1) + 1)
    np.maximum.at(largest, group, weight)
    holder = np.zeros(len(largest), dtype=np.int64)
    holds_largest = np.flatnonzero(weight == largest[group])
    holder[group[holds_largest]] = holds_largest  # one of them if several have the same weight
    is_other = np.arange(len(group)) != holder[group]
    second = np.zeros(len(largest))
    np.maximum.at(second, group[is_other], weight[is_other])
    return np.where(is_other, largest[group], second[group])


def match_frame(alignment: Alignment, frame: int, weight: Floats) -> Mask:
    """Mask of the pairs of one frame, with these weights, that SciPy's assignment of the whole frame matches."""
    from scipy.optimize import linear_sum_assignment

    matrix = alignment.to_matrix(frame, weight)
    gt, tracker = linear_sum_assignment(-matrix)
    assigned = np.zeros(matrix.shape, dtype=np.bool_)
    assigned[gt, tracker] = True
    return assigned.reshape(-1)[alignment.flat_index[alignment.pairs_in(frame)]] & (weight > 0)
