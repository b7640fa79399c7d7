"""FairMOT's association: smoothed appearance fused with motion, then IoU (Zhang et al. 2020, sec. 4.4)."""

from dataclasses import dataclass

from idfree.core.types import Detections, Floats
from idfree.trackers.association import Mask, Matches
from idfree.trackers.embeddings import Embedding
from idfree.trackers.jde import TRACKED, UNCONFIRMED, Jde, JdeSettings


@dataclass(frozen=True)
class FairMOTSettings(JdeSettings):
    """Defaults of the public code."""

    min_score: float = 0.4  # detections at or below it are not looked at; the paper's confidence threshold
    max_cosine: float = 0.4  # of appearance fused with motion
    max_iou_distance: float = 0.5
    appearance_weight: float = 0.98


class FairMOT(Jde):
    """The tracker of Zhang 2020, also of clmot and tdt."""

    settings: FairMOTSettings
    published_threshold = FairMOTSettings.max_cosine

    def __init__(self, settings: FairMOTSettings | None = None, frame_rate: float = 30.0):
        super().__init__(settings or FairMOTSettings(), frame_rate)

    @property
    def least_embedded(self) -> float:
        return self.settings.min_score

    def least_score(self) -> float:
        return self.settings.min_score

    def associate(self, detections: Detections, embedding: Embedding) -> Matches:
        """Three passes: appearance for all but the unconfirmed, IoU for the tracked, IoU for the unconfirmed."""
        tracks, settings = self.tracks, self.settings
        matching = self.matching(tracks, detections)

        i, j, cost = self.resemblances(detections, embedding, settings.appearance_weight)
        matching.match(i, j, cost, settings.max_cosine, by="appearance", among=tracks.status != UNCONFIRMED)

        i, j, distance = self.overlaps(matching, detections)
        tracked, unconfirmed = tracks.status == TRACKED, tracks.status == UNCONFIRMED
        matching.match(i, j, distance, settings.max_iou_distance, by="overlap", among=tracked)
        matching.match(i, j, distance, settings.max_iou_distance_unconfirmed, by="overlap", among=unconfirmed)
        return matching

    def may_begin(self, score: Floats) -> Mask:
        return score >= self.settings.min_score
