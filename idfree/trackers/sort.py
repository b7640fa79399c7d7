"""SORT: Kalman prediction, IoU, Hungarian (Bewley et al. 2016, Simple Online and Realtime Tracking)."""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers, Tracks, View
from idfree.trackers.association import Matches, assign_then_drop, overlapping
from idfree.trackers.camera_motion import warp
from idfree.trackers.motion import AreaMotion
from idfree.trackers.track_table import TrackTable
from idfree.trackers.tracker import Tracker


@dataclass(frozen=True)
class SortSettings:
    """Published defaults (Bewley 2016, sec. 3.3 and 4, and its public code)."""

    min_iou: float = 0.3
    max_age: int = 1  # frames that a track outlives its last detection
    min_hits: int = 3  # detections in a row before a track is reported, but in the first min_hits frames
    min_score: float = -np.inf


@dataclass
class SortTracks(TrackTable):
    """state (N, 5, 4) of the Kalman filter; missed (N,): frames since the last detection;
    streak (N,): detections in a row after the first.
    """

    state: Floats
    missed: Integers
    streak: Integers


class Sort(Tracker):
    """The tracker of Bewley 2016."""

    def __init__(self, settings: SortSettings | None = None, frame_rate: float = 30.0):
        self.settings = settings or SortSettings()
        self.motion = AreaMotion()
        super().__init__(frame_rate)

    def forget(self) -> None:
        self.tracks = self.begin(Detections(np.zeros((0, 4))))

    def step(self, detections: Detections, view: View) -> Tracks:
        detections = detections.only(detections.score >= self.settings.min_score)
        self.predict(view)
        matching = self.associate(detections)
        self.take(*matching.pairs, detections)
        if len(new := matching.free_detections):
            self.tracks.add(self.begin(detections[new]))
        report = self.report()
        self.tracks.keep(self.tracks.missed <= self.settings.max_age)
        return report

    def predict(self, view: View) -> None:
        """Move every track on to this frame, and with the camera; those whose box has collapsed are lost."""
        tracks = self.tracks
        tracks.state = self.motion.predict(tracks.state, self.elapsed)
        if view.camera is not None:
            tracks.state = warp(tracks.state, view.camera, self.motion.powers)
        tracks.streak = np.where(tracks.missed > 0, 0, tracks.streak)
        tracks.missed = tracks.missed + 1
        self.boxes = self.motion.boxes(tracks.state)
        alive = np.flatnonzero(np.isfinite(self.boxes).all(axis=1))
        if len(alive) < len(tracks):
            tracks.keep(alive)
            self.boxes = self.boxes[alive]

    def associate(self, detections: Detections) -> Matches:
        """The assignment of greatest total IoU; pairs below the limit are dropped from it afterwards."""
        matching = self.matching(self.tracks, detections)
        i, j, distance = overlapping(self.boxes, detections.xyxy)
        matching.match(i, j, distance, 1 - self.settings.min_iou, by="overlap", solver=assign_then_drop)
        return matching

    def take(self, rows: Integers, taken: Integers, detections: Detections) -> None:
        """Correct the matched tracks by their detections."""
        tracks = self.tracks
        measurement = self.motion.measure(detections.xyxy[taken])
        tracks.state[rows] = self.motion.update(tracks.state[rows], measurement)
        tracks.score[rows] = detections.score[taken]
        tracks.missed[rows] = 0
        tracks.streak[rows] += 1

    def begin(self, detections: Detections) -> SortTracks:
        """A new track for each detection."""
        count = len(detections)
        return SortTracks(
            id=self.new_ids(count),
            class_id=detections.class_id,
            score=detections.score,
            state=self.motion.begin(self.motion.measure(detections.xyxy)),
            missed=np.zeros(count, dtype=np.int64),
            streak=np.zeros(count, dtype=np.int64),
        )

    def report(self) -> Tracks:
        """The tracks seen in this frame that have been seen often enough."""
        tracks, settings = self.tracks, self.settings
        established = (tracks.streak >= settings.min_hits) | (self.frame <= settings.min_hits)
        shown = np.flatnonzero((tracks.missed == 0) & established)
        boxes: Floats = self.motion.boxes(tracks.state[shown])
        return Tracks(boxes, tracks.id[shown], tracks.score[shown], tracks.class_id[shown])
