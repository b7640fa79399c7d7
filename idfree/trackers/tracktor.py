"""Tracktor: each track's box is regressed by the detector in the next frame (Bergmann et al. 2019).

Association is left to the detector: an object moves little between two frames, so that its last box, asked about again,
becomes its new one. Detections only start tracks, or revive lost ones that look alike (Tracktor++).
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.boxes import paired_iou
from idfree.core.suppression import nms
from idfree.core.types import Detections, Floats, Integers, Tracks, View
from idfree.trackers.association import Mask, Matches, assign_greedily, iou_distances
from idfree.trackers.camera_motion import warp_boxes
from idfree.trackers.deepsort import NEAREST_FACTOR
from idfree.trackers.embeddings import Embeddings, unit_embeddings
from idfree.trackers.gallery import Gallery
from idfree.trackers.track_table import TrackTable
from idfree.trackers.tracker import SearchRanges, Tracker

SEEN_IOU = 0.5  # of a track's box and the detection that is taken for it, and gives its embedding


@dataclass(frozen=True)
class TracktorSettings:
    """Defaults of the public code, but for `max_cosine`: its limit is of distances that are not normalised."""

    min_score: float = 0.5  # detections with a lower score start no track
    kill_score: float = 0.5  # a track whose regressed box has a lower score is lost: σ_active
    kill_iou: float = 0.6  # of two tracks: the one of lower score is lost: λ_active
    start_iou: float = 0.3  # a detection that overlaps a track or a better detection more starts no track: λ_new
    patience: float = 1 / 3  # s that a lost track may be revived: 10 frames at 30 fps
    max_cosine: float = 0.2  # cosine distance to the nearest stored embedding of a lost track (DeepSORT's)
    revive_iou: float = 0.2  # of the detection and the lost track's last box
    budget: int = 10  # embeddings stored per track
    motion: float = 0.0  # share of its last velocity by which a box is moved on; 1: the paper's CVA, for low rates


SEARCH: SearchRanges = {
    "min_score": (0.1, 0.9),
    "kill_score": (0.05, 0.8),
    "kill_iou": (0.3, 0.95),
    "start_iou": (0.1, 0.7),
    "patience": (0.1, 5.0),
    "max_cosine": (0.05, 0.6),
    "revive_iou": (0.01, 0.5),
    "budget": (1, 100),
    "motion": (0.0, 1.0),
}


@dataclass
class TracktorTracks(TrackTable):
    """xyxy: (N, 4). velocity: (N, 2), of its centre, px per frame. slot: (N,), in the gallery. is_lost: (N,).
    last_seen: (N,), time of the last regressed box.
    """

    xyxy: Floats
    velocity: Floats
    slot: Integers
    is_lost: Mask
    last_seen: Floats


class Tracktor(Tracker):
    """Tracktor++ (Bergmann 2019). Its View must have a refiner; UserError is raised otherwise.

    Embeddings are optional. Those of a track are of the detections that its boxes coincide with.
    """

    uses_embeddings = True
    uses_refiner = True
    published_threshold = TracktorSettings.max_cosine / NEAREST_FACTOR

    def __init__(self, settings: TracktorSettings | None = None, frame_rate: float = 30.0):
        self.settings = settings or TracktorSettings()
        super().__init__(frame_rate)
        self.patience_frames = self.whole_frames(self.settings.patience)

    @property
    def min_embedded_score(self) -> float:
        """Just below `min_score`: all detections that are used have embeddings."""
        return np.nextafter(self.settings.min_score, -np.inf)

    def clear(self) -> None:
        """Remove all tracks, and empty the gallery."""
        self.gallery = Gallery(self.settings.budget)
        self.tracks = self.start_tracks(Detections(np.zeros((0, 4))), np.zeros((0, 0), dtype=np.float32))

    def step(self, detections: Detections, view: View) -> Tracks:
        """Regress the boxes of all tracks, associate, update, start tracks of the detections that are left, report."""
        self.remove_expired()
        self.predict(view)
        self.regress(view)
        detections = detections.select(detections.score >= self.settings.min_score)
        embedding = unit_embeddings(detections, self.gallery.embedding[self.tracks.slot, 0])
        matches, is_new = self.associate(detections, embedding)
        self.update_matched(*matches.pairs, detections, embedding)
        if len(new := self.startable(detections, np.flatnonzero(is_new & (matches.track_of < 0)))):
            self.tracks.append(self.start_tracks(detections[new], embedding[new]))
        return self.report()

    def predict(self, view: View) -> None:
        """Move boxes with the camera, and on by the set share of their velocities."""
        tracks = self.tracks
        if view.camera is not None:
            tracks.xyxy = warp_boxes(tracks.xyxy, view.camera)
        tracks.xyxy = tracks.xyxy + np.tile(self.settings.motion * self.elapsed * tracks.velocity, 2)

    def regress(self, view: View) -> None:
        """Regress the boxes of all tracks that are not lost; those with low scores, or on another track, are lost."""
        tracks, settings = self.tracks, self.settings
        rows = np.flatnonzero(~tracks.is_lost)
        boxes, score = view.refine(tracks.xyxy[rows], tracks.class_id[rows])
        alive = np.flatnonzero(Detections(boxes, score).valid_mask(view.size_hw) & (score >= settings.kill_score))
        # Of two tracks on one object, that of the box which moved less: their scores are often equal.
        rank = score[alive] * paired_iou(tracks.xyxy[rows[alive]], boxes[alive])
        alive = alive[nms(boxes[alive], rank, tracks.class_id[rows[alive]], settings.kill_iou)]
        tracks.is_lost[rows] = True
        self.set_boxes(rows[alive], boxes[alive], score[alive])

    def set_boxes(self, rows: Integers, boxes: Floats, score: Floats) -> None:
        """The new boxes (R, 4) and scores (R,) of tracks `rows`, which are not lost then."""
        tracks = self.tracks
        moved = (boxes - tracks.xyxy[rows]).reshape(-1, 2, 2).mean(axis=1)
        moved_before = self.settings.motion * tracks.velocity[rows]  # in each frame since
        tracks.velocity[rows] = moved_before + moved / (self.now - tracks.last_seen[rows])[:, None]
        tracks.xyxy[rows], tracks.score[rows] = boxes, score
        tracks.is_lost[rows], tracks.last_seen[rows] = False, self.now

    def associate(self, detections: Detections, embedding: Embeddings) -> tuple[Matches, Mask]:
        """Match tracks with the detections at their boxes, and lost tracks with new detections that look alike.

        Also returns the mask (D,) of the new detections: not covered by a track, or by a better one of them.
        """
        tracks, settings = self.tracks, self.settings
        matches = self.new_matches(tracks, detections)
        i, j, distance = iou_distances(tracks.xyxy, detections.xyxy)
        matches.match(i, j, distance, 1 - SEEN_IOU, "overlap", ~tracks.is_lost, solver=assign_greedily)

        is_new = matches.track_of < 0
        same_class = tracks.class_id[i] == detections.class_id[j]
        is_new[j[~tracks.is_lost[i] & same_class & (distance < 1 - settings.start_iou)]] = False
        new = np.flatnonzero(is_new)
        is_new[:] = False
        best = nms(detections.xyxy[new], detections.score[new], detections.class_id[new], settings.start_iou)
        is_new[new[best]] = True

        near = distance <= 1 - settings.revive_iou
        i, j = i[near], j[near]
        by_slot = np.argsort(tracks.slot[i], kind="stable")
        i, j = i[by_slot], j[by_slot]
        distance = self.distance_scale * self.gallery.nearest_distance(tracks.slot[i], embedding, j)
        matches.match(i, j, distance, settings.max_cosine, "appearance", tracks.is_lost, is_new)
        return matches, is_new

    def update_matched(self, rows: Integers, matched: Integers, detections: Detections, embedding: Embeddings) -> None:
        """Scores and embeddings of tracks `rows` from the detections `matched`; of revived ones boxes, too."""
        tracks = self.tracks
        revived = tracks.is_lost[rows]
        self.set_boxes(rows[revived], detections.xyxy[matched[revived]], detections.score[matched[revived]])
        tracks.score[rows] = detections.score[matched]
        tracks.detection[rows] = detections.row[matched]
        is_known = np.any(embedding[matched], axis=1)
        if is_known.any():
            self.gallery.add(tracks.slot[rows[is_known]], embedding[matched[is_known]])

    def remove_expired(self) -> None:
        """Remove lost tracks after their patience, and release their slots in the gallery."""
        tracks = self.tracks
        mask = ~tracks.is_lost | (self.now - tracks.last_seen <= self.patience_frames)
        self.gallery.release(tracks.slot[~mask])
        tracks.keep(mask)

    def start_tracks(self, detections: Detections, embedding: Embeddings) -> TracktorTracks:
        """A new track for each detection."""
        count = len(detections)
        return TracktorTracks(
            id=self.new_ids(count),
            class_id=detections.class_id,
            score=detections.score,
            detection=detections.row,
            xyxy=detections.xyxy,
            velocity=np.zeros((count, 2)),
            slot=self.gallery.allocate(embedding),
            is_lost=np.zeros(count, dtype=bool),
            last_seen=np.full(count, self.now),
        )

    def report(self) -> Tracks:
        """The tracks that are not lost."""
        rows = np.flatnonzero(~self.tracks.is_lost)
        return self.tracks.report(rows, self.tracks.xyxy[rows])
