"""BoT-SORT: ByteTrack that follows the camera, filters width and height, and asks appearance among the near.

Aharon et al. 2022, BoT-SORT: Robust Associations Multi-Pedestrian Tracking.
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers
from idfree.trackers.association import Matches
from idfree.trackers.bytetrack import ByteTrack, ByteTrackSettings
from idfree.trackers.embeddings import Embedding, cosine_distance
from idfree.trackers.jde import TRACKED, UNCONFIRMED
from idfree.trackers.motion import SizeMotion


@dataclass(frozen=True)
class BotSortSettings(ByteTrackSettings):
    """Defaults of the public code (paper, sec. 4.1)."""

    max_distance: float = 0.8  # first pass, of the lesser of the two distances
    proximity: float = 0.5  # θ_iou: appearance counts up to this IoU distance
    max_appearance: float = 0.25  # θ_emb: and up to this half cosine distance, which goes from 0 to 1
    fuse_score: bool = True  # IoU counts by the detection's score; the public code does without for MOT20


class BotSort(ByteTrack):
    """The tracker of Aharon 2022; without embeddings, that of motion alone; without View.camera, of a still camera."""

    settings: BotSortSettings
    motion = SizeMotion()
    still = (2, 3)  # width and height
    published_threshold = 2 * BotSortSettings.max_appearance

    def __init__(self, settings: BotSortSettings | None = None, frame_rate: float = 30.0):
        super().__init__(settings or BotSortSettings(), frame_rate)

    @property
    def least_embedded(self) -> float:
        return self.settings.high_score

    def associate(self, detections: Detections, embedding: Embedding) -> Matches:
        """ByteTrack's three passes; for high scores, the distance is that of overlap or of appearance (sec. 3.3)."""
        tracks, settings = self.tracks, self.settings
        matching = self.matching(tracks, detections)
        high = detections.score > settings.high_score
        unconfirmed = tracks.status == UNCONFIRMED

        i, j, distance = self.overlaps(matching, detections)
        certainty = np.minimum(detections.score[j], 1) if settings.fuse_score else 1.0
        overlap = 1 - (1 - distance) * certainty
        appearance = self.appearance(i, j, distance, embedding)
        cost = np.minimum(overlap, appearance)
        matching.match(i, j, cost, settings.max_distance, by="overlap", among=~unconfirmed, using=high)
        matching.match(
            i, j, distance, settings.max_iou_distance_low, by="overlap", among=tracks.status == TRACKED, using=~high
        )
        limit = settings.max_iou_distance_unconfirmed
        matching.match(i, j, cost, limit, by="overlap", among=unconfirmed, using=high)

        alike = int(np.count_nonzero((appearance < overlap) & high[j] & (matching.detection_of[i] == j)))
        self.decided.update(overlap=-alike, appearance=alike)
        return matching

    def appearance(self, i: Integers, j: Integers, iou_distance: Floats, embedding: Embedding) -> Floats:
        """(K,) half the cosine distance of tracks i and detections j; 1 for pairs too far apart or too unlike."""
        near = np.flatnonzero(iou_distance <= self.settings.proximity)
        distance = np.ones(len(i))
        distance[near] = self.scale * cosine_distance(self.tracks.embedding, embedding, i[near], j[near]) / 2
        return np.where(distance <= self.settings.max_appearance, distance, 1.0)
