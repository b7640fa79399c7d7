"""DeepSORT: matching cascade by time since the last detection, on nearest embeddings; then IoU (Wojke et al. 2017)."""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers, Tracks, View
from idfree.trackers.association import Mask, Matches, iou_distances
from idfree.trackers.camera_motion import warp_states
from idfree.trackers.embeddings import Embeddings, unit_embeddings
from idfree.trackers.gallery import Gallery
from idfree.trackers.motion import HeightMotion
from idfree.trackers.track_table import TrackTable
from idfree.trackers.tracker import SearchRanges, Tracker

# An encoder's match threshold is calibrated on single pairs. Here the nearest of up to `budget` embeddings counts,
# which is nearer for different people, too: the threshold is multiplied by this factor (measured).
NEAREST_FACTOR = 0.7


@dataclass(frozen=True)
class DeepSortSettings:
    """Defaults of the public code."""

    min_score: float = -np.inf  # detections with a lower score are dropped
    max_cosine: float = 0.2  # cosine distance
    max_iou_distance: float = 0.7
    patience: float = 1.0  # s that a confirmed track outlives its last detection: 30 frames at 30 fps
    min_hits: int = 3  # detections in a row before a track is confirmed
    budget: int = 100  # embeddings stored per track


SEARCH: SearchRanges = {
    "min_score": (0.0, 0.8),
    "max_cosine": (0.05, 0.6),
    "max_iou_distance": (0.3, 0.95),
    "patience": (0.15, 5.0),
    "min_hits": (1, 5),
    "budget": (10, 200),
}


@dataclass
class DeepSortTracks(TrackTable):
    """state: (N, 5, 4), of the Kalman filter. slot: (N,), in the gallery. missed: (N,), updates since the last
    detection, at time last_seen: (N,). hits: (N,), detections so far. confirmed: (N,).
    """

    state: Floats
    slot: Integers
    missed: Integers
    last_seen: Floats
    hits: Integers
    confirmed: Mask


class DeepSort(Tracker):
    """DeepSORT (Wojke 2017)."""

    uses_embeddings = True
    published_threshold = DeepSortSettings.max_cosine / NEAREST_FACTOR

    def __init__(self, settings: DeepSortSettings | None = None, frame_rate: float = 30.0):
        self.settings = settings or DeepSortSettings()
        self.motion = HeightMotion()
        super().__init__(frame_rate)
        self.patience_frames = self.whole_frames(self.settings.patience)

    def clear(self) -> None:
        """Remove all tracks, and empty the gallery."""
        self.gallery = Gallery(self.settings.budget)
        self.tracks = self.start_tracks(Detections(np.zeros((0, 4))), np.zeros((0, 0), dtype=np.float32))

    def step(self, detections: Detections, view: View) -> Tracks:
        """Predict, associate, update matched tracks, remove expired ones, start new ones, report."""
        if self.elapsed > 1:  # tracks that expired in the skipped frames
            self.keep_tracks(self.now - self.tracks.last_seen <= self.patience_frames + 1)
        detections = detections.select(detections.score >= self.settings.min_score)
        embedding = unit_embeddings(detections, self.gallery.embedding[self.tracks.slot, 0])
        self.predict(view)
        matches = self.associate(detections, embedding)
        self.update_matched(*matches.pairs, detections, embedding)
        self.remove_expired()
        if len(new := self.startable(detections, matches.unmatched_detections)):
            self.tracks.append(self.start_tracks(detections[new], embedding[new]))
        return self.report()

    def predict(self, view: View) -> None:
        """Predict every track in this frame, with the camera's motion."""
        self.tracks.state = self.motion.predict(self.tracks.state, self.elapsed)
        if view.camera is not None:
            self.tracks.state = warp_states(self.tracks.state, view.camera, self.motion.scale_powers)
        self.tracks.missed = self.tracks.missed + 1

    def associate(self, detections: Detections, embedding: Embeddings) -> Matches:
        """Matching cascade of confirmed tracks by appearance within the motion gate; then IoU for recent tracks."""
        tracks, settings = self.tracks, self.settings
        matches = self.new_matches(tracks, detections)

        i, j, _ = self.motion.gate(tracks.state, self.motion.to_measurement(detections.xyxy))
        confirmed = np.flatnonzero(tracks.confirmed[i])
        by_slot = confirmed[np.argsort(tracks.slot[i[confirmed]], kind="stable")]
        i, j = i[by_slot], j[by_slot]
        distance = self.distance_scale * self.gallery.nearest_distance(tracks.slot[i], embedding, j)
        for missed in np.unique(tracks.missed[i]):  # most recently detected tracks first
            is_in_level = tracks.missed == missed
            matches.match(i, j, distance, settings.max_cosine, by="appearance", track_mask=is_in_level)

        i, j, distance = iou_distances(self.motion.to_boxes(tracks.state), detections.xyxy)
        is_recent = ~tracks.confirmed | (tracks.missed == 1)
        matches.match(i, j, distance, settings.max_iou_distance, by="overlap", track_mask=is_recent)
        return matches

    def update_matched(self, rows: Integers, matched: Integers, detections: Detections, embedding: Embeddings) -> None:
        """Update tracks `rows` with the detections `matched`, and store their embeddings."""
        tracks = self.tracks
        measurement = self.motion.to_measurement(detections.xyxy[matched])
        tracks.state[rows] = self.motion.update(tracks.state[rows], measurement)
        tracks.score[rows] = detections.score[matched]
        tracks.detection[rows] = detections.row[matched]
        tracks.missed[rows] = 0
        tracks.last_seen[rows] = self.now
        tracks.hits[rows] += 1
        tracks.confirmed |= tracks.hits >= self.settings.min_hits
        is_known = np.any(embedding[matched], axis=1)
        if is_known.any():
            self.gallery.add(tracks.slot[rows[is_known]], embedding[matched[is_known]])

    def remove_expired(self) -> None:
        """Remove tentative tracks without a detection in this frame, and confirmed ones after their patience."""
        tracks = self.tracks
        is_patient = self.now - tracks.last_seen <= self.patience_frames
        self.keep_tracks((tracks.missed == 0) | (tracks.confirmed & is_patient))

    def keep_tracks(self, mask: Mask) -> None:
        """Remove all other tracks, and release their slots in the gallery."""
        self.gallery.release(self.tracks.slot[~mask])
        self.tracks.keep(mask)

    def start_tracks(self, detections: Detections, embedding: Embeddings) -> DeepSortTracks:
        """A new, tentative track for each detection."""
        count = len(detections)
        return DeepSortTracks(
            id=self.new_ids(count),
            class_id=detections.class_id,
            score=detections.score,
            detection=detections.row,
            state=self.motion.initialise(self.motion.to_measurement(detections.xyxy)),
            slot=self.gallery.allocate(embedding),
            missed=np.zeros(count, dtype=np.int64),
            last_seen=np.full(count, self.now),
            hits=np.ones(count, dtype=np.int64),
            confirmed=np.zeros(count, dtype=bool),
        )

    def report(self) -> Tracks:
        """The confirmed tracks that were detected in this frame or the one before."""
        tracks = self.tracks
        reported = np.flatnonzero(tracks.confirmed & (tracks.missed <= 1))
        boxes = self.motion.to_boxes(tracks.state[reported])
        return tracks.report(reported, boxes)
