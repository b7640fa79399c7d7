"""SORT: Kalman prediction, IoU, Hungarian algorithm (Bewley et al. 2016, *Simple Online and Realtime Tracking*)."""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers, Tracks, View
from idfree.trackers.association import Matches, assign_then_drop, iou_distances
from idfree.trackers.camera_motion import warp_states
from idfree.trackers.motion import AreaMotion
from idfree.trackers.track_table import TrackTable
from idfree.trackers.tracker import SearchRanges, Tracker


@dataclass(frozen=True)
class SortSettings:
    """Published defaults (Bewley 2016, sec. 3.3 and 4, and its public code)."""

    min_iou: float = 0.3
    patience: float = 1 / 30  # s that a track outlives its last detection: 1 frame at 30 fps
    min_hits: int = 3  # detections in a row before a track is reported, except in the first min_hits frames
    min_score: float = -np.inf  # detections with a lower score are dropped


SEARCH: SearchRanges = {
    "min_iou": (0.05, 0.7),
    "patience": (0.0, 3.0),
    "min_hits": (1, 5),
    "min_score": (0.0, 0.8),
}


@dataclass
class SortTracks(TrackTable):
    """state: (N, 5, 4), of the Kalman filter. missed: (N,), updates since the last detection, at time last_seen: (N,).
    streak: (N,), detections in a row after the first.
    """

    state: Floats
    missed: Integers
    last_seen: Floats
    streak: Integers


class Sort(Tracker):
    """SORT (Bewley 2016)."""

    def __init__(self, settings: SortSettings | None = None, frame_rate: float = 30.0):
        self.settings = settings or SortSettings()
        self.motion = AreaMotion()
        super().__init__(frame_rate)
        self.patience_frames = self.whole_frames(self.settings.patience)

    def clear(self) -> None:
        """Remove all tracks."""
        self.tracks = self.start_tracks(Detections(np.zeros((0, 4))))

    def step(self, detections: Detections, view: View) -> Tracks:
        """Predict, associate, update matched tracks, start new ones, report, remove expired ones."""
        detections = detections.select(detections.score >= self.settings.min_score)
        self.predict(view)
        matches = self.associate(detections)
        self.update_matched(*matches.pairs, detections)
        if len(new := self.startable(detections, matches.unmatched_detections)):
            self.tracks.append(self.start_tracks(detections[new]))
        report = self.report()
        self.remove_expired()
        return report

    def predict(self, view: View) -> None:
        """Predict every track in this frame, with the camera's motion; remove tracks whose box has collapsed."""
        tracks = self.tracks
        tracks.state = self.motion.predict(tracks.state, self.elapsed)
        if view.camera is not None:
            tracks.state = warp_states(tracks.state, view.camera, self.motion.scale_powers)
        tracks.streak = np.where(tracks.missed > 0, 0, tracks.streak)
        tracks.missed = tracks.missed + 1
        self.boxes = self.motion.to_boxes(tracks.state)
        valid = np.flatnonzero(np.isfinite(self.boxes).all(axis=1))
        if len(valid) < len(tracks):
            tracks.keep(valid)
            self.boxes = self.boxes[valid]

    def associate(self, detections: Detections) -> Matches:
        """Solve the assignment of greatest total IoU; drop matches below `min_iou` afterwards."""
        matches = self.new_matches(self.tracks, detections)
        i, j, distance = iou_distances(self.boxes, detections.xyxy)
        matches.match(i, j, distance, 1 - self.settings.min_iou, by="overlap", solver=assign_then_drop)
        return matches

    def update_matched(self, rows: Integers, matched: Integers, detections: Detections) -> None:
        """Update tracks `rows` with the detections `matched`."""
        tracks = self.tracks
        measurement = self.motion.to_measurement(detections.xyxy[matched])
        tracks.state[rows] = self.motion.update(tracks.state[rows], measurement)
        tracks.score[rows] = detections.score[matched]
        tracks.detection[rows] = detections.row[matched]
        tracks.missed[rows] = 0
        tracks.last_seen[rows] = self.now
        tracks.streak[rows] += 1

    def start_tracks(self, detections: Detections) -> SortTracks:
        """A new track for each detection."""
        count = len(detections)
        return SortTracks(
            id=self.new_ids(count),
            class_id=detections.class_id,
            score=detections.score,
            detection=detections.row,
            state=self.motion.initialise(self.motion.to_measurement(detections.xyxy)),
            missed=np.zeros(count, dtype=np.int64),
            last_seen=np.full(count, self.now),
            streak=np.zeros(count, dtype=np.int64),
        )

    def remove_expired(self) -> None:
        """Remove tracks unseen for longer than the patience; one update without a detection is always allowed.

        (Updates may be farther apart than the patience, if frames are skipped. A patience of 0 allows none.)
        """
        tracks, patience = self.tracks, self.patience_frames
        tracks.keep((self.now - tracks.last_seen <= patience) | (tracks.missed <= min(patience, 1)))

    def report(self) -> Tracks:
        """The established tracks that were detected in this frame."""
        tracks, settings = self.tracks, self.settings
        is_established = (tracks.streak >= settings.min_hits) | (self.frame <= settings.min_hits)
        reported = np.flatnonzero((tracks.missed == 0) & is_established)
        boxes: Floats = self.motion.to_boxes(tracks.state[reported])
        return tracks.report(reported, boxes)
