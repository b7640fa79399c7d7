"""IoU tracker: greedy matching of each track's last box by IoU, without motion or appearance.

Bochinski et al. 2017, *High-Speed Tracking-by-Detection Without Using Image Information*.
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers, Tracks, View
from idfree.trackers.association import assign_greedily, iou_distances
from idfree.trackers.camera_motion import warp_boxes
from idfree.trackers.track_table import TrackTable
from idfree.trackers.tracker import SearchRanges, Tracker


@dataclass(frozen=True)
class IouSettings:
    """Defaults of Bochinski 2017, sec. 2; `patience` and `min_hits` are additions, off by default."""

    min_iou: float = 0.5  # σ_IOU
    min_score: float = -np.inf  # σ_l: detections with a lower score are dropped
    patience: float = 0.0  # s that a track stays at its last box without a detection
    min_hits: int = 1  # detections before a track is reported


SEARCH: SearchRanges = {
    "min_iou": (0.05, 0.7),
    "patience": (0.0, 3.0),
    "min_hits": (1, 5),
    "min_score": (0.0, 0.8),
}


@dataclass
class IouTracks(TrackTable):
    """xyxy: (N, 4), of the last detection. missed: (N,), updates since then. last_seen: (N,), its time.
    hits: (N,), detections so far.
    """

    xyxy: Floats
    missed: Integers
    last_seen: Floats
    hits: Integers


class Iou(Tracker):
    """IoU tracker (Bochinski 2017), made online: tracks are reported at once, not filtered after they have ended."""

    def __init__(self, settings: IouSettings | None = None, frame_rate: float = 30.0):
        self.settings = settings or IouSettings()
        super().__init__(frame_rate)
        self.patience_frames = self.whole_frames(self.settings.patience)

    def clear(self) -> None:
        """Remove all tracks."""
        self.tracks = self.start_tracks(Detections(np.zeros((0, 4))))

    def step(self, detections: Detections, view: View) -> Tracks:
        """Associate greedily by IoU, update matched tracks, remove expired ones, start new ones, report."""
        detections = detections.select(detections.score >= self.settings.min_score)
        tracks = self.tracks
        if view.camera is not None:
            tracks.xyxy = warp_boxes(tracks.xyxy, view.camera)
        matches = self.new_matches(tracks, detections)
        i, j, distance = iou_distances(tracks.xyxy, detections.xyxy)
        matches.match(i, j, distance, 1 - self.settings.min_iou, by="overlap", solver=assign_greedily)

        tracks.missed = tracks.missed + 1
        self.update_matched(*matches.pairs, detections)
        self.remove_expired()
        if len(new := self.startable(detections, matches.unmatched_detections)):
            tracks.append(self.start_tracks(detections[new]))
        return self.report()

    def update_matched(self, rows: Integers, matched: Integers, detections: Detections) -> None:
        """Update tracks `rows` with the detections `matched`."""
        tracks = self.tracks
        tracks.xyxy[rows] = detections.xyxy[matched]
        tracks.score[rows] = detections.score[matched]
        tracks.detection[rows] = detections.row[matched]
        tracks.missed[rows] = 0
        tracks.last_seen[rows] = self.now
        tracks.hits[rows] += 1

    def remove_expired(self) -> None:
        """Remove tracks unseen for longer than the patience; one update without a detection is allowed, as in SORT."""
        tracks, patience = self.tracks, self.patience_frames
        tracks.keep((self.now - tracks.last_seen <= patience) | (tracks.missed <= min(patience, 1)))

    def start_tracks(self, detections: Detections) -> IouTracks:
        """A new track for each detection."""
        count = len(detections)
        return IouTracks(
            id=self.new_ids(count),
            class_id=detections.class_id,
            score=detections.score,
            detection=detections.row,
            xyxy=detections.xyxy,
            missed=np.zeros(count, dtype=np.int64),
            last_seen=np.full(count, self.now),
            hits=np.ones(count, dtype=np.int64),
        )

    def report(self) -> Tracks:
        """The tracks with at least `min_hits` detections that were detected in this frame."""
        tracks = self.tracks
        reported = np.flatnonzero((tracks.missed == 0) & (tracks.hits >= self.settings.min_hits))
        return tracks.report(reported, tracks.xyxy[reported])
