"""Appearance of tracklets: which boxes are embedded, and the likelihood ratio of the distance of two tracklets.

The distributions of cosine distances are estimated on the video itself: the two halves of a tracklet show one identity,
two tracklets that coexist show two.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Annotation, Floats, Integers
from idfree.offline.fill import is_occluded
from idfree.offline.track_rows import track_starts

MAX_CROPS = 12  # rows per tracklet that are embedded, spread over its time
MAX_OCCLUSION = 0.2  # share of a box covered by one in front of it; with more, its embedding shows both
MIN_SAMPLES = 5  # halves, and coexisting pairs, to estimate distributions from
MAX_PAIRS = 20_000  # coexisting pairs that are compared
MAX_EVIDENCE_AGAINST = 8.0  # a link; that for one is bounded by how many coexisting pairs are as close
MAX_CLOSER_SHARE = 0.01  # of coexisting pairs, for a link by appearance that motion would not make
MIN_DEVIATION = 0.02  # of cosine distances, of an encoder without errors on this video
DEVIATION_FACTOR = 1.5  # halves of a tracklet lie closer in time than tracklets with a gap between

Embeddings = NDArray[np.floating]


def unoccluded_rows(tracks: Annotation) -> Integers:
    """Rows (M,), ascending, at most MAX_CROPS of each track, to be embedded; tracks: sorted by track.

    Each track is divided into parts of equal length; of each part the first row that is not occluded is taken.
    """
    starts = track_starts(tracks)
    length = np.diff(starts, append=len(tracks))
    place = np.arange(len(tracks)) - np.repeat(starts, length)
    parts = np.minimum(length, MAX_CROPS)
    part = place * np.repeat(parts, length) // np.repeat(length, length)
    rows = np.flatnonzero(~is_occluded(tracks, tracks, MAX_OCCLUSION))
    key = np.repeat(np.arange(len(starts)), length)[rows] * MAX_CROPS + part[rows]
    return rows[np.unique(key, return_index=True)[1]]


@dataclass(frozen=True)
class TrackletAppearance:
    """Embeddings of T tracklets, and the likelihood ratio of cosine distances between them.

    mean: (T, D), mean embeddings, zeros if unknown. The log-likelihood ratio of a distance is slope · (middle −
    distance). different: (P,), distances of coexisting pairs, ascending.
    """

    mean: Floats
    slope: float
    middle: float
    different: Floats

    def evidence(self, i: Integers, j: Integers) -> tuple[Floats, NDArray[np.bool_]]:
        """Log-likelihood ratio (P,) of one identity to two for tracklets i, j (P,), and a mask (P,) of very close ones.

        Very close: fewer than MAX_CLOSER_SHARE of the coexisting pairs are as close.
        """
        is_known = np.any(self.mean != 0, axis=1)
        is_known_pair = is_known[i] & is_known[j]
        distance = 1 - np.einsum("pd,pd->p", self.mean[i], self.mean[j])
        count = len(self.different)
        closer = (np.searchsorted(self.different, distance, side="right") + 1) / (count + 1)
        ratio = np.clip(self.slope * (self.middle - distance), -MAX_EVIDENCE_AGAINST, -np.log(closer))
        return np.where(is_known_pair, ratio, 0.0), is_known_pair & (closer < MAX_CLOSER_SHARE)


def measure_appearance(tracks: Annotation, rows: Integers, embedding: Embeddings) -> TrackletAppearance | None:
    """The appearance of tracks, sorted by track; None if there are too few distances to estimate distributions from.

    rows: (M,), ascending. embedding: (M, D), of these rows; zeros if unknown.
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
    if min(len(same), len(different)) < MIN_SAMPLES:
        return None
    deviation = DEVIATION_FACTOR * np.sqrt((same.var() + different.var()) / 2) + MIN_DEVIATION
    slope = max(0.0, float((different.mean() - same.mean()) / deviation**2))
    return TrackletAppearance(mean, slope, float(same.mean() + different.mean()) / 2, np.sort(different))


def group_means(unit: Embeddings, group: Integers, count: int) -> Floats:
    """Mean embeddings (count, D), of unit length, of the rows of each group; zeros for those without rows."""
    total = np.zeros((count, unit.shape[1]))
    np.add.at(total, group, unit)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return total / np.where(length > 0, length, 1)


def coexisting_pairs(first: Integers, last: Integers, among: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """Pairs i, j (P,) of tracks that overlap in time, about MAX_PAIRS at most, evenly thinned.

    first, last: (T,), frames of the tracks. among: (T,), mask of those to pair.
    """
    chosen = np.flatnonzero(among)
    order = chosen[np.argsort(first[chosen], kind="stable")]
    count = np.searchsorted(first[order], last[order], side="right") - np.arange(len(order)) - 1
    a = np.repeat(np.arange(len(order)), count)
    b = a + 1 + np.arange(len(a)) - np.repeat(np.cumsum(count) - count, count)
    thinned = slice(None, None, len(a) // MAX_PAIRS + 1)
    return order[a[thinned]], order[b[thinned]]
