"""BoT-SORT: ByteTrack with camera motion, a filter of width and height, and appearance for overlapping pairs.

Aharon et al. 2022, *BoT-SORT: Robust Associations Multi-Pedestrian Tracking*.
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers
from idfree.trackers import bytetrack
from idfree.trackers.association import Matches
from idfree.trackers.bytetrack import ByteTrack, ByteTrackSettings, fuse_score
from idfree.trackers.embeddings import Embeddings, cosine_distance
from idfree.trackers.jde import TRACKED, UNCONFIRMED
from idfree.trackers.motion import SizeMotion
from idfree.trackers.tracker import SearchRanges


@dataclass(frozen=True)
class BotSortSettings(ByteTrackSettings):
    """Defaults of the public code (Aharon 2022, sec. 4.1)."""

    max_distance: float = 0.8  # first pass, of the lesser of the two distances
    proximity: float = 0.5  # θ_iou: greatest IoU distance at which appearance counts
    max_appearance: float = 0.25  # θ_emb: greatest half cosine distance (0 to 1) at which appearance counts
    fuse_score: bool = True  # multiply IoU by the detection's score; the public code does not for MOT20


SEARCH: SearchRanges = {
    **bytetrack.SEARCH,
    "smoothing": (0.5, 0.99),
    "proximity": (0.2, 0.9),
    "max_appearance": (0.05, 0.5),
    "fuse_score": (False, True),
}


class BotSort(ByteTrack):
    """BoT-SORT (Aharon 2022); motion alone without embeddings, a static camera without View.camera."""

    settings: BotSortSettings
    motion = SizeMotion()
    frozen_if_lost = (2, 3)  # width and height
    uses_embeddings = True
    published_threshold = 2 * BotSortSettings.max_appearance

    def __init__(self, settings: BotSortSettings | None = None, frame_rate: float = 30.0):
        super().__init__(settings or BotSortSettings(), frame_rate)

    @property
    def min_embedded_score(self) -> float:
        """Embeddings are used of detections with scores above `high_score`; others may be occluded."""
        return self.settings.high_score

    def associate(self, detections: Detections, embedding: Embeddings) -> Matches:
        """ByteTrack's three passes; the cost of high scores is the lesser of overlap and appearance (sec. 3.3)."""
        tracks, settings = self.tracks, self.settings
        matches = self.new_matches(tracks, detections)
        high = detections.score > settings.high_score
        tracked, unconfirmed = tracks.status == TRACKED, tracks.status == UNCONFIRMED

        i, j, distance = self.iou_costs(matches, detections)
        overlap = fuse_score(distance, detections.score[j] if settings.fuse_score else np.ones(len(j)))
        appearance = self.half_cosine_distances(i, j, distance, embedding)
        cost = np.minimum(overlap, appearance)
        matches.match(i, j, cost, settings.max_distance, "overlap", track_mask=~unconfirmed, detection_mask=high)
        max_cost = settings.max_iou_distance_low
        matches.match(i, j, distance, max_cost, "overlap", track_mask=tracked, detection_mask=~high)
        max_cost = settings.max_iou_distance_unconfirmed
        matches.match(i, j, cost, max_cost, "overlap", track_mask=unconfirmed, detection_mask=high)

        is_match = matches.detection_of[i] == j
        by_appearance = int(np.count_nonzero((appearance < overlap) & high[j] & is_match))
        self.match_counts.update(overlap=-by_appearance, appearance=by_appearance)
        return matches

    def half_cosine_distances(self, i: Integers, j: Integers, iou_distance: Floats, embedding: Embeddings) -> Floats:
        """Half the cosine distances (K,) of tracks i and embedding[j]; 1 beyond `proximity` or `max_appearance`."""
        near = np.flatnonzero(iou_distance <= self.settings.proximity)
        distance = np.ones(len(i))
        distance[near] = self.distance_scale * cosine_distance(self.tracks.embedding, embedding, i[near], j[near]) / 2
        return np.where(distance <= self.settings.max_appearance, distance, 1.0)
