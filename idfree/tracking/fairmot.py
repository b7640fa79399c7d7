"""FairMOT's association, which is JDE's: smoothed appearance and motion, then IoU (Zhang 2020, sec. 4.4; Wang 2020)."""

from dataclasses import dataclass

import numpy as np

from idfree.tracking.appearance import Embedding, cosine_distance, features, unit
from idfree.tracking.association import Mask, Matching, overlapping
from idfree.tracking.kalman import VELOCITY
from idfree.tracking.motion import HeightMotion
from idfree.tracking.tracker import Tracker
from idfree.tracking.tracklets import Tracklets
from idfree.types import Detections, Floats, Integers, Tracks, View

HEIGHT = 3  # the coordinate of (cx, cy, w/h, h) whose velocity a lost track forgets
PIXEL = np.array([0.0, 0.0, 1.0, 1.0])  # boxes as inclusive pixel indices, as in the public code's overlaps
UNCONFIRMED, TRACKED, LOST = range(3)


@dataclass(frozen=True)
class FairMOTSettings:
    """Defaults of the public code."""

    min_score: float = 0.4  # detections at or below it are not looked at; the paper's confidence threshold
    max_cosine: float = 0.4  # of appearance fused with motion
    max_iou_distance: float = 0.5
    max_iou_distance_unconfirmed: float = 0.7
    duplicate_iou_distance: float = 0.15
    appearance_weight: float = 0.98
    smoothing: float = 0.9
    buffer: int = 30  # frames at 30 frames a second that a lost track is kept
    min_area: float = 0.0  # px²; the public demo drops 100 and less
    max_aspect: float = np.inf  # w/h; the public demo drops more than 1.6


@dataclass
class FairMOTTracks(Tracklets):
    """state (N, 5, 4) of the Kalman filter; embedding (N, D) smoothed, of unit length; status (N,);
    first, last (N,): frames first and last seen.
    """

    state: Floats
    embedding: Embedding
    status: Integers
    first: Integers
    last: Integers


class FairMOT(Tracker):
    """The tracker of Zhang 2020, also of clmot and tdt."""

    def __init__(self, settings: FairMOTSettings | None = None, frame_rate: float = 30.0):
        self.settings = settings or FairMOTSettings()
        self.motion = HeightMotion()
        self.patience = int(frame_rate / 30 * self.settings.buffer)
        super().__init__()

    def forget(self) -> None:
        self.tracks = self.begin(Detections(np.zeros((0, 4))), np.zeros((0, 0)))

    def step(self, detections: Detections, view: View) -> Tracks:
        detections = detections.only(detections.score > self.settings.min_score)
        embedding = features(detections, self.tracks.embedding)
        self.predict()
        matching = self.associate(detections, embedding)
        self.take(*matching.pairs, detections, embedding)
        self.release(matching.detection_of < 0)
        self.tracks.add(self.begin(detections[matching.free_detections], embedding[matching.free_detections]))
        self.drop_duplicates()
        return self.report()

    def predict(self) -> None:
        """Move confirmed tracks one frame on; a lost one keeps its height, lest it grow or shrink away."""
        tracks = self.tracks
        tracks.state[tracks.status == LOST, VELOCITY, HEIGHT] = 0
        moving = tracks.status != UNCONFIRMED
        tracks.state[moving] = self.motion.predict(tracks.state[moving])

    def associate(self, detections: Detections, embedding: Embedding) -> Matching:
        """Three passes: appearance for all but the unconfirmed, IoU for the tracked, IoU for the unconfirmed."""
        tracks, settings = self.tracks, self.settings
        matching = self.matching(tracks, detections)

        i, j, motion = self.motion.gate(tracks.state, self.motion.measure(detections.xyxy))
        appearance = cosine_distance(tracks.embedding, embedding, i, j)
        cost = settings.appearance_weight * appearance + (1 - settings.appearance_weight) * motion
        matching.match(i, j, cost, settings.max_cosine, by="appearance", among=tracks.status != UNCONFIRMED)

        i, j, distance = matching.overlapping(self.motion.boxes(tracks.state) + PIXEL, detections.xyxy + PIXEL)
        matching.match(i, j, distance, settings.max_iou_distance, by="overlap", among=tracks.status == TRACKED)
        matching.match(
            i, j, distance, settings.max_iou_distance_unconfirmed, by="overlap", among=tracks.status == UNCONFIRMED
        )
        return matching

    def take(self, rows: Integers, taken: Integers, detections: Detections, embedding: Embedding) -> None:
        """Correct the matched tracks by their detections."""
        if not len(rows):
            return
        tracks, keep = self.tracks, self.settings.smoothing
        tracks.state[rows] = self.motion.update(tracks.state[rows], self.motion.measure(detections.xyxy[taken]))
        tracks.embedding[rows] = unit(keep * tracks.embedding[rows] + (1 - keep) * embedding[taken])
        tracks.score[rows] = detections.score[taken]
        tracks.status[rows] = TRACKED
        tracks.last[rows] = self.frame

    def release(self, unmatched: Mask) -> None:
        """Unmatched tracks are lost; forgotten are those lost for too long, and the unconfirmed at once."""
        tracks = self.tracks
        tracks.status[unmatched & (tracks.status == TRACKED)] = LOST
        patient = self.frame - tracks.last <= self.patience
        tracks.keep((tracks.status == TRACKED) | ((tracks.status == LOST) & patient))

    def begin(self, detections: Detections, embedding: Embedding) -> FairMOTTracks:
        """A new track for each detection, confirmed at once in the first frame only."""
        count = len(detections)
        return FairMOTTracks(
            id=self.new_ids(count),
            class_id=detections.class_id,
            score=detections.score,
            state=self.motion.begin(self.motion.measure(detections.xyxy)),
            embedding=embedding,
            status=np.full(count, TRACKED if self.frame == 1 else UNCONFIRMED),
            first=np.full(count, self.frame),
            last=np.full(count, self.frame),
        )

    def drop_duplicates(self) -> None:
        """Where a lost and a tracked box all but coincide, the younger track goes."""
        tracks = self.tracks
        lost, seen = np.flatnonzero(tracks.status == LOST), np.flatnonzero(tracks.status != LOST)
        if not len(lost) or not len(seen):
            return
        boxes = self.motion.boxes(tracks.state) + PIXEL
        i, j, distance = overlapping(boxes[seen], boxes[lost])
        same = (distance < self.settings.duplicate_iou_distance) & (
            tracks.class_id[seen[i]] == tracks.class_id[lost[j]]
        )
        i, j = seen[i[same]], lost[j[same]]
        age = tracks.last - tracks.first
        keep = np.ones(len(tracks), dtype=bool)
        keep[np.where(age[i] > age[j], j, i)] = False
        tracks.keep(keep)

    def report(self) -> Tracks:
        """The tracks seen in this frame that are confirmed, of the shape that the settings allow."""
        tracks = self.tracks
        shown = np.flatnonzero(tracks.status == TRACKED)
        boxes = self.motion.boxes(tracks.state[shown])
        width, height = (boxes[:, 2:] - boxes[:, :2]).T
        plausible = (width * height > self.settings.min_area) & (width <= self.settings.max_aspect * height)
        shown = shown[plausible]
        return Tracks(boxes[plausible], tracks.id[shown], tracks.score[shown], tracks.class_id[shown])
