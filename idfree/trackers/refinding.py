"""Refinding of lost tracks by predicted occlusion centres (Liu et al. 2021, OUTrack, sec. 3.3 and algorithm 1).

A person who is lost behind another is where the two boxes' intersection has its centre at the occlusion that the
network sees; the lost box is shifted there. It is written out, and becomes the track's own: the filter goes on from it.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from idfree.core.boxes import area, overlapping_pairs, paired_intersection
from idfree.core.heatmaps import gaussian_radius
from idfree.core.occlusions import intersections
from idfree.core.types import Floats, Integers, Tracks, View
from idfree.trackers.association import assign_greedily
from idfree.trackers.jde import TRACKED, Jde
from idfree.trackers.kalman import POSITION, VELOCITY
from idfree.trackers.lost_tracks import LostTracks, is_in_image
from idfree.trackers.tracker import Tracker


@dataclass(frozen=True)
class RefindingSettings:
    """Defaults: the paper's, and the public code's where the paper is silent; both guards are off."""

    min_score: float = 0.1  # of an occlusion centre (public code)
    min_fit: float = 0.7  # τ_o: least score G
    patience: float = 1.0  # s, τ_w: 30 frames at 30 fps (public code)
    by_solution: bool = True  # the case of eq. 16 that the solution falls into (public code), or the prediction (paper)
    inside_both: bool = True  # centres lie in the lost box and in the occluder (public code), or in the lost box alone
    guard_overlap: float = 0.0  # guard: only tracks that overlapped another by more than this IoU (public code: 0.2) …
    guard_seconds: float = 1.0  # … so recently
    border: float = 0.0  # guard: px from the border of the image within which nothing is found again


class Refinding(LostTracks):
    """A tracker with a motion model, whose lost tracks are found again at occlusion centres (`View.occlusions`).

    The time that a track is lost stops while it is found again (the paper's counter w), and its filter takes the
    recovered box (the paper's cached box); its velocity stays.
    """

    adds = "refound"

    def __init__(self, tracker: Tracker, settings: RefindingSettings | None = None):
        super().__init__(tracker)
        self.refinding = settings or RefindingSettings()
        self.overlapped: dict[int, float] = {}  # time of the last overlap, by id

    def own_settings(self) -> dict[str, Any]:
        """`refind`, and `refind.NAME` of RefindingSettings."""
        return {"refind": True, **{f"refind.{name}": value for name, value in asdict(self.refinding).items()}}

    def reset(self) -> None:
        """Restore the state of a new instance."""
        super().reset()
        self.overlapped = {}

    def lost_rows(self, tracks: Tracks) -> Integers:
        """Rows of the tracks that were reported before, and are not detected, be they reported at predicted boxes."""
        table = self.tracker.tracks
        return np.flatnonzero(np.isin(table.id, self.reported.ids) & (table.detection < 0))

    def find(self, rows: Integers, tracks: Tracks, view: View) -> tuple[Integers, Floats]:
        """The lost tracks that fit an occlusion centre, and their recovered boxes (R, 4)."""
        self.note_overlaps(tracks)
        tracks = tracks[tracks.detection >= 0]  # occluders are seen
        settings = self.refinding
        rows = rows[self.is_eligible(rows)]
        points = view.occlusions[view.occlusions[:, 2] >= settings.min_score]
        lost = self.predicted(rows)
        matched, occluder, point = best_fits(lost, tracks.xyxy, points[:, :2], settings.min_fit, settings.inside_both)
        solve = recover if settings.by_solution else recover_by_prediction
        rows, boxes = rows[matched], solve(lost[matched], tracks.xyxy[occluder], points[point, :2])
        inside = is_in_image(boxes, view) & self.is_off_border(boxes, view)
        rows, boxes = rows[inside], boxes[inside]
        self.take(rows, boxes)
        return rows, boxes

    def take(self, rows: Integers, boxes: Floats) -> None:
        """Give tracks `rows` the recovered boxes (R, 4); as tracked ones, they may match by overlap next.

        They count as seen: else DeepSORT would not match them by overlap, and OC-SORT not report them at once.
        """
        tracker: Any = self.tracker
        table = tracker.tracks
        table.state[rows, POSITION] = tracker.motion.to_measurement(boxes)
        table.last_seen[rows] += tracker.elapsed
        if hasattr(table, "xyxy"):  # CenterTrack's, beside its filter
            table.xyxy[rows] = boxes
        if hasattr(table, "missed"):
            table.missed[rows] = 0
        if isinstance(tracker, Jde):
            table.status[rows] = TRACKED
            for coordinate in tracker.frozen_if_lost:
                table.state[rows, VELOCITY, coordinate] = 0

    def is_eligible(self, rows: Integers) -> Floats:
        """Mask (R,) of the lost tracks that are not lost for too long, and pass the guard of overlaps."""
        settings, now = self.refinding, self.tracker.now
        mask = self.lost_seconds(rows) < settings.patience - 1e-9
        if settings.guard_overlap > 0:
            last = np.array([self.overlapped.get(each, -np.inf) for each in self.tracker.tracks.id[rows].tolist()])
            mask &= now - last <= settings.guard_seconds * self.tracker.frame_rate
        return np.asarray(mask)

    def note_overlaps(self, tracks: Tracks) -> None:
        """Remember which of the reported tracks overlap another; those of removed tracks are forgotten."""
        if self.refinding.guard_overlap <= 0:
            return
        i, j = overlapping_pairs(tracks.xyxy, tracks.xyxy)
        i, j = i[i != j], j[i != j]
        common, size = paired_intersection(tracks.xyxy[i], tracks.xyxy[j]), area(tracks.xyxy)
        rows = np.unique(i[common > self.refinding.guard_overlap * (size[i] + size[j] - common)])
        live = set(self.tracker.tracks.id.tolist())
        self.overlapped = {id: time for id, time in self.overlapped.items() if id in live}
        self.overlapped |= dict.fromkeys(tracks.id[rows].tolist(), self.tracker.now)

    def is_off_border(self, boxes: Floats, view: View) -> Floats:
        """Mask (R,) of the boxes farther than `border` from the border of the image, if its size is known."""
        if view.size_hw is None or self.refinding.border <= 0:
            return np.ones(len(boxes), dtype=bool)
        height, width = view.size_hw
        room = np.minimum(boxes[:, :2].min(axis=1), np.minimum(width - boxes[:, 2], height - boxes[:, 3]))
        return np.asarray(room > self.refinding.border)


def best_fits(
    lost: Floats, boxes: Floats, points: Floats, min_fit: float, inside_both: bool = True
) -> tuple[Integers, Integers, Integers]:
    """(i, j, k): lost boxes, occluders and points that fit; each lost box and each point once, the best score first.

    Score G: see `fit_scores`; G > min_fit.
    """
    i, j = overlapping_pairs(lost, boxes)
    pair, k = overlapping_pairs(lost[i], np.tile(points, 2)) if len(i) else (i, j)
    i, j = i[pair], j[pair]
    if inside_both:
        inside = ((points[k] > boxes[j, :2]) & (points[k] < boxes[j, 2:])).all(axis=1)
        i, j, k = i[inside], j[inside], k[inside]
    score = fit_scores(intersections(lost[i], boxes[j]), points[k])
    good = score > min_fit
    i, j, k, score = i[good], j[good], k[good], score[good]
    best = assign_greedily(i, k, -score, 0.0)
    return i[best], j[best], k[best]


def fit_scores(regions: Floats, points: Floats) -> Floats:
    """G = exp(−‖p − c‖² / 2σ²), (K,), of points p (K, 2) and the centres c of regions (K, 4).

    σ is the radius that a region of these sides, rounded up, has in training (the public code; golden values).
    """
    centre, (width, height) = (regions[:, :2] + regions[:, 2:]) / 2, np.ceil(regions[:, 2:] - regions[:, :2]).T
    return np.asarray(np.exp(-((points - centre) ** 2).sum(axis=1) / (2 * gaussian_radius(height, width) ** 2)))


def recover(lost: Floats, occluder: Floats, points: Floats) -> Floats:
    """Boxes (K, 4) of the size of `lost` (K, 4) whose intersection with `occluder` (K, 4) is centred at points (K, 2).

    The case of eq. 16 is that into which the solution falls, as in the public code; the paper takes the prediction's.
    Without any, as where the occluder lies within the lost box along an axis, the box stays as it is along it.
    """
    start, size = lost[:, :2], lost[:, 2:] - lost[:, :2]
    first, last = occluder[:, :2], occluder[:, 2:]
    at_start, inside, at_end = 2 * points - first - size, points - size / 2, 2 * points - last
    cases = [
        (at_start <= first) & (at_start + size <= last),
        (inside > first) & (inside + size <= last),
        (at_end > first) & (at_end + size > last),
    ]
    corner = np.select(cases, [at_start, inside, at_end], start)
    return np.concatenate([corner, corner + size], axis=1)


def recover_by_prediction(lost: Floats, occluder: Floats, points: Floats) -> Floats:
    """As `recover`, with the case into which the prediction falls: the paper's eq. 16."""
    start, end = lost[:, :2], lost[:, 2:]
    first, last, size = occluder[:, :2], occluder[:, 2:], end - start
    cases = [(start <= first) & (end <= last), (start > first) & (end <= last), (start > first) & (end > last)]
    corner = np.select(cases, [2 * points - first - size, points - size / 2, 2 * points - last], start)
    return np.concatenate([corner, corner + size], axis=1)
