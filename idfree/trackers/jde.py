"""JDE's track management, which FairMOT, ByteTrack and BoT-SORT share; they differ in association.

A track is unconfirmed in its first frame, tracked from its second detection on, lost while it is not detected, and
removed if it was lost for too long (Wang et al. 2020, *Towards Real-Time Multi-Object Tracking*).
"""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers, Tracks, View
from idfree.trackers.association import Mask, Matches, iou_distances
from idfree.trackers.camera_motion import warp_states
from idfree.trackers.embeddings import Embeddings, cosine_distance, normalise, unit_embeddings
from idfree.trackers.kalman import VELOCITY
from idfree.trackers.motion import HeightMotion, SizeMotion
from idfree.trackers.track_table import TrackTable
from idfree.trackers.tracker import SearchRanges, Tracker

PIXEL = np.array([0.0, 0.0, 1.0, 1.0])  # boxes as inclusive pixel indices, as in the public codes' IoU
UNCONFIRMED, TRACKED, LOST = range(3)


@dataclass(frozen=True)
class JdeSettings:
    """Settings of all of them, with the defaults of their public codes."""

    duplicate_iou_distance: float = 0.15  # of a lost and a tracked box: the younger track is removed
    smoothing: float = 0.9  # weight of the track's embedding in its moving average
    patience: float = 1.0  # s that a lost track is kept: 30 frames at 30 fps
    min_area: float = 0.0  # px²; the public demos drop 100 (FairMOT) or 10 (ByteTrack) and less
    max_aspect: float = np.inf  # w/h; the public demos drop more than 1.6


SEARCH: SearchRanges = {
    "duplicate_iou_distance": (0.0, 0.4),
    "patience": (0.15, 5.0),
    "min_area": (0.0, 1000.0),
    "max_aspect": (0.8, 5.0),
}


@dataclass
class JdeTracks(TrackTable):
    """state: (N, 5, 4), of the Kalman filter. embedding: (N, D), moving average, of unit length. status: (N,).
    first_seen, last_seen: (N,), times of the first and the last detection.
    """

    state: Floats
    embedding: Embeddings
    status: Integers
    first_seen: Floats
    last_seen: Floats


class Jde(Tracker):
    """Base class with the track management; a subclass defines score thresholds and association.

    frozen_if_lost: coordinates whose velocity is set to 0 in lost tracks, so that their boxes keep their size.
    """

    settings: JdeSettings
    motion: HeightMotion | SizeMotion = HeightMotion()
    frozen_if_lost: tuple[int, ...] = (3,)  # the height of (cx, cy, w/h, h)

    def __init__(self, settings: JdeSettings, frame_rate: float):
        self.settings = settings
        super().__init__(frame_rate)
        self.patience_frames = self.whole_frames(settings.patience, np.floor)  # rounded down as in the public codes

    @property
    def max_lost(self) -> float:
        """Number of source frames that a lost track is kept."""
        return self.patience_frames

    def clear(self) -> None:
        """Remove all tracks."""
        self.tracks = self.start_tracks(Detections(np.zeros((0, 4))), np.zeros((0, 0)))

    def step(self, detections: Detections, view: View) -> Tracks:
        """Predict, associate, update, remove expired tracks, start new ones, remove duplicates, report."""
        if self.elapsed > 1:  # tracks that expired in the skipped frames
            self.tracks.keep(self.now - self.tracks.last_seen <= self.max_lost + 1)
        detections = detections.select(detections.score > self.score_floor)
        embedding = unit_embeddings(detections, self.tracks.embedding)
        self.predict(view)
        matches = self.associate(detections, embedding)
        self.update_matched(*matches.pairs, detections, embedding)
        self.update_unmatched(matches.detection_of < 0)
        new = matches.unmatched_detections
        new = self.startable(detections, new[self.can_start(detections.score[new])])
        if len(new):
            self.tracks.append(self.start_tracks(detections[new], embedding[new]))
        self.remove_duplicates()
        return self.report()

    @property
    @abstractmethod
    def score_floor(self) -> float:
        """Detections with this score or a lower one are dropped."""

    @abstractmethod
    def associate(self, detections: Detections, embedding: Embeddings) -> Matches:
        """Match tracks with detections."""

    @abstractmethod
    def can_start(self, score: Floats) -> Mask:
        """Mask (N,) of the unmatched detections, with scores (N,), that start a track."""

    def predict(self, view: View) -> None:
        """Predict all but the unconfirmed tracks in this frame, and warp all by the camera's motion."""
        tracks = self.tracks
        for coordinate in self.frozen_if_lost:
            tracks.state[tracks.status == LOST, VELOCITY, coordinate] = 0
        moving = tracks.status != UNCONFIRMED
        tracks.state[moving] = self.motion.predict(tracks.state[moving], self.elapsed)
        if view.camera is not None:
            tracks.state = warp_states(tracks.state, view.camera, self.motion.scale_powers)

    def appearance_costs(
        self, detections: Detections, embedding: Embeddings, weight: float
    ) -> tuple[Integers, Integers, Floats]:
        """Candidate pairs in the motion gate; cost: `weight` × appearance + (1 − weight) × motion (Zhang 2020, 4.4)."""
        i, j, motion = self.motion.gate(self.tracks.state, self.motion.to_measurement(detections.xyxy))
        appearance = self.distance_scale * cosine_distance(self.tracks.embedding, embedding, i, j)
        return i, j, weight * appearance + (1 - weight) * motion

    def iou_costs(self, matches: Matches, detections: Detections) -> tuple[Integers, Integers, Floats]:
        """Candidate pairs of overlapping boxes among the unmatched tracks and detections, and their IoU distances."""
        tracks, unmatched = matches.unmatched_tracks, matches.unmatched_detections
        boxes = self.motion.to_boxes(self.tracks.state[tracks])
        i, j, distance = iou_distances(boxes + PIXEL, detections.xyxy[unmatched] + PIXEL)
        return tracks[i], unmatched[j], distance

    def update_matched(self, rows: Integers, matched: Integers, detections: Detections, embedding: Embeddings) -> None:
        """Update tracks `rows` with the detections `matched`; the tracks' embeddings only with those of high scores.

        Detections with scores up to `min_embedded_score` are occluded (Aharon 2022's public code).
        """
        if not len(rows):
            return
        is_clear = detections.score[matched] > self.min_embedded_score
        seen = np.where(is_clear[:, None], embedding[matched], 0)
        tracks, weight = self.tracks, self.settings.smoothing
        measurement = self.motion.to_measurement(detections.xyxy[matched])
        tracks.state[rows] = self.motion.update(tracks.state[rows], measurement)
        tracks.embedding[rows] = normalise(weight * tracks.embedding[rows] + (1 - weight) * seen)
        tracks.score[rows] = detections.score[matched]
        tracks.detection[rows] = detections.row[matched]
        tracks.status[rows] = TRACKED
        tracks.last_seen[rows] = self.now

    def update_unmatched(self, unmatched: Mask) -> None:
        """Mark unmatched tracks as lost; remove those lost for too long, and all unmatched unconfirmed ones."""
        tracks = self.tracks
        tracks.status[unmatched & (tracks.status == TRACKED)] = LOST
        is_patient = self.now - tracks.last_seen <= self.max_lost
        tracks.keep((tracks.status == TRACKED) | ((tracks.status == LOST) & is_patient))

    def start_tracks(self, detections: Detections, embedding: Embeddings) -> JdeTracks:
        """A new track for each detection, confirmed at once in the first frame only."""
        count = len(detections)
        return JdeTracks(
            id=self.new_ids(count),
            class_id=detections.class_id,
            score=detections.score,
            detection=detections.row,
            state=self.motion.initialise(self.motion.to_measurement(detections.xyxy)),
            embedding=embedding,
            status=np.full(count, TRACKED if self.frame == 1 else UNCONFIRMED),
            first_seen=np.full(count, self.now),
            last_seen=np.full(count, self.now),
        )

    def remove_duplicates(self) -> None:
        """Remove the younger of a lost and a tracked track whose boxes nearly coincide."""
        if not self.settings.duplicate_iou_distance:
            return
        tracks = self.tracks
        lost, tracked = np.flatnonzero(tracks.status == LOST), np.flatnonzero(tracks.status != LOST)
        if not len(lost) or not len(tracked):
            return
        boxes = self.motion.to_boxes(tracks.state) + PIXEL
        i, j, distance = iou_distances(boxes[tracked], boxes[lost])
        i, j, distance = tracked[i], lost[j], distance
        is_duplicate = (distance < self.settings.duplicate_iou_distance) & (tracks.class_id[i] == tracks.class_id[j])
        i, j = i[is_duplicate], j[is_duplicate]
        age = tracks.last_seen - tracks.first_seen
        is_kept = np.ones(len(tracks), dtype=bool)
        is_kept[np.where(age[i] > age[j], j, i)] = False
        tracks.keep(is_kept)

    def report(self) -> Tracks:
        """The confirmed tracks that were detected in this frame, within the settings' limits of area and aspect."""
        tracks = self.tracks
        reported = np.flatnonzero(tracks.status == TRACKED)
        boxes = self.motion.to_boxes(tracks.state[reported])
        width, height = (boxes[:, 2:] - boxes[:, :2]).T
        is_plausible = (width * height > self.settings.min_area) & (width <= self.settings.max_aspect * height)
        reported, boxes = reported[is_plausible], boxes[is_plausible]
        return tracks.report(reported, boxes)
