"""The IoU tracker: each track goes on with the detection that overlaps it most; no motion, no appearance.

Bochinski et al. 2017, *High-Speed Tracking-by-Detection Without Using Image Information*.
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers, Tracks, View
from idfree.trackers.association import greedy, overlapping
from idfree.trackers.camera_motion import moved
from idfree.trackers.track_table import TrackTable
from idfree.trackers.tracker import Tracker


@dataclass(frozen=True)
class IouSettings:
    """Bochinski 2017, sec. 2; max_age and min_hits are ours, and off."""

    min_iou: float = 0.5  # σ_IOU
    min_score: float = -np.inf  # σ_l
    max_age: int = 0  # frames that a track waits at its last box without a detection
    min_hits: int = 1  # detections before a track is reported


@dataclass
class IouTracks(TrackTable):
    """xyxy (N, 4) of the last detection; missed (N,): frames since then; hits (N,): detections so far."""

    xyxy: Floats
    missed: Integers
    hits: Integers


class Iou(Tracker):
    """The tracker of Bochinski 2017, made online: tracks are reported as they go, not filtered once they have ended."""

    def __init__(self, settings: IouSettings | None = None, frame_rate: float = 30.0):
        self.settings = settings or IouSettings()
        super().__init__(frame_rate)

    def forget(self) -> None:
        self.tracks = self.begin(Detections(np.zeros((0, 4))))

    def step(self, detections: Detections, view: View) -> Tracks:
        detections = detections.only(detections.score >= self.settings.min_score)
        tracks = self.tracks
        if view.camera is not None:
            tracks.xyxy = moved(tracks.xyxy, view.camera)
        matching = self.matching(tracks, detections)
        i, j, distance = overlapping(tracks.xyxy, detections.xyxy)
        matching.match(i, j, distance, 1 - self.settings.min_iou, by="overlap", solver=greedy)

        rows, taken = matching.pairs
        tracks.xyxy[rows] = detections.xyxy[taken]
        tracks.score[rows] = detections.score[taken]
        tracks.hits[rows] += 1
        tracks.missed = np.where(matching.detection_of < 0, tracks.missed + 1, 0)
        tracks.keep(tracks.missed <= self.settings.max_age)
        if len(new := matching.free_detections):
            tracks.add(self.begin(detections[new]))
        return self.report()

    def begin(self, detections: Detections) -> IouTracks:
        """A new track for each detection."""
        count = len(detections)
        return IouTracks(
            id=self.new_ids(count),
            class_id=detections.class_id,
            score=detections.score,
            xyxy=detections.xyxy,
            missed=np.zeros(count, dtype=np.int64),
            hits=np.ones(count, dtype=np.int64),
        )

    def report(self) -> Tracks:
        """The tracks seen in this frame that have been seen often enough."""
        tracks = self.tracks
        shown = (tracks.missed == 0) & (tracks.hits >= self.settings.min_hits)
        return Tracks(tracks.xyxy[shown], tracks.id[shown], tracks.score[shown], tracks.class_id[shown])
