"""Prior odds of links: how often tracklets continue, and how often new objects appear, at the image border and inside.

Objects appear and vanish mostly at the border of the image; a track that begins inside it is mostly the next tracklet
of an object that was there before. Both rates differ between trackers, so they are estimated from the candidate links
themselves, by expectation maximisation (Dempster, Laird and Rubin 1977): the probability of each link with the present
estimate, then the estimate from these probabilities.
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Annotation, Floats, Integers

SIDE, BOTTOM, TOP = 0.5, 0.1, 0.02  # box heights from the edges of the image: closer boxes are at the border
ITERATIONS = 8  # of expectation maximisation
MAX_LOG_RATIO = 50.0  # of likelihoods: higher ones are as certain
MIN_RATE = 1e-3  # new objects per second
MIN_SHARE = 0.05  # of the boxes in a zone, by which the share of the image that it takes is estimated
CONTINUING_RANGE = (0.02, 0.98)  # of the share of tails that continue


@dataclass(frozen=True)
class Entries:
    """Zones of the ends of T tracklets: 1 at the border of the image, 0 inside.

    tail, head: (T,), zone in which each tracklet ends and begins; −1 at the end and at the beginning of the video,
    where nothing left or entered. share: (2,), of all boxes that lie in each zone. duration: of the video, s.
    """

    tail: Integers
    head: Integers
    share: Floats
    duration: float


def find_entries(
    tracks: Annotation, starts: Integers, stops: Integers, duration: float, size_hw: tuple[int, int] | None
) -> Entries:
    """Zones of tracklets from rows `starts` (T,) to `stops` (T,). size_hw: None to take the extent of all boxes."""
    zone = border_zone(tracks.xyxy, size_hw)
    share = np.maximum(np.bincount(zone, minlength=2) / len(zone), MIN_SHARE)
    tail = np.where(tracks.frame[stops] < tracks.frame.max(), zone[stops], -1)
    head = np.where(tracks.frame[starts] > tracks.frame.min(), zone[starts], -1)
    return Entries(tail, head, share, duration)


def border_zone(xyxy: Floats, size_hw: tuple[int, int] | None) -> Integers:
    """Zone (K,) of each box: 1 at the border of the image, 0 inside. size_hw: see find_entries."""
    left, top = (0.0, 0.0) if size_hw is not None else xyxy[:, :2].min(axis=0)
    right, bottom = size_hw[::-1] if size_hw is not None else xyxy[:, 2:].max(axis=0)
    height = xyxy[:, 3] - xyxy[:, 1]
    is_side = (xyxy[:, 0] < left + SIDE * height) | (xyxy[:, 2] > right - SIDE * height)
    is_end = (xyxy[:, 3] > bottom - BOTTOM * height) | (xyxy[:, 1] < top + TOP * height)
    return (is_side | is_end).astype(np.int64)


def prior_odds(evidence: Floats, i: Integers, j: Integers, entries: Entries, inliers: float, weight: float) -> Floats:
    """Logarithm (P,) of the prior odds, in s, that the tail of tracklet i (P,) continues as the head of j (P,).

    evidence: (P,), log-likelihood ratio of each link, with the density of its time in 1/s. inliers: share of the
    continuing tails to which the likelihoods apply. weight: of the prior, tails of which half continue.
    """
    count = len(entries.tail)
    tails, heads = (np.bincount(zone[zone >= 0], minlength=2) for zone in (entries.tail, entries.head))
    odds = np.zeros(len(i))
    linked, linked_heads = np.zeros(2), np.zeros(2)
    for _ in range(ITERATIONS):
        continuing = np.clip((linked + weight / 2) / (tails + weight), *CONTINUING_RANGE)
        new = np.maximum(heads - linked_heads, 0) + weight / 2 * heads / max(1, heads.sum())
        rate = np.maximum(new / entries.duration / entries.share, MIN_RATE)  # in the whole image
        odds = np.log(inliers * continuing / (1 - continuing))[entries.tail[i]] - np.log(rate)[entries.head[j]]
        ratio = np.exp(np.minimum(evidence + odds, MAX_LOG_RATIO))
        rivals = np.maximum(np.bincount(i, ratio, count)[i], np.bincount(j, ratio, count)[j])
        probable = ratio / (1 + rivals)
        linked = np.bincount(entries.tail[i], probable, 2).astype(np.float64)
        linked_heads = np.bincount(entries.head[j], probable, 2).astype(np.float64)
    return odds
