"""ByteTrack: IoU association of high-score detections first, then of low-score ones (Zhang et al. 2022)."""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats
from idfree.trackers import jde
from idfree.trackers.association import Mask, Matches
from idfree.trackers.embeddings import Embeddings
from idfree.trackers.jde import TRACKED, UNCONFIRMED, Jde, JdeSettings
from idfree.trackers.tracker import SearchRanges


@dataclass(frozen=True)
class ByteTrackSettings(JdeSettings):
    """Defaults of the public code for MOT17 (Zhang 2022, sec. 4.1)."""

    high_score: float = 0.6  # τ: detections with a higher score take part in the first pass
    low_score: float = 0.1  # those between low_score and high_score, in the second; lower ones are dropped
    new_score: float = 0.7  # least score of a detection that starts a track
    max_distance: float = 0.9  # first pass, of IoU distance fused with the score
    max_iou_distance_low: float = 0.5  # second pass
    max_iou_distance_unconfirmed: float = 0.7  # third pass


SEARCH: SearchRanges = {
    **jde.SEARCH,
    "high_score": (0.3, 0.8),
    "low_score": (0.0, 0.3),
    "new_score": (0.3, 0.9),
    "max_distance": (0.6, 0.98),
    "max_iou_distance_low": (0.2, 0.9),
    "max_iou_distance_unconfirmed": (0.4, 0.95),
}


class ByteTrack(Jde):
    """ByteTrack (Zhang 2022)."""

    settings: ByteTrackSettings

    def __init__(self, settings: ByteTrackSettings | None = None, frame_rate: float = 30.0):
        super().__init__(settings or ByteTrackSettings(), frame_rate)

    @property
    def score_floor(self) -> float:
        """Detections with scores up to `low_score` are dropped."""
        return self.settings.low_score

    def can_start(self, score: Floats) -> Mask:
        """Mask (N,): scores of at least `new_score`."""
        return score >= self.settings.new_score

    def associate(self, detections: Detections, embedding: Embeddings) -> Matches:
        """Three passes: high scores with all but unconfirmed tracks, low scores with tracked, high with unconfirmed."""
        tracks, settings = self.tracks, self.settings
        matches = self.new_matches(tracks, detections)
        high = detections.score > settings.high_score
        tracked, unconfirmed = tracks.status == TRACKED, tracks.status == UNCONFIRMED

        i, j, distance = self.iou_costs(matches, detections)
        fused = fuse_score(distance, detections.score[j])
        matches.match(i, j, fused, settings.max_distance, "overlap", track_mask=~unconfirmed, detection_mask=high)
        max_cost = settings.max_iou_distance_low
        matches.match(i, j, distance, max_cost, "overlap", track_mask=tracked, detection_mask=~high)
        max_cost = settings.max_iou_distance_unconfirmed
        matches.match(i, j, fused, max_cost, "overlap", track_mask=unconfirmed, detection_mask=high)
        return matches


def fuse_score(iou_distance: Floats, score: Floats) -> Floats:
    """Cost (K,) 1 − IoU × score, of pairs with these IoU distances and detection scores (scores above 1 count as 1)."""
    return 1 - (1 - iou_distance) * np.minimum(score, 1)
