"""Calibration of the match threshold of embeddings: the cosine distance that separates same-person pairs from others.

No identity labels are needed: crops of one tracklet are one person, crops of two tracklets that coexist are two.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.errors import UserError
from idfree.core.tracklet_spans import TrackletSpans
from idfree.core.types import Floats, Integers
from idfree.core.wording import counted

MAX_GAP = 60  # frames between the crops of a pair: twice as long as trackers usually keep a lost track
MAX_PAIRS = 2**20  # compared; of more, a random sample (with a fixed seed)
BLOCK = 2**13  # pairs compared at once: a few MB of embeddings
EDGES = np.linspace(0, 2, 201)  # of the bins of histograms: cosine distances in steps of 0.01

# The threshold of equal error rates suits poor encoders. With a good one, it lies in the middle of a wide gap between
# the two kinds of pairs, far from both; and as a track is compared with many people, false accepts must be rare.
MAX_FALSE_REJECT_RATE = 0.01  # of same-person pairs
MAX_FALSE_ACCEPT_RATE = 0.02  # of different-person pairs


@dataclass(frozen=True)
class Calibration:
    """Thresholds of cosine distance, from pairs of one person and of two.

    match_threshold: the smallest of equal_error_threshold, upper_threshold, and the threshold with
    MAX_FALSE_ACCEPT_RATE. upper_threshold: the one with MAX_FALSE_REJECT_RATE, at least match_threshold.
    equal_error_threshold: where the false reject rate (fraction of same-person pairs above it) and the false accept
    rate (fraction of different-person pairs at or below it) are equal; equal_error_rate: that rate.
    same, different (200,): histograms of the distances of both kinds of pairs, with bin edges EDGES.
    """

    match_threshold: float
    upper_threshold: float
    equal_error_threshold: float
    equal_error_rate: float
    same: Integers
    different: Integers

    def metadata(self) -> dict[str, str]:
        """Metadata of a model file."""
        return {"limit": repr(self.match_threshold), "farthest": repr(self.upper_threshold)}


def calibrate(
    embedding: NDArray[np.floating[Any]],
    tracklet: ArrayLike,
    frame: ArrayLike,
    video: ArrayLike | None = None,
    identities: bool = False,
    max_gap: int = MAX_GAP,
) -> Calibration:
    """Calibrate on pairs of unit embeddings (K, D) of one video that are at most `max_gap` frames apart.

    tracklet, frame, video (K,): of each embedding; one video if not given. Tracklet numbers are per video.
    Pairs within a tracklet are of one person, pairs of two tracklets that overlap in time of two people. Other pairs
    are not used, unless tracklets are true `identities`. Exact up to MAX_PAIRS pairs.
    Raises UserError if lengths differ, or if there is no pair of one kind.
    """
    frames = np.asarray(frame, dtype=np.int64)
    labels, videos = consecutive_ids(tracklet), consecutive_ids(np.zeros_like(frames) if video is None else video)
    if not len(embedding) == len(labels) == len(frames) == len(videos):
        raise UserError(
            f"calibrate: {len(embedding)} embeddings, {len(labels)} tracklets, {len(frames)} frames, "
            f"{len(videos)} videos"
        )
    i, j, is_same = labelled_pairs(labels, frames, videos, identities, max_gap)
    distance = pair_distances(embedding, i, j)
    return calibrate_distances(distance[is_same], distance[~is_same], max_gap)


def labelled_pairs(
    tracklet: Integers, frame: Integers, video: Integers, identities: bool = False, max_gap: int = MAX_GAP
) -> tuple[Integers, Integers, NDArray[np.bool_]]:
    """Rows i (P,) and j (P,) of pairs of one person and of two, at most `max_gap` frames apart; which are of one (P,).

    See `calibrate`. The memory that this needs grows with the number of rows and of pairs, at most MAX_PAIRS.
    """
    tracklets = consecutive_ids(video * (tracklet.max(initial=0) + 1) + tracklet)
    i, j = close_pairs(frame, video, max_gap)
    is_same = tracklets[i] == tracklets[j]
    if identities:
        return i, j, is_same
    is_pair = is_same | TrackletSpans.from_rows(tracklets, frame, video).coexist(tracklets[i], tracklets[j])
    return i[is_pair], j[is_pair], is_same[is_pair]


def calibrate_distances(same: Floats, different: Floats, max_gap: int = MAX_GAP) -> Calibration:
    """Calibration from the cosine distances of same-person and different-person pairs.

    Raises UserError if there are none of one kind. max_gap: for the message.
    """
    if not len(same) or not len(different):
        one, two = counted(len(same), "pair"), counted(len(different), "pair")
        raise UserError(
            f"nothing to calibrate on: {one} of one tracklet and {two} of two that overlap"
            f" in time, at most {max_gap} frames apart; expected some of both"
        )
    equal_error_threshold, rate = equal_error_rate(same, different)
    upper_threshold = float(np.quantile(same, 1 - MAX_FALSE_REJECT_RATE))
    threshold = min(equal_error_threshold, upper_threshold, float(np.quantile(different, MAX_FALSE_ACCEPT_RATE)))
    threshold = threshold if threshold > 0 else equal_error_threshold  # 0 if crops are copies of each other
    histograms = [np.histogram(values.clip(0, 2), EDGES)[0] for values in (same, different)]
    return Calibration(threshold, max(threshold, upper_threshold), equal_error_threshold, rate, *histograms)


def consecutive_ids(values: ArrayLike) -> Integers:
    """Labels (K,) replaced by consecutive integers from 0."""
    return np.unique(np.asarray(values), return_inverse=True)[1].astype(np.int64)


def close_pairs(frame: Integers, video: Integers, max_gap: int) -> tuple[Integers, Integers]:
    """Row numbers (P,) and (P,) of all pairs of one video at most `max_gap` frames apart; a sample above MAX_PAIRS."""
    order = np.lexsort((frame, video))
    video_offset = np.ptp(frame) + max_gap + 1 if len(frame) else 0  # keeps videos more than max_gap apart
    moment = frame[order] + video[order] * video_offset
    rows = np.arange(len(order))
    count = np.searchsorted(moment, moment + max_gap, side="right") - rows - 1  # later partners of each row
    end = np.cumsum(count)
    total = int(end[-1]) if len(end) else 0
    is_sampled = total > MAX_PAIRS
    pairs = np.unique(np.random.default_rng(0).integers(total, size=MAX_PAIRS)) if is_sampled else np.arange(total)
    i = np.searchsorted(end, pairs, side="right")
    j = i + 1 + pairs - (end - count)[i]
    return order[i], order[j]


def pair_distances(embedding: NDArray[np.floating[Any]], i: Integers, j: Integers) -> Floats:
    """Cosine distances (P,), 1 − cosine, of the unit rows embedding[i] and embedding[j]."""
    cosine = np.empty(len(i))
    for start in range(0, len(i), BLOCK):
        rows = slice(start, start + BLOCK)
        cosine[rows] = np.einsum("pd,pd->p", embedding[i[rows]], embedding[j[rows]])
    return 1 - cosine


def equal_error_rate(same: Floats, different: Floats) -> tuple[float, float]:
    """(threshold, rate) at which the false reject rate and the false accept rate are equal.

    False reject rate: fraction of `same` above the threshold; false accept rate: fraction of `different` at or below
    it. If an interval of thresholds qualifies, its middle is returned; if the rates cross in a step, their mean.
    """
    same, different = np.sort(same), np.sort(different)
    thresholds = np.unique(np.concatenate([same, different]))
    false_reject = 1 - np.searchsorted(same, thresholds, side="right") / len(same)
    false_accept = np.searchsorted(different, thresholds, side="right") / len(different)
    k = int(np.argmax(false_accept >= false_reject))  # exists, as the last threshold rejects nothing
    is_interval = bool(false_accept[k] == false_reject[k]) and k + 1 < len(thresholds)
    threshold = (thresholds[k] + thresholds[k + 1]) / 2 if is_interval else thresholds[k]
    return float(threshold), float((false_reject[k] + false_accept[k]) / 2)
