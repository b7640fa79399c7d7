"""Fused: motion, overlap and appearance in one log-odds. Our own association, the default.

The cost of a pair of track and detection is −log odds that they are one object: the log odds of their overlap plus the
log-likelihood ratio of their appearance, which is learnt from the video while it is tracked (appearance_likelihood.py).
So embeddings that do not separate objects change nothing, and good ones may both match a track that nothing overlaps
and reject a box that does. Low scores follow in a second pass (Zhang et al. 2022, ByteTrack). Overlap is measured with
a margin round both boxes (Yang et al. 2023, C-BIoU, with a fixed margin) that grows with the position's standard
deviation and with the normalised innovation of the video's tracks (innovation.py), and with more weight on the vertical
extent (Yang et al. 2024, Hybrid-SORT's height-modulated IoU).
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.boxes import area, overlapping_pairs, paired_intersection
from idfree.core.types import Detections, Floats, Integers
from idfree.trackers import jde
from idfree.trackers.appearance_likelihood import ABSENT, SPAN, AppearanceLikelihood
from idfree.trackers.association import Mask, Matches
from idfree.trackers.certain_pairs import apart, is_certain, near, sample
from idfree.trackers.embeddings import Embeddings, cosine_distance
from idfree.trackers.innovation import NormalisedInnovation
from idfree.trackers.jde import PIXEL, TRACKED, UNCONFIRMED, Jde, JdeSettings, JdeTracks
from idfree.trackers.kalman import POSITION, PP
from idfree.trackers.motion import SizeMotion
from idfree.trackers.tracker import SearchRanges


@dataclass(frozen=True)
class FusedSettings(JdeSettings):
    """Defaults chosen by leaving sets of sequences out in turn (docs/association.md)."""

    high_score: float = 0.5  # detections with a higher score take part in the first pass, and have embeddings
    low_score: float = 0.1  # those between low_score and high_score, in the second; lower ones are dropped
    new_score: float = 0.55  # least score of a detection that starts a track
    score_power: float = 0.5  # the overlap is multiplied by score ** score_power (ByteTrack: 1)
    min_overlap: float = 0.06  # overlap at which a pair is as likely one object as two
    min_overlap_low: float = 0.3  # second pass
    height_power: float = 2.5  # IoU × (IoU of the vertical extents) ** height_power
    margin: float = 0.9  # round both boxes, in standard deviations of the track's position where the filter is right
    margin_power: float = 1.5  # the margin is multiplied by the normalised innovation squared ** margin_power
    margin_cost: float = 0.5  # log odds lost for each unit of the log of the area's growth by the margin
    absent_log_odds: float = -3.0  # of a pair in the motion gate without overlap
    duplicate_iou_distance: float = 0.0  # of a lost and a tracked box: the younger is removed; 0: none
    patience: float = 1.5  # s that a lost track is kept
    memory: float = 4.0  # s that it is kept if there are embeddings that separate objects


SEARCH: SearchRanges = {
    **jde.SEARCH,
    "smoothing": (0.5, 0.99),
    "high_score": (0.3, 0.8),
    "low_score": (0.0, 0.3),
    "new_score": (0.3, 0.9),
    "score_power": (0.0, 1.0),
    "min_overlap": (0.02, 0.3),
    "min_overlap_low": (0.1, 0.7),
    "height_power": (0.0, 4.0),
    "margin": (0.0, 2.0),
    "margin_power": (0.0, 3.0),
    "margin_cost": (0.0, 2.0),
    "absent_log_odds": (-8.0, -1.0),
    "memory": (1.0, 10.0),
}


@dataclass
class FusedTracks(JdeTracks):
    """earlier: (N, D), the embedding at the time `earlier_time` (N,), which later ones are compared with."""

    earlier: Embeddings
    earlier_time: Floats


class Fused(Jde):
    """One assignment of high scores by log odds, then low scores by overlap, then unconfirmed tracks."""

    settings: FusedSettings
    tracks: FusedTracks
    motion = SizeMotion()
    frozen_if_lost = (2, 3)  # width and height
    uses_embeddings = True

    def __init__(self, settings: FusedSettings | None = None, frame_rate: float = 30.0):
        super().__init__(settings or FusedSettings(), frame_rate)
        self.memory_frames = self.whole_frames(self.settings.memory, np.floor)

    def clear(self) -> None:
        """Remove all tracks, and forget what was learnt from the video."""
        super().clear()
        self.likelihood = AppearanceLikelihood()
        self.innovation = NormalisedInnovation()

    @property
    def min_embedded_score(self) -> float:
        """Embeddings are used of detections with scores above `high_score`."""
        return self.settings.high_score

    @property
    def score_floor(self) -> float:
        """Detections with scores up to `low_score` are dropped."""
        return self.settings.low_score

    @property
    def max_lost(self) -> float:
        """Frames that a lost track is kept: of `memory` if the embeddings separate objects, else of `patience`."""
        has_embeddings = self.tracks.embedding.shape[1] > 0
        is_of_use = has_embeddings and self.likelihood.separates(self.match_threshold)
        return self.memory_frames if is_of_use else self.patience_frames

    def can_start(self, score: Floats) -> Mask:
        """Mask (N,): scores of at least `new_score`."""
        return score >= self.settings.new_score

    def associate(self, detections: Detections, embedding: Embeddings) -> Matches:
        """Confirmed tracks with high scores; tracked ones with low scores; unconfirmed ones with high scores."""
        settings, matches = self.settings, self.new_matches(self.tracks, detections)
        high = detections.score > settings.high_score
        tracked, unconfirmed = self.tracks.status == TRACKED, self.tracks.status == UNCONFIRMED
        i, j, overlap = self.overlaps(detections)
        pairs = self.log_odds(detections, embedding, i, j, overlap)
        self.match_log_odds(matches, *pairs, ~unconfirmed, high)
        matches.match(
            i, j, 1 - overlap, 1 - settings.min_overlap_low, "overlap", track_mask=tracked, detection_mask=~high
        )
        self.match_log_odds(matches, *pairs, unconfirmed, high)
        return matches

    def overlaps(self, detections: Detections) -> tuple[Integers, Integers, Floats]:
        """Pairs (i, j) of tracks and detections that overlap with margins, and their overlap in 0…1."""
        margin = self.margins() * np.array([-1, -1, 1, 1])
        boxes, others = self.motion.to_boxes(self.tracks.state) + PIXEL, detections.xyxy + PIXEL
        i, j = overlapping_pairs(boxes + 2 * margin, others)
        return i, j, height_weighted_iou(boxes[i] + margin[i], others[j] + margin[i], self.settings.height_power)

    def margins(self) -> Floats:
        """Margins (T, 4) of each side of the tracks' boxes, px."""
        factor = self.settings.margin * self.innovation.value**self.settings.margin_power
        return factor * np.sqrt(self.tracks.state[:, PP][:, [0, 1, 0, 1]])

    def uncertainty_cost(self) -> Floats:
        """Log odds (T,) that each track loses in all its pairs: the larger its margins, the more fits by chance."""
        size = np.maximum(self.tracks.state[:, POSITION, 2:], 1)  # px
        return np.asarray(self.settings.margin_cost * np.log1p(2 * self.margins()[:, :2] / size).sum(axis=1))

    def log_odds(
        self, detections: Detections, embedding: Embeddings, i: Integers, j: Integers, overlap: Floats
    ) -> tuple[Integers, Integers, Floats, Floats]:
        """Candidate pairs, their log odds (K,) by overlap alone and by overlap and appearance."""
        settings = self.settings
        weighted = overlap * np.minimum(detections.score[j], 1) ** settings.score_power
        motion = logit(weighted) - logit(np.array(settings.min_overlap))
        cost = self.uncertainty_cost()
        if not embedding.shape[1]:
            return i, j, motion - cost[i], motion - cost[i]
        gate_i, gate_j, _ = self.motion.gate(self.tracks.state, self.motion.to_measurement(detections.xyxy))
        i, j, motion = union(i, j, motion, gate_i, gate_j, settings.absent_log_odds)
        is_usable = (detections.score > settings.high_score) & np.any(embedding, axis=1)
        is_known = np.any(self.tracks.embedding, axis=1)[i] & is_usable[j]
        distance = cosine_distance(self.tracks.embedding, embedding, i, j)
        is_absent = self.now - self.tracks.last_seen[i] > max(ABSENT * self.frame_rate, self.elapsed)
        evidence = np.where(is_known, self.likelihood.log_ratio(distance, self.match_threshold, is_absent), 0.0)
        self.observe_frame(detections, embedding, np.flatnonzero(is_usable))
        self.observe_pairs(embedding, i[is_known], j[is_known], motion[is_known], distance[is_known])
        return i, j, motion - cost[i], motion - cost[i] + evidence

    def match_log_odds(
        self, matches: Matches, i: Integers, j: Integers, motion: Floats, total: Floats, tracks: Mask, high: Mask
    ) -> None:
        """Match pairs of positive log odds; those that overlap alone would not have matched count as appearance."""
        before = matches.detection_of.copy()
        matches.match(i, j, -total, 0.0, "overlap", track_mask=tracks, detection_mask=high)
        is_new = (matches.detection_of[i] == j) & (before[i] != j)
        by_appearance = int(np.count_nonzero(is_new & (motion <= 0)))
        self.match_counts["overlap"] -= by_appearance
        self.match_counts["appearance"] += by_appearance

    def start_tracks(self, detections: Detections, embedding: Embeddings) -> FusedTracks:
        """A new track for each detection; its first embedding is the one that later ones are compared with."""
        tracks = super().start_tracks(detections, embedding)
        return FusedTracks(**vars(tracks), earlier=embedding, earlier_time=np.full(len(tracks), self.now))

    def update_matched(self, rows: Integers, matched: Integers, detections: Detections, embedding: Embeddings) -> None:
        """As Jde's; and learn from tracks that were seen in the frame before, and are now by clear detections."""
        tracks = self.tracks
        was_seen = (self.now - tracks.last_seen[rows] <= self.elapsed) & (tracks.status[rows] != UNCONFIRMED)
        is_clear = detections.score[matched] > self.settings.high_score
        self.observe_innovation(rows[was_seen & is_clear], detections.xyxy[matched[was_seen & is_clear]])
        if len(rows) and embedding.shape[1]:
            is_clear &= np.any(embedding[matched], axis=1)
            self.observe_later(rows[is_clear], embedding[matched[is_clear]], was_seen[is_clear])
        super().update_matched(rows, matched, detections, embedding)

    def observe_innovation(self, rows: Integers, xyxy: Floats) -> None:
        """Learn how far the boxes (R, 4) are from where tracks `rows` were predicted."""
        state = self.tracks.state[rows]
        self.innovation.observe(state, self.motion.to_measurement(xyxy), self.motion.measurement_noise(state))

    def observe_later(self, rows: Integers, embedding: Embeddings, was_seen: Mask) -> None:
        """Learn the distances (R,) of embeddings to those of their tracks SPAN seconds before, if nothing came between.

        A track that was absent may be another object since, so its earlier embedding is replaced uncompared.
        """
        tracks = self.tracks
        is_known = np.any(tracks.earlier[rows], axis=1)
        is_due = self.now - tracks.earlier_time[rows] >= SPAN * self.frame_rate
        compared = was_seen & is_known & is_due
        similarity = (tracks.earlier[rows[compared]] * embedding[compared]).sum(axis=1, dtype=np.float64)
        self.likelihood.observe_later(1 - similarity)
        renewed = rows[~was_seen | ~is_known | is_due]
        tracks.earlier[renewed] = tracks.embedding[renewed]
        tracks.earlier_time[renewed] = self.now

    def observe_frame(self, detections: Detections, embedding: Embeddings, rows: Integers) -> None:
        """Learn the distances of two objects, of neighbours above all, from the detections `rows` of one frame."""
        rows = sample(rows)
        boxes = detections.xyxy[rows]
        self.likelihood.observe_frame(embedding[rows], apart(boxes), near(boxes))

    def observe_pairs(self, embedding: Embeddings, i: Integers, j: Integers, motion: Floats, distance: Floats) -> None:
        """Learn the distances of one and of two objects from the certain ones among the pairs of known embeddings."""
        certain = is_certain(i, j, motion)
        i, j, same = i[certain], j[certain], distance[certain]
        if not len(i):
            return
        chosen = sample(np.arange(len(i)))
        across = 1 - (self.tracks.embedding[i[chosen]] @ embedding[j[chosen]].T).astype(np.float64)
        is_neighbour = near(self.motion.to_boxes(self.tracks.state[i[chosen]])) & ~np.eye(len(chosen), dtype=bool)
        self.likelihood.observe_pairs(same, across[is_neighbour])


def height_weighted_iou(a: Floats, b: Floats, power: float) -> Floats:
    """IoU of the boxes a[k] and b[k] × (IoU of their vertical extents) ** power, (K,)."""
    intersection = paired_intersection(a, b)
    iou = intersection / (area(a) + area(b) - intersection)
    common = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    extent = np.maximum(a[:, 3], b[:, 3]) - np.minimum(a[:, 1], b[:, 1])
    return np.asarray(iou * np.maximum(common / extent, 0) ** power)


def logit(probability: Floats) -> Floats:
    """Log odds log(p / (1 − p)), of probabilities clipped to 1e-6…0.999."""
    p = np.clip(probability, 1e-6, 0.999)
    return np.asarray(np.log(p / (1 - p)))


def union(
    i: Integers, j: Integers, motion: Floats, gate_i: Integers, gate_j: Integers, absent: float
) -> tuple[Integers, Integers, Floats]:
    """Pairs in either list; their log odds, at least `absent`, which those in the gate alone have."""
    width = int(max(j.max(initial=0), gate_j.max(initial=0))) + 1
    key, first = np.unique(np.concatenate([i * width + j, gate_i * width + gate_j]), return_index=True)
    log_odds = np.concatenate([np.maximum(motion, absent), np.full(len(gate_i), absent)])
    return key // width, key % width, log_odds[first]
