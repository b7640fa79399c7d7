"""Tracklet linking: likelihood ratios of motion and appearance, and one assignment for all tracklets.

A link of the tail of one tracklet with the head of a later one is scored by the logarithm of the posterior odds that
the head continues the tail, rather than being a new object:

    log p(error | same, gap) / p(place | any) + log p(gap | same) · p(tail continues) / rate of new heads + appearance

Prediction errors follow a heavy-tailed distribution whose width grows with the gap, as measured within the tracks of
the video itself; how often tails continue, and objects appear, is estimated, too (`entries.py`). The assignment of
heads to tails with the largest total score is the minimum-cost flow through the tracklets (Zhang, Li and Nevatia 2008):
each has at most one successor.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from idfree.core.types import Annotation, Floats, Integers
from idfree.offline.ends import Ends, compare_ends, measure_ends, median_error
from idfree.offline.entries import find_entries, prior_odds
from idfree.offline.track_rows import track_starts
from idfree.offline.tracklet_appearance import Embeddings, TrackletAppearance, measure_appearance

PREDICTION_SECONDS = 1.0  # over which prediction errors within tracks are measured


@dataclass(frozen=True)
class LinkSettings:
    """Distributions of tracklets of one object, and thresholds of scores. Studies: docs/offline_settings.md."""

    max_gap: float = 4.0  # s between tail and head, by motion
    max_gap_appearance: float = 30.0  # s, with embeddings
    min_score: float = 0.0  # of a link, without embeddings
    min_score_motion: float = 1.0  # with embeddings: of a link by motion, and of its sum with appearance
    min_score_appearance: float = 3.0  # with embeddings: of a link that motion alone would not make
    error: float = 0.1  # heights, width of the distribution of prediction errors at a gap of 0
    error_growth: float = 2.0  # × the median error within tracks at 1 s: further width for each second of the gap
    prior_error: float = 0.1  # heights, median error at 1 s assumed of a video with few tracks
    size_deviation: float = 0.1  # standard deviation of the logarithm of the height ratio,
    size_growth: float = 0.15  # and further deviation for each second of the gap
    gap_scale: float = 1.0  # s, at which the density of the gap has fallen to a quarter
    inliers: float = 0.5  # share of the continuing tails to which these distributions apply
    prior_weight: float = 10.0  # tails, half of which continue, that are assumed in the estimate of how many do


@dataclass(frozen=True)
class CandidateLinks:
    """Candidate links of the tail of tracklet i (P,) with the head of tracklet j (P,), and their scores (P,)."""

    i: Integers
    j: Integers
    score: Floats


def link_tracks(
    tracks: Annotation,
    frame_rate: float,
    size_hw: tuple[int, int] | None = None,
    settings: LinkSettings | None = None,
    embedded: tuple[Integers, Embeddings] | None = None,
    last_final: int = 0,
) -> Integers:
    """Ids (K,) of the rows, one for linked tracklets: that of the first of them.

    tracks: sorted by track, and smoothed. embedded: rows (M,), ascending, and their embeddings (M, D), if any.
    last_final: number of a frame; tracklets that begin there or before are not linked to earlier ones.
    """
    settings = settings or LinkSettings()
    starts = track_starts(tracks)
    if len(starts) < 2:
        return tracks.id
    stops = np.append(starts[1:], len(tracks)) - 1
    tails = measure_ends(tracks, stops, frame_rate, forwards=False)
    heads = measure_ends(tracks, starts, frame_rate, forwards=True)
    appearance = None if embedded is None else measure_appearance(tracks, *embedded)
    max_gap = settings.max_gap if appearance is None else settings.max_gap_appearance
    i, j = find_successors(tails.time, heads.time, max_gap)
    is_allowed = (tracks.class_id[stops[i]] == tracks.class_id[starts[j]]) & (tracks.frame[starts[j]] > last_final)
    i, j = i[is_allowed], j[is_allowed]
    width = settings.error_growth * median_error(tracks, frame_rate, PREDICTION_SECONDS, settings.prior_error)
    evidence = motion_evidence(tails[i], heads[j], width, image_area(tracks, size_hw), settings)
    duration = max(1.0, float(np.ptp(tracks.frame)) / frame_rate)
    entries = find_entries(tracks, starts, stops, duration, size_hw)
    score = evidence + prior_odds(evidence, i, j, entries, settings.inliers, settings.prior_weight)
    min_score = settings.min_score
    if appearance is not None:
        score = add_appearance(score, i, j, heads.time[j] - tails.time[i], appearance, settings)
        min_score = settings.min_score_motion
    return chain_ids(tracks, starts, assign(CandidateLinks(i, j, score), len(starts), min_score))


def add_appearance(
    score: Floats, i: Integers, j: Integers, gap: Floats, appearance: TrackletAppearance, settings: LinkSettings
) -> Floats:
    """Scores (P,) by motion and appearance, from those by motion (P,); −inf for links that neither would make.

    gap: (P,), s.
    """
    evidence, is_close = appearance.evidence(i, j)
    by_motion = (score > settings.min_score_motion) & (gap <= settings.max_gap)
    total = score + evidence
    return np.where(by_motion | (is_close & (total > settings.min_score_appearance)), total, -np.inf)


def find_successors(tail_time: Floats, head_time: Floats, max_gap: float) -> tuple[Integers, Integers]:
    """Pairs (i, j) of tracklets in which j begins after the end of i, by at most `max_gap` seconds."""
    order = np.argsort(head_time, kind="stable")
    first = np.searchsorted(head_time[order], tail_time, side="right")
    count = np.maximum(np.searchsorted(head_time[order], tail_time + max_gap, side="right") - first, 0)
    i = np.repeat(np.arange(len(tail_time)), count)
    place = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count)
    return i, order[np.repeat(first, count) + place]


def image_area(tracks: Annotation, size_hw: tuple[int, int] | None) -> float:
    """Area in px² of the image, or, if its size is unknown, of the extent of all boxes."""
    if size_hw is not None:
        return float(size_hw[0] * size_hw[1])
    spread = tracks.xyxy[:, 2:].max(axis=0) - tracks.xyxy[:, :2].min(axis=0)
    return float(np.prod(spread))


def motion_evidence(tails: Ends, heads: Ends, width: float, area: float, settings: LinkSettings) -> Floats:
    """Log-likelihood ratio (P,) of heads that continue tails to heads that appear anywhere and at any time.

    The density of time is in 1/s. width: growth of the prediction error, heights/s. area: of the image, px².
    """
    gap, error, log_ratio = compare_ends(tails, heads)
    scale = settings.error + width * gap
    height = np.sqrt(tails.height * heads.height)
    place = np.log(np.maximum(area / height**2, 1) / (np.pi * scale**2)) - 2 * np.log1p((error / scale) ** 2)
    size = -0.5 * (log_ratio / (settings.size_deviation + settings.size_growth * gap)) ** 2
    time = -np.log(settings.gap_scale) - 2 * np.log1p(gap / settings.gap_scale)
    return place + size + time


def assign(links: CandidateLinks, count: int, min_score: float) -> Integers:
    """Chain (count,) of each of `count` tracklets, by the links of largest total score above `min_score`.

    Each connected component of the bipartite graph of tails and heads is assigned by itself.
    """
    is_good = links.score > min_score
    i, j, gain = links.i[is_good], links.j[is_good], links.score[is_good] - min_score
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
    edges = (np.concatenate(linked_i), np.concatenate(linked_j))
    graph = coo_array((np.ones(len(edges[0])), edges), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def chain_ids(tracks: Annotation, starts: Integers, chains: Integers) -> Integers:
    """Ids (K,) of the rows: that of the earliest tracklet of each chain. starts, chains: (T,), of the tracklets."""
    order = np.lexsort((tracks.frame[starts], chains))
    is_first = np.diff(chains[order], prepend=-1) > 0
    first = np.zeros(chains.max() + 1, dtype=np.int64)
    first[chains[order[is_first]]] = tracks.id[starts[order[is_first]]]
    tracklet = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(tracks))))
    return first[chains[tracklet]]
