"""Where people enter and leave: prior odds that a track that ends goes on, and is not followed by somebody new.

People appear and vanish mostly at the border of the picture; what begins inside it is mostly the next tracklet of
somebody who was there before. How often a tail goes on, and how many new people begin each second, at the border and
inside, is estimated from the candidate links themselves, by expectation maximisation (Dempster, Laird and Rubin 1977):
how probable each link is with the present estimate, then the estimate from these probabilities. It differs between
trackers that leave few tracklets, most of which end for good, and those that leave many.
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Annotation, Floats, Integers

SIDE, BOTTOM, TOP = 0.5, 0.1, 0.02  # heights of the box: distance from the picture's edges at which it is at the border
ROUNDS = 8  # of expectation maximisation
GREATEST = 50.0  # log-likelihood ratio: greater ones are as certain
LEAST_RATE = 1e-3  # new people per second
LEAST_SHARE = 0.05  # of the boxes in a zone, from which the share of the picture that it takes is estimated
RANGE = (0.02, 0.98)  # of the share of tails that go on


@dataclass(frozen=True)
class Entries:
    """Zones, 1 at the border and 0 inside: of the tail (T,) and the head (T,) of each tracklet, −1 at the end and the
    beginning of the video, where nobody left or came; share: (2,), of all boxes that lie in each. duration: s.
    """

    tail: Integers
    head: Integers
    share: Floats
    duration: float


def find_entries(
    tracks: Annotation, starts: Integers, stops: Integers, duration: float, size_hw: tuple[int, int] | None
) -> Entries:
    """Zones of tracklets from rows `starts` (T,) to `stops` (T,). size_hw: None if the boxes span the picture."""
    zone = border_zone(tracks.xyxy, size_hw)
    share = np.maximum(np.bincount(zone, minlength=2) / len(zone), LEAST_SHARE)
    tail = np.where(tracks.frame[stops] < tracks.frame.max(), zone[stops], -1)
    head = np.where(tracks.frame[starts] > tracks.frame.min(), zone[starts], -1)
    return Entries(tail, head, share, duration)


def border_zone(xyxy: Floats, size_hw: tuple[int, int] | None) -> Integers:
    """Zone (K,) of each box: 1 at the border of the picture, where people come and go, 0 inside."""
    left, top = (0.0, 0.0) if size_hw is not None else xyxy[:, :2].min(axis=0)
    right, bottom = size_hw[::-1] if size_hw is not None else xyxy[:, 2:].max(axis=0)
    height = xyxy[:, 3] - xyxy[:, 1]
    is_side = (xyxy[:, 0] < left + SIDE * height) | (xyxy[:, 2] > right - SIDE * height)
    is_end = (xyxy[:, 3] > bottom - BOTTOM * height) | (xyxy[:, 1] < top + TOP * height)
    return (is_side | is_end).astype(np.int64)


def prior_odds(evidence: Floats, i: Integers, j: Integers, entries: Entries, typical: float, weight: float) -> Floats:
    """Logarithm (P,) of the prior odds, in s, that the tail of tracklet i (P,) goes on as the head of tracklet j (P,).

    evidence: (P,) logarithm of the likelihood ratio of each link, with the density of its time in 1/s. typical: share
    of the tails that go on that do so as the likelihoods say. weight: tails, half of which go on, that are assumed.
    """
    count = len(entries.tail)
    tails, heads = (np.bincount(zone[zone >= 0], minlength=2) for zone in (entries.tail, entries.head))
    odds = np.zeros(len(i))
    linked, linked_heads = np.zeros(2), np.zeros(2)
    for _ in range(ROUNDS):
        goes_on = np.clip((linked + weight / 2) / (tails + weight), *RANGE)
        new = np.maximum(heads - linked_heads, 0) + weight / 2 * heads / max(1, heads.sum())
        rate = np.maximum(new / entries.duration / entries.share, LEAST_RATE)  # as if it were so in the whole picture
        odds = np.log(typical * goes_on / (1 - goes_on))[entries.tail[i]] - np.log(rate)[entries.head[j]]
        ratio = np.exp(np.minimum(evidence + odds, GREATEST))
        rivals = np.maximum(np.bincount(i, ratio, count)[i], np.bincount(j, ratio, count)[j])
        probable = ratio / (1 + rivals)
        linked = np.bincount(entries.tail[i], probable, 2).astype(np.float64)
        linked_heads = np.bincount(entries.head[j], probable, 2).astype(np.float64)
    return odds
