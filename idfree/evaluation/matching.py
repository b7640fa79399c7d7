"""The heaviest one-to-one matching of every frame at once.

The Hungarian algorithm frame by frame is what an evaluation spends its time on. Most frames need none: a pair that
outweighs the two pairs that it would displace, the best other one of its truth box and the best other one of its
result box, belongs to every heaviest matching. Taking such pairs, and dropping those that they exclude, often leaves
nothing to decide. What is left goes to SciPy as the dense matrix of the whole frame, as the official kit builds it,
so that ties fall as they do there.
"""

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Floats, Integers
from idfree.evaluation.alignment import Alignment

MARGIN = 1e-12  # of the heaviest weight: closer calls than SciPy's rounding are left to SciPy


def heaviest(scene: Alignment, weight: Floats, asked: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """(P,) mask of the pairs matched in the assignment of greatest total weight in each frame.

    weight (P,): 0 where a pair must not match. asked (P,): the pairs whose fate is of interest, all by default;
    that of others may be left open (False).
    """
    matched = np.zeros(len(weight), dtype=np.bool_)
    open_pairs = np.flatnonzero(weight > 0)
    margin = MARGIN * weight.max(initial=0)
    while len(open_pairs):
        gt, tracker, heavy = scene.gt[open_pairs], scene.tracker[open_pairs], weight[open_pairs]
        sure = heavy > best_other(gt, heavy) + best_other(tracker, heavy) + margin
        if not sure.any():
            break
        matched[open_pairs[sure]] = True
        open_pairs = open_pairs[~(np.isin(gt, gt[sure]) | np.isin(tracker, tracker[sure]))]
    if asked is not None:
        open_pairs = open_pairs[asked[open_pairs]]
    for frame in scene.frames_of(open_pairs):
        pairs = scene.pairs_of(frame)
        matched[pairs] = assigned(scene, frame, weight[pairs])
    return matched


def best_other(group: Integers, weight: Floats) -> Floats:
    """(P,) the heaviest weight among the other members of each one's group; 0 where there is none."""
    best = np.zeros(group.max(initial=-1) + 1)
    np.maximum.at(best, group, weight)
    holder = np.zeros(len(best), dtype=np.int64)
    holds = np.flatnonzero(weight == best[group])
    holder[group[holds]] = holds  # one of them, if several weigh the same
    holder = holder[group]
    rest = np.arange(len(group)) != holder
    second = np.zeros(len(best))
    np.maximum.at(second, group[rest], weight[rest])
    return np.where(rest, best[group], second[group])


def assigned(scene: Alignment, frame: int, weight: Floats) -> NDArray[np.bool_]:
    """Mask of the pairs of one frame, with these weights, that SciPy's assignment over the whole frame matches."""
    from scipy.optimize import linear_sum_assignment

    dense = scene.dense(frame, weight)
    gt, tracker = linear_sum_assignment(-dense)
    chosen = np.zeros(dense.shape, dtype=np.bool_)
    chosen[gt, tracker] = True
    return chosen.reshape(-1)[scene.cell[scene.pairs_of(frame)]] & (weight > 0)
