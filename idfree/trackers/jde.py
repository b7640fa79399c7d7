"""The life of a track as JDE has it, which FairMOT, ByteTrack and BoT-SORT share; they differ in how they associate.

A track is unconfirmed in its first frame, tracked from its second detection on, lost when it is missed, and forgotten
when it has been lost for too long (Wang et al. 2020, Towards Real-Time Multi-Object Tracking).
"""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers, Tracks, View
from idfree.trackers.association import Mask, Matches, overlapping
from idfree.trackers.camera_motion import warp
from idfree.trackers.embeddings import Embedding, cosine_distance, features, unit
from idfree.trackers.kalman import VELOCITY
from idfree.trackers.motion import HeightMotion, SizeMotion
from idfree.trackers.track_table import TrackTable
from idfree.trackers.tracker import Tracker

PIXEL = np.array([0.0, 0.0, 1.0, 1.0])  # boxes as inclusive pixel indices, as in the public codes' overlaps
UNCONFIRMED, TRACKED, LOST = range(3)


@dataclass(frozen=True)
class JdeSettings:
    """What all of them have, with the defaults of their public codes."""

    max_iou_distance_unconfirmed: float = 0.7
    duplicate_iou_distance: float = 0.15
    smoothing: float = 0.9
    buffer: int = 30  # frames at 30 frames a second that a lost track is kept
    min_area: float = 0.0  # px²; the public demos drop 100 (FairMOT) or 10 (ByteTrack) and less
    max_aspect: float = np.inf  # w/h; the public demos drop more than 1.6


@dataclass
class JdeTracks(TrackTable):
    """state (N, 5, 4) of the Kalman filter; embedding (N, D) smoothed, of unit length; status (N,);
    first, last (N,): when first and last seen, on the tracker's clock.
    """

    state: Floats
    embedding: Embedding
    status: Integers
    first: Floats
    last: Floats


class Jde(Tracker):
    """The life of tracks; a subclass says which detections count and which goes with which track.

    still: the coordinates whose velocity a lost track forgets, lest its box grow or shrink away.
    """

    settings: JdeSettings
    motion: HeightMotion | SizeMotion = HeightMotion()
    still: tuple[int, ...] = (3,)  # the height of (cx, cy, w/h, h)

    def __init__(self, settings: JdeSettings, frame_rate: float):
        self.settings = settings
        super().__init__(frame_rate)

    @property
    def patience(self) -> int:
        """How many of the source's frames a lost track is kept."""
        return int(self.frame_rate / 30 * self.settings.buffer)

    def forget(self) -> None:
        self.tracks = self.begin(Detections(np.zeros((0, 4))), np.zeros((0, 0)))

    def step(self, detections: Detections, view: View) -> Tracks:
        if self.elapsed > 1:
            self.tracks.keep(self.now - self.tracks.last <= self.patience + 1)
        detections = detections.only(detections.score > self.least_score())
        embedding = features(detections, self.tracks.embedding)
        self.predict(view)
        matching = self.associate(detections, embedding)
        self.take(*matching.pairs, detections, embedding)
        self.release(matching.detection_of < 0)
        new = matching.free_detections
        new = new[self.may_begin(detections.score[new])]
        if len(new):
            self.tracks.add(self.begin(detections[new], embedding[new]))
        self.drop_duplicates()
        return self.report()

    @abstractmethod
    def least_score(self) -> float:
        """Detections at or below this score are not looked at."""

    @abstractmethod
    def associate(self, detections: Detections, embedding: Embedding) -> Matches:
        """Which detection goes with which track."""

    @abstractmethod
    def may_begin(self, score: Floats) -> Mask:
        """Which of the detections without a track, by their scores (N,), begin one."""

    def predict(self, view: View) -> None:
        """Move all tracks but the unconfirmed on to this frame, and all of them with the camera."""
        tracks = self.tracks
        for coordinate in self.still:
            tracks.state[tracks.status == LOST, VELOCITY, coordinate] = 0
        moving = tracks.status != UNCONFIRMED
        tracks.state[moving] = self.motion.predict(tracks.state[moving], self.elapsed)
        if view.camera is not None:
            tracks.state = warp(tracks.state, view.camera, self.motion.powers)

    def resemblances(
        self, detections: Detections, embedding: Embedding, weight: float
    ) -> tuple[Integers, Integers, Floats]:
        """The pairs that motion allows, and their cost: looks with that weight, the rest motion (Zhang 2020, 4.4)."""
        i, j, motion = self.motion.gate(self.tracks.state, self.motion.measure(detections.xyxy))
        looks = self.scale * cosine_distance(self.tracks.embedding, embedding, i, j)
        return i, j, weight * looks + (1 - weight) * motion

    def overlaps(self, matching: Matches, detections: Detections) -> tuple[Integers, Integers, Floats]:
        """The pairs of overlapping boxes among what is still free, and their IoU distance."""
        tracks, left = matching.free_tracks, matching.free_detections
        boxes = self.motion.boxes(self.tracks.state[tracks])
        i, j, distance = overlapping(boxes + PIXEL, detections.xyxy[left] + PIXEL)
        return tracks[i], left[j], distance

    def take(self, rows: Integers, taken: Integers, detections: Detections, embedding: Embedding) -> None:
        """Correct the matched tracks by their detections."""
        if not len(rows):
            return
        tracks, keep = self.tracks, self.settings.smoothing
        tracks.state[rows] = self.motion.update(tracks.state[rows], self.motion.measure(detections.xyxy[taken]))
        tracks.embedding[rows] = unit(keep * tracks.embedding[rows] + (1 - keep) * embedding[taken])
        tracks.score[rows] = detections.score[taken]
        tracks.status[rows] = TRACKED
        tracks.last[rows] = self.now

    def release(self, unmatched: Mask) -> None:
        """Unmatched tracks are lost; forgotten are those lost for too long, and the unconfirmed at once."""
        tracks = self.tracks
        tracks.status[unmatched & (tracks.status == TRACKED)] = LOST
        patient = self.now - tracks.last <= self.patience
        tracks.keep((tracks.status == TRACKED) | ((tracks.status == LOST) & patient))

    def begin(self, detections: Detections, embedding: Embedding) -> JdeTracks:
        """A new track for each detection, confirmed at once in the first frame only."""
        count = len(detections)
        return JdeTracks(
            id=self.new_ids(count),
            class_id=detections.class_id,
            score=detections.score,
            state=self.motion.begin(self.motion.measure(detections.xyxy)),
            embedding=embedding,
            status=np.full(count, TRACKED if self.frame == 1 else UNCONFIRMED),
            first=np.full(count, self.now),
            last=np.full(count, self.now),
        )

    def drop_duplicates(self) -> None:
        """Where a lost and a tracked box all but coincide, the younger track goes."""
        tracks = self.tracks
        lost, seen = np.flatnonzero(tracks.status == LOST), np.flatnonzero(tracks.status != LOST)
        if not len(lost) or not len(seen):
            return
        boxes = self.motion.boxes(tracks.state) + PIXEL
        i, j, distance = overlapping(boxes[seen], boxes[lost])
        i, j, distance = seen[i], lost[j], distance
        same = (distance < self.settings.duplicate_iou_distance) & (tracks.class_id[i] == tracks.class_id[j])
        same &= ~self.strangers(i, j, tracks.embedding)
        i, j = i[same], j[same]
        age = tracks.last - tracks.first
        keep = np.ones(len(tracks), dtype=bool)
        keep[np.where(age[i] > age[j], j, i)] = False
        tracks.keep(keep)

    def strangers(self, i: Integers, j: Integers, embedding: Embedding) -> Mask:
        """(K,) whether tracks i look too different from embedding[j] to be one with them: here, nobody does."""
        return np.zeros(len(i), dtype=bool)

    def report(self) -> Tracks:
        """The tracks seen in this frame that are confirmed, of the shape that the settings allow."""
        tracks = self.tracks
        shown = np.flatnonzero(tracks.status == TRACKED)
        boxes = self.motion.boxes(tracks.state[shown])
        width, height = (boxes[:, 2:] - boxes[:, :2]).T
        plausible = (width * height > self.settings.min_area) & (width <= self.settings.max_aspect * height)
        shown = shown[plausible]
        return Tracks(boxes[plausible], tracks.id[shown], tracks.score[shown], tracks.class_id[shown])
