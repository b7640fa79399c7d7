"""Appearance of tracklets: which of their boxes are embedded, and the likelihood ratio of two tracklets' distance.

The distributions of cosine distances are estimated on the video itself: the two halves of a tracklet show one person,
two tracklets that coexist show two.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Annotation, Floats, Integers
from idfree.offline.fill import is_hidden
from idfree.offline.track_rows import track_starts

CROPS = 12  # rows per tracklet that are embedded, spread over its time
COVERED = 0.2  # share of a box that another in front of it covers, from which on its embedding shows both
FEWEST = 5  # halves, and coexisting pairs, that distances are measured with
MAX_PAIRS = 20_000  # coexisting pairs that are compared, at most
CERTAIN = 8.0  # greatest evidence against a link; that for one is bounded by how many coexisting pairs are as close
RARE = 0.01  # share of coexisting pairs that may be as close as tracklets that appearance links and motion would not
LEAST_DEVIATION = 0.02  # of cosine distances: those of an encoder that never errs on this video
OPTIMISM = 1.5  # × the deviation: halves of a tracklet lie closer in time than tracklets with a gap between

Embeddings = NDArray[np.floating]


def clear_rows(tracks: Annotation) -> Integers:
    """Rows (M,), ascending, at most CROPS of each track, to be embedded; rows sorted by track.

    Each track is divided into parts of equal length; of each part the first row that nobody covers is taken.
    """
    starts = track_starts(tracks)
    length = np.diff(starts, append=len(tracks))
    place = np.arange(len(tracks)) - np.repeat(starts, length)
    parts = np.minimum(length, CROPS)
    part = place * np.repeat(parts, length) // np.repeat(length, length)
    rows = np.flatnonzero(~is_hidden(tracks, tracks, COVERED))
    key = np.repeat(np.arange(len(starts)), length)[rows] * CROPS + part[rows]
    return rows[np.unique(key, return_index=True)[1]]


@dataclass(frozen=True)
class TrackletAppearance:
    """Mean embeddings (T, D) of the tracklets, zeros if unknown, and what their cosine distances mean.

    The log-likelihood ratio is slope · (middle − distance). different: (P,) distances of coexisting pairs, ascending.
    """

    mean: Floats
    slope: float
    middle: float
    different: Floats

    def evidence(self, i: Integers, j: Integers) -> tuple[Floats, NDArray[np.bool_]]:
        """Logarithm (P,) of the likelihood ratio of the same person to different ones, and mask of rare closeness."""
        is_known = np.any(self.mean != 0, axis=1)
        is_known_pair = is_known[i] & is_known[j]
        distance = 1 - np.einsum("pd,pd->p", self.mean[i], self.mean[j])
        count = len(self.different)
        closer = (np.searchsorted(self.different, distance, side="right") + 1) / (count + 1)
        ratio = np.clip(self.slope * (self.middle - distance), -CERTAIN, -np.log(closer))
        return np.where(is_known_pair, ratio, 0.0), is_known_pair & (closer < RARE)


def measure_appearance(tracks: Annotation, rows: Integers, embedding: Embeddings) -> TrackletAppearance | None:
    """The appearance of tracks, rows sorted by track; None if there are too few distances to estimate with.

    embedding: (M, D), of the rows (M,), which ascend; zeros if unknown.
    """
    starts = track_starts(tracks)
    first, last = tracks.frame[starts], tracks.frame[np.append(starts[1:], len(tracks)) - 1]
    is_known = np.any(embedding, axis=1)
    rows, embedding = rows[is_known], embedding[is_known]
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    tracklet = np.searchsorted(starts, rows, side="right") - 1
    count = np.bincount(tracklet, minlength=len(starts))
    mean = group_means(unit, tracklet, len(starts))
    place = np.arange(len(rows)) - (np.cumsum(count) - count)[tracklet]
    is_late = 2 * place >= count[tracklet]
    halves = [group_means(unit[half], tracklet[half], len(starts)) for half in (~is_late, is_late)]
    is_long = count >= 4
    same = 1 - np.einsum("td,td->t", halves[0][is_long], halves[1][is_long])
    i, j = coexisting_pairs(first, last, count > 0)
    different = 1 - np.einsum("pd,pd->p", mean[i], mean[j])
    if min(len(same), len(different)) < FEWEST:
        return None
    deviation = OPTIMISM * np.sqrt((same.var() + different.var()) / 2) + LEAST_DEVIATION
    slope = max(0.0, float((different.mean() - same.mean()) / deviation**2))
    return TrackletAppearance(mean, slope, float(same.mean() + different.mean()) / 2, np.sort(different))


def group_means(unit: Embeddings, group: Integers, count: int) -> Floats:
    """Mean embeddings (count, D), of unit length, of the rows of each group; zeros for those without rows."""
    total = np.zeros((count, unit.shape[1]))
    np.add.at(total, group, unit)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return total / np.where(length > 0, length, 1)


def coexisting_pairs(first: Integers, last: Integers, among: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """Pairs (P,) of tracks that overlap in time, of those in the mask `among`; at most about MAX_PAIRS, evenly."""
    chosen = np.flatnonzero(among)
    order = chosen[np.argsort(first[chosen], kind="stable")]
    count = np.searchsorted(first[order], last[order], side="right") - np.arange(len(order)) - 1
    a = np.repeat(np.arange(len(order)), count)
    b = a + 1 + np.arange(len(a)) - np.repeat(np.cumsum(count) - count, count)
    thinned = slice(None, None, len(a) // MAX_PAIRS + 1)
    return order[a[thinned]], order[b[thinned]]
