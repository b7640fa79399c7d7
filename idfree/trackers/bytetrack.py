"""ByteTrack: first the confident detections, then the others, by overlap alone (Zhang et al. 2022)."""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers
from idfree.trackers.association import Mask, Matches
from idfree.trackers.embeddings import Embedding
from idfree.trackers.jde import TRACKED, UNCONFIRMED, Jde, JdeSettings


@dataclass(frozen=True)
class ByteTrackSettings(JdeSettings):
    """Defaults of the public code for MOT17 (paper, sec. 4.1)."""

    high_score: float = 0.6  # τ: detections above it take part in the first pass
    low_score: float = 0.1  # those above this, in the second
    new_score: float = 0.7  # those above this may begin a track
    max_distance: float = 0.9  # first pass, of IoU fused with the score
    max_iou_distance_low: float = 0.5  # second pass


class ByteTrack(Jde):
    """The tracker of Zhang 2022."""

    settings: ByteTrackSettings

    def __init__(self, settings: ByteTrackSettings | None = None, frame_rate: float = 30.0):
        super().__init__(settings or ByteTrackSettings(), frame_rate)

    def least_score(self) -> float:
        return self.settings.low_score

    def associate(self, detections: Detections, embedding: Embedding) -> Matches:
        """Three passes: all but the unconfirmed with high scores, the tracked with low scores, the unconfirmed."""
        tracks, settings = self.tracks, self.settings
        matching = self.matching(tracks, detections)
        high = detections.score > settings.high_score

        i, j, distance = self.overlaps(matching, detections)
        fused = 1 - (1 - distance) * np.minimum(detections.score[j], 1)
        matching.match(i, j, fused, settings.max_distance, by="overlap", among=tracks.status != UNCONFIRMED, using=high)
        matching.match(
            i, j, distance, settings.max_iou_distance_low, by="overlap", among=tracks.status == TRACKED, using=~high
        )
        unconfirmed = tracks.status == UNCONFIRMED
        matching.match(i, j, fused, settings.max_iou_distance_unconfirmed, by="overlap", among=unconfirmed, using=high)
        return matching

    def take(self, rows: Integers, taken: Integers, detections: Detections, embedding: Embedding) -> None:
        """Correct the matched tracks; their looks, of which its heirs make use, by high scores only: low ones are
        occluded (Aharon 2022's public code).
        """
        high = detections.score > self.settings.high_score
        super().take(rows, taken, detections, np.where(high[:, None], embedding, 0))

    def may_begin(self, score: Floats) -> Mask:
        return score >= self.settings.new_score
