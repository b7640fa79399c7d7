"""Fused: ByteTrack's passes with FairMOT's appearance pass, and long re-identification. Our own association.

Passes: pairs that overlap with nothing else; appearance fused with motion (Zhang et al. 2020, sec. 4.4); ByteTrack's
overlap passes (Zhang et al. 2022). Overlap cannot match a pair whose embeddings clearly differ. Without embeddings it
is ByteTrack with other score thresholds.
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers
from idfree.trackers import bytetrack
from idfree.trackers.association import Mask, Matches
from idfree.trackers.bytetrack import ByteTrack, ByteTrackSettings, fuse_score
from idfree.trackers.embeddings import Embeddings, cosine_distance
from idfree.trackers.jde import TRACKED, UNCONFIRMED
from idfree.trackers.tracker import SearchRanges


@dataclass(frozen=True)
class FusedSettings(ByteTrackSettings):
    """ByteTrack's and FairMOT's defaults; the others are ours, chosen on MOT17-04, MOT17-09, PETS09 and TUD-Campus."""

    undisputed: float = 0.7  # greatest IoU distance of a pair that overlaps with nothing else
    high_score: float = 0.5  # ours
    new_score: float = 0.5  # ours
    max_cosine: float = 0.4  # of the cost of appearance fused with motion (FairMOT)
    appearance_weight: float = 0.98  # λ; the rest is the weight of motion (FairMOT)
    veto: float = 1.5  # × max_cosine: pairs of greater cosine distance are not matched by overlap (appearance_veto)
    memory: float = 4.0  # s that a lost track is kept if there are embeddings, in place of patience
    distinct: float = 0.8  # greatest ratio of best to second best cost to match a track lost for longer than patience


SEARCH: SearchRanges = {
    **bytetrack.SEARCH,
    "smoothing": (0.5, 0.99),
    "max_cosine": (0.1, 0.8),
    "appearance_weight": (0.8, 1.0),
    "veto": (1.0, 3.0),
    "undisputed": (0.0, 0.9),
    "memory": (1.0, 10.0),
    "distinct": (0.5, 1.0),
}


class Fused(ByteTrack):
    """ByteTrack with an appearance pass, an appearance veto and a longer patience."""

    settings: FusedSettings
    published_threshold = FusedSettings.max_cosine

    def __init__(self, settings: FusedSettings | None = None, frame_rate: float = 30.0):
        super().__init__(settings or FusedSettings(), frame_rate)
        self.memory_frames = self.whole_frames(self.settings.memory, np.floor)

    @property
    def min_embedded_score(self) -> float:
        return self.settings.high_score

    @property
    def max_lost(self) -> float:
        has_embeddings = self.tracks.embedding.shape[1] > 0
        return self.memory_frames if has_embeddings else self.patience_frames

    def associate(self, detections: Detections, embedding: Embeddings) -> Matches:
        """Pairs that overlap with nothing else; appearance within the motion gate; overlap, high scores before low.

        Unambiguous pairs come first because weak embeddings would separate some of them. Appearance matches unconfirmed
        tracks, too: at low frame rates, boxes of one object in successive frames do not overlap.
        """
        if not embedding.shape[1]:
            return super().associate(detections, embedding)
        matches = self.new_matches(self.tracks, detections)
        self.match_unambiguous(matches, detections, embedding)
        self.match_by_appearance(matches, detections, embedding)
        self.match_by_overlap(matches, detections, embedding)
        return matches

    def match_unambiguous(self, matches: Matches, detections: Detections, embedding: Embeddings) -> None:
        """Match tracked tracks and high-score detections that overlap with nothing else, unless appearance vetoes."""
        high, tracked = detections.score > self.settings.high_score, self.tracks.status == TRACKED
        max_distance = self.settings.undisputed
        i, j, distance = self.iou_costs(matches, detections)
        clear = unambiguous(i, j, (distance <= max_distance) & high[j])
        i, j, distance = i[clear], j[clear], distance[clear]
        distance[self.appearance_veto(i, j, embedding)] = np.inf
        matches.match(i, j, distance, max_distance, "overlap", track_mask=tracked, detection_mask=high)

    def match_by_appearance(self, matches: Matches, detections: Detections, embedding: Embeddings) -> None:
        """FairMOT's pass for high-score detections, without ambiguous re-identification; unconfirmed tracks last."""
        settings, unconfirmed = self.settings, self.tracks.status == UNCONFIRMED
        high = detections.score > settings.high_score
        i, j, cost = self.appearance_costs(detections, embedding, settings.appearance_weight)
        cost[self.ambiguous(i, j, cost)] = np.inf
        for tracks in (~unconfirmed, unconfirmed):
            matches.match(i, j, cost, settings.max_cosine, "appearance", track_mask=tracks, detection_mask=high)

    def match_by_overlap(self, matches: Matches, detections: Detections, embedding: Embeddings) -> None:
        """ByteTrack's three passes for tracked and unconfirmed tracks; appearance vetoes high-score detections."""
        settings, high = self.settings, detections.score > self.settings.high_score
        tracked, unconfirmed = self.tracks.status == TRACKED, self.tracks.status == UNCONFIRMED
        i, j, distance = self.iou_costs(matches, detections)
        fused = fuse_score(distance, detections.score[j])
        fused[self.appearance_veto(i, j, embedding) & high[j]] = np.inf
        matches.match(i, j, fused, settings.max_distance, "overlap", track_mask=tracked, detection_mask=high)
        max_cost = settings.max_iou_distance_low
        matches.match(i, j, distance, max_cost, "overlap", track_mask=tracked, detection_mask=~high)
        max_cost = settings.max_iou_distance_unconfirmed
        matches.match(i, j, fused, max_cost, "overlap", track_mask=unconfirmed, detection_mask=high)

    def ambiguous(self, i: Integers, j: Integers, cost: Floats) -> Mask:
        """Mask (K,) of the pairs whose track was lost for longer than `patience`, and is hardly the best for j.

        The more lost tracks there are, the likelier one of them resembles a new detection by chance. An absolute
        threshold does not see this; the ratio to the second best cost does (Lowe 2004, *Distinctive Image Features*,
        sec. 7.1, where it is 0.8 too).
        """
        is_long_lost = (self.now - self.tracks.last_seen > self.frame_rate * self.settings.patience)[i]
        if not is_long_lost.any():  # most frames: the second best costs need not be computed
            return is_long_lost
        return np.asarray(is_long_lost & (cost > self.settings.distinct * second_best_cost(cost, j)))

    def appearance_veto(self, i: Integers, j: Integers, embedding: Embeddings) -> Mask:
        """Mask (K,) of the pairs of tracks i and embedding[j] too dissimilar to be one object.

        The limit is `veto` × `max_cosine` or the encoder's upper threshold, whichever is greater: pairs of one object
        often exceed the former with weak encoders. Pairs with a zero embedding (none is known) are never vetoed.
        """
        if not embedding.shape[1]:
            return super().appearance_veto(i, j, embedding)
        distance = self.distance_scale * cosine_distance(self.tracks.embedding, embedding, i, j)
        is_known = np.any(self.tracks.embedding, axis=1)[i] & np.any(embedding, axis=1)[j]
        limit = max(self.settings.veto * self.settings.max_cosine, self.distance_scale * (self.upper_threshold or 0))
        return np.asarray(is_known & (distance > limit))


def unambiguous(i: Integers, j: Integers, near: Mask) -> Mask:
    """Mask (K,) of the pairs that are `near` (K,) and the only such pair of both their track i and detection j."""
    pairs_of_track, pairs_of_detection = (np.bincount(k[near], minlength=k.max(initial=0) + 1) for k in (i, j))
    return near & (pairs_of_track[i] == 1) & (pairs_of_detection[j] == 1)


def second_best_cost(cost: Floats, j: Integers) -> Floats:
    """For each pair (K,) of a track and detection j, the least cost of j with another track; infinity if none."""
    order = np.lexsort((cost, j))
    sorted_cost = cost[order]
    is_best = np.diff(j[order], prepend=-1) > 0  # the first, cheapest pair of each detection
    is_last = np.append(is_best, True)[1:]
    next_cost = np.where(is_last, np.inf, np.append(sorted_cost, np.inf)[1:])
    result = np.empty_like(cost)
    result[order] = np.where(is_best, next_cost, sorted_cost[is_best][np.cumsum(is_best) - 1])
    return result
