"""How far apart embeddings of one person may lie: the cosine distance beyond which a tracker had better not believe."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.cropset import coexisting, first_and_last
from idfree.core.errors import UserError
from idfree.core.types import Floats, Integers

MAX_GAP = 60  # frames between the two crops of a pair: as long as trackers keep a lost track, twice over
MOST_PAIRS = 2**20  # looked at; from more, so many are drawn at random, always the same
BLOCK = 2**13  # pairs compared at once: a few MB of embeddings
EDGES = np.linspace(0, 2, 201)  # of the bins of histograms: cosine distances in steps of 0.01

# Equal errors are the limit of an encoder that errs. One that hardly errs has a wide gap between the two kinds, whose
# middle is far from both; and one track is compared with many people, so that a mistake in twenty is too many. Chosen
# with fairmot's association (colour, a trained network, both together, and the Re-ID embeddings of data/features) on
# MOT17-04 and 09, PETS09-S2L1 and TUD-Campus: within a point of IDF1 of the best limit for each of the four.
MOST_REFUSED = 0.01  # of the pairs of one person
MOST_ACCEPTED = 0.02  # of the pairs of two


@dataclass(frozen=True)
class Calibration:
    """What the distances say.

    equal: the cosine distance of equal errors, which as large a share of the pairs of one tracklet exceeds as of the
    pairs of two people does not; error: that share. limit: that distance, or the one that MOST_REFUSED of the former
    exceed, or the one that MOST_ACCEPTED of the latter do not, whichever is the least. upper_threshold: the second of these.
    same, different (200,): how many pairs of each lie between two EDGES.
    """

    match_threshold: float
    upper_threshold: float
    equal: float
    error: float
    same: Integers
    different: Integers

    def facts(self) -> dict[str, str]:
        """What a model's file says of it."""
        return {"limit": repr(self.match_threshold), "farthest": repr(self.upper_threshold)}


def calibrate(
    embedding: NDArray[np.floating[Any]],
    tracklet: ArrayLike,
    frame: ArrayLike,
    video: ArrayLike | None = None,
    identities: bool = False,
    max_gap: int = MAX_GAP,
) -> Calibration:
    """Compare pairs of unit embeddings (K, D) of one video that lie at most `max_gap` frames apart.

    tracklet, frame, video (K,) of each; video: one for all if not given, and a tracklet belongs to its video. A pair
    within a tracklet is one person, a pair from two tracklets that overlap in time is two people; others may be either,
    and are left out unless tracklets are true `identities`. Exact up to MOST_PAIRS pairs.
    Raises UserError where lengths differ, or there is no pair of either kind.
    """
    at = np.asarray(frame, dtype=np.int64)
    label, where = numbered(tracklet), numbered(np.zeros_like(at) if video is None else video)
    if not len(embedding) == len(label) == len(at) == len(where):
        raise UserError(
            f"calibrate: {len(embedding)} embeddings, {len(label)} tracklets, {len(at)} frames, {len(where)} videos"
        )
    of = numbered(where * (label.max(initial=0) + 1) + label)
    i, j = close_pairs(at, where, max_gap)
    alike = of[i] == of[j]
    apart = ~alike
    if not identities:
        apart = coexisting(*first_and_last(of, at), first_and_last(of, where)[0])[of[i], of[j]]
    same, different = (distances(embedding, i[kind], j[kind]) for kind in (alike, apart))
    if not len(same) or not len(different):
        raise UserError(
            f"nothing to calibrate on: {len(same)} pairs of one tracklet and {len(different)} pairs of two that overlap"
            f" in time, at most {max_gap} frames apart; expected some of both"
        )
    equal, error = equal_error(same, different)
    upper_threshold = float(np.quantile(same, 1 - MOST_REFUSED))
    limit = min(equal, upper_threshold, float(np.quantile(different, MOST_ACCEPTED)))
    limit = limit if limit > 0 else equal  # crops that are all but copies of each other say nothing
    histograms = [np.histogram(values.clip(0, 2), EDGES)[0] for values in (same, different)]
    return Calibration(limit, max(limit, upper_threshold), equal, error, *histograms)


def numbered(names: ArrayLike) -> Integers:
    """(K,) names as numbers from 0 without a gap."""
    return np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)


def close_pairs(frame: Integers, video: Integers, max_gap: int) -> tuple[Integers, Integers]:
    """Row numbers (P,) and (P,) of the pairs of one video at most `max_gap` frames apart, each once."""
    order = np.lexsort((frame, video))
    moment = frame[order] + video[order] * (np.ptp(frame) + max_gap + 1 if len(frame) else 0)
    rows = np.arange(len(order))
    count = np.searchsorted(moment, moment + max_gap, side="right") - rows - 1  # partners of each that come after it
    end = np.cumsum(count)
    total = int(end[-1]) if len(end) else 0
    chosen = np.arange(total)
    if total > MOST_PAIRS:
        chosen = np.unique(np.random.default_rng(0).integers(total, size=MOST_PAIRS))
    i = np.searchsorted(end, chosen, side="right")
    j = i + 1 + chosen - (end - count)[i]
    return order[i], order[j]


def distances(embedding: NDArray[np.floating[Any]], i: Integers, j: Integers) -> Floats:
    """(P,) 1 − cosine of the unit rows embedding[i] and embedding[j]."""
    cosine = np.empty(len(i))
    for start in range(0, len(i), BLOCK):
        rows = slice(start, start + BLOCK)
        cosine[rows] = np.einsum("pd,pd->p", embedding[i[rows]], embedding[j[rows]])
    return 1 - cosine


def equal_error(same: Floats, different: Floats) -> tuple[float, float]:
    """(limit, error): where the share of `same` above the limit and the share of `different` at or below it meet.

    The limit is the middle of all that serve equally well; where the shares jump past each other, error is their mean.
    """
    same, different = np.sort(same), np.sort(different)
    limits = np.unique(np.concatenate([same, different]))
    refused = 1 - np.searchsorted(same, limits, side="right") / len(same)
    accepted = np.searchsorted(different, limits, side="right") / len(different)
    k = int(np.argmax(accepted >= refused))  # at the last of them nothing is refused
    level = bool(accepted[k] == refused[k]) and k + 1 < len(limits)
    limit = (limits[k] + limits[k + 1]) / 2 if level else limits[k]
    return float(limit), float((refused[k] + accepted[k]) / 2)
