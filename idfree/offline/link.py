"""Link tracklets of one person: likelihood ratios of motion and appearance, and one assignment for all tracklets.

A link of the tail of one tracklet with the head of a later one is scored by the logarithm of the posterior odds that
the head continues the tail, rather than being somebody who appears:

    log p(miss | same, gap) / p(place | anybody) + log p(gap | same) · p(tail goes on) / rate of new heads + appearance

Misses of the extrapolation are those of a heavy-tailed distribution whose width grows with the gap, as measured within
the tracks of the video itself; how often tails go on, and people appear, is estimated, too (`entries.py`). The
assignment of heads to tails with the greatest total score is the minimum-cost flow through the tracklets (Zhang, Li and
Nevatia 2008): each has one successor at most.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from idfree.core.types import Annotation, Floats, Integers
from idfree.offline.ends import Ends, describe_ends, distances, usual_miss
from idfree.offline.entries import find_entries, prior_odds
from idfree.offline.track_rows import track_starts
from idfree.offline.tracklet_appearance import Embeddings, measure_appearance

MISS_SECONDS = 1.0  # after which the misses of extrapolations within tracks are measured


@dataclass(frozen=True)
class LinkSettings:
    """Distributions of what tracklets of one person have in common, and the least score of a link."""

    longest: float = 4.0  # s between tail and head, without embeddings
    longest_seen: float = 30.0  # s, with embeddings
    least: float = 0.0  # score of a link, without embeddings
    least_near: float = 1.0  # score of a link by motion, and of its sum with appearance, with embeddings
    least_seen: float = 3.0  # score of a link that motion alone would not make
    miss: float = 0.1  # heights, of an extrapolation over no time
    growth: float = 2.0  # × the median miss within tracks at 1 s: further width for each second of the gap
    usual_miss: float = 0.1  # heights, median miss at 1 s assumed of a video with few tracks
    size: float = 0.1  # deviation of the logarithm of the height, and
    size_growth: float = 0.15  # further deviation for each second of the gap
    gap_scale: float = 1.0  # s, at which the density of the gap has fallen to a quarter
    typical: float = 0.5  # share of the tails that go on that do so within these distributions
    weight: float = 10.0  # tails, half of which go on, that are assumed in the estimate of how many do


@dataclass(frozen=True)
class Pairs:
    """Candidate links: tail of tracklet i (P,) with head of tracklet j (P,), and their scores (P,)."""

    i: Integers
    j: Integers
    score: Floats


def link_tracks(
    tracks: Annotation,
    frame_rate: float,
    size_hw: tuple[int, int] | None = None,
    settings: LinkSettings | None = None,
    embedded: tuple[Integers, Embeddings] | None = None,
    settled: int = 0,
) -> Integers:
    """Ids (K,) of the rows, one for linked tracklets: that of the first of them.

    tracks: sorted by track, and smoothed. embedded: rows (M,), ascending, and their embeddings (M, D), if any. settled:
    number of a frame; tracklets that begin there or before are not linked to earlier ones.
    """
    settings = settings or LinkSettings()
    starts = track_starts(tracks)
    if len(starts) < 2:
        return tracks.id
    stops = np.append(starts[1:], len(tracks)) - 1
    tails = describe_ends(tracks, stops, frame_rate, forwards=False)
    heads = describe_ends(tracks, starts, frame_rate, forwards=True)
    appearance = None if embedded is None else measure_appearance(tracks, *embedded)
    i, j = follow_pairs(tails.time, heads.time, settings.longest if appearance is None else settings.longest_seen)
    is_allowed = (tracks.class_id[stops[i]] == tracks.class_id[starts[j]]) & (tracks.frame[starts[j]] > settled)
    i, j = i[is_allowed], j[is_allowed]
    width = settings.growth * usual_miss(tracks, frame_rate, MISS_SECONDS, settings.usual_miss)
    duration = max(1.0, float(np.ptp(tracks.frame)) / frame_rate)
    evidence = motion_evidence(tails[i], heads[j], width, picture_area(tracks, size_hw), settings)
    entries = find_entries(tracks, starts, stops, duration, size_hw)
    odds = evidence + prior_odds(evidence, i, j, entries, settings.typical, settings.weight)
    if appearance is not None:
        seen, is_rare = appearance.evidence(i, j)
        is_near = (odds > settings.least_near) & (heads.time[j] - tails.time[i] <= settings.longest)
        odds = odds + seen
        odds = np.where(is_near | (is_rare & (odds > settings.least_seen)), odds, -np.inf)
    least = settings.least if appearance is None else settings.least_near
    return chain_ids(tracks, starts, assign(Pairs(i, j, odds), len(starts), least))


def follow_pairs(tail_time: Floats, head_time: Floats, longest: float) -> tuple[Integers, Integers]:
    """Pairs (i, j) of tracklets in which j begins after i has ended, by `longest` seconds at most."""
    order = np.argsort(head_time, kind="stable")
    first = np.searchsorted(head_time[order], tail_time, side="right")
    count = np.maximum(np.searchsorted(head_time[order], tail_time + longest, side="right") - first, 0)
    i = np.repeat(np.arange(len(tail_time)), count)
    place = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count)
    return i, order[np.repeat(first, count) + place]


def picture_area(tracks: Annotation, size_hw: tuple[int, int] | None) -> float:
    """Area in px² of the picture, or of the part of it that has boxes."""
    if size_hw is not None:
        return float(size_hw[0] * size_hw[1])
    spread = tracks.xyxy[:, 2:].max(axis=0) - tracks.xyxy[:, :2].min(axis=0)
    return float(np.prod(spread))


def motion_evidence(tails: Ends, heads: Ends, width: float, area: float, settings: LinkSettings) -> Floats:
    """Logarithm (P,) of the likelihood ratio of heads that continue tails to heads that appear anywhere and anytime.

    The density of time is in 1/s. width: heights/s; area: px².
    """
    gap, miss, ratio = distances(tails, heads)
    deviation = settings.miss + width * gap
    height = np.sqrt(tails.height * heads.height)
    place = np.log(np.maximum(area / height**2, 1) / (np.pi * deviation**2)) - 2 * np.log1p((miss / deviation) ** 2)
    size = -0.5 * (ratio / (settings.size + settings.size_growth * gap)) ** 2
    time = -np.log(settings.gap_scale) - 2 * np.log1p(gap / settings.gap_scale)
    return place + size + time


def assign(pairs: Pairs, count: int, least: float) -> Integers:
    """Chain (count,) of each of `count` tracklets, for the links of greatest total score above `least`."""
    is_good = pairs.score > least
    i, j, gain = pairs.i[is_good], pairs.j[is_good], pairs.score[is_good] - least
    linked_i, linked_j = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    _, group = connected_components(coo_array((np.ones(len(i)), (i, j + count)), shape=(2 * count, 2 * count)))
    order = np.argsort(group[i], kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(group[i[order]])) + 1):
        tails, row = np.unique(i[rows], return_inverse=True)
        heads, column = np.unique(j[rows], return_inverse=True)
        matrix = np.zeros((len(tails), len(heads)))
        matrix[row, column] = gain[rows]
        best = linear_sum_assignment(matrix, maximize=True)
        is_link = matrix[best] > 0
        linked_i.append(tails[best[0][is_link]])
        linked_j.append(heads[best[1][is_link]])
    links = (np.concatenate(linked_i), np.concatenate(linked_j))
    graph = coo_array((np.ones(len(links[0])), links), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def chain_ids(tracks: Annotation, starts: Integers, chains: Integers) -> Integers:
    """For each row (K,) the id of the earliest tracklet of its tracklet's chain."""
    order = np.lexsort((tracks.frame[starts], chains))
    is_first = np.diff(chains[order], prepend=-1) > 0
    first = np.zeros(chains.max() + 1, dtype=np.int64)
    first[chains[order[is_first]]] = tracks.id[starts[order[is_first]]]
    tracklet = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(tracks))))
    return first[chains[tracklet]]
