"""FairMOT: association by smoothed embeddings fused with motion, then by IoU (Zhang et al. 2020, sec. 4.4)."""

from dataclasses import dataclass

from idfree.core.types import Detections, Floats
from idfree.trackers import jde
from idfree.trackers.association import Mask, Matches
from idfree.trackers.embeddings import Embeddings
from idfree.trackers.jde import TRACKED, UNCONFIRMED, Jde, JdeSettings
from idfree.trackers.tracker import SearchRanges


@dataclass(frozen=True)
class FairMOTSettings(JdeSettings):
    """Defaults of the public code."""

    min_score: float = 0.4  # detections with this score or a lower one are dropped; the paper's confidence threshold
    max_cosine: float = 0.4  # of the cost of appearance fused with motion
    max_iou_distance: float = 0.5
    max_iou_distance_unconfirmed: float = 0.7
    appearance_weight: float = 0.98  # λ; the rest is the weight of motion


SEARCH: SearchRanges = {
    **jde.SEARCH,
    "smoothing": (0.5, 0.99),
    "min_score": (0.1, 0.8),
    "max_cosine": (0.1, 0.8),
    "max_iou_distance": (0.2, 0.9),
    "max_iou_distance_unconfirmed": (0.4, 0.95),
    "appearance_weight": (0.8, 1.0),
}


class FairMOT(Jde):
    """FairMOT (Zhang 2020), also the association of CL-MOT and TDT."""

    settings: FairMOTSettings
    uses_embeddings = True
    published_threshold = FairMOTSettings.max_cosine

    def __init__(self, settings: FairMOTSettings | None = None, frame_rate: float = 30.0):
        super().__init__(settings or FairMOTSettings(), frame_rate)

    @property
    def min_embedded_score(self) -> float:
        """`min_score`: all detections that are used have embeddings."""
        return self.settings.min_score

    @property
    def score_floor(self) -> float:
        """Detections with scores up to `min_score` are dropped."""
        return self.settings.min_score

    def can_start(self, score: Floats) -> Mask:
        """Mask (N,): scores of at least `min_score`."""
        return score >= self.settings.min_score

    def associate(self, detections: Detections, embedding: Embeddings) -> Matches:
        """Three passes: appearance for all but unconfirmed tracks, IoU for tracked ones, IoU for unconfirmed ones."""
        tracks, settings = self.tracks, self.settings
        matches = self.new_matches(tracks, detections)
        tracked, unconfirmed = tracks.status == TRACKED, tracks.status == UNCONFIRMED

        i, j, cost = self.appearance_costs(detections, embedding, settings.appearance_weight)
        matches.match(i, j, cost, settings.max_cosine, by="appearance", track_mask=~unconfirmed)

        i, j, distance = self.iou_costs(matches, detections)
        matches.match(i, j, distance, settings.max_iou_distance, by="overlap", track_mask=tracked)
        matches.match(i, j, distance, settings.max_iou_distance_unconfirmed, by="overlap", track_mask=unconfirmed)
        return matches
