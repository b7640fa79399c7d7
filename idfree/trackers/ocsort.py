"""OC-SORT: SORT that trusts what it saw over what it expected (Cao et al. 2023, Observation-Centric SORT).

The way that a track was seen to move helps to choose between detections (momentum, OCM); a track that is not where it
was expected is looked for where it was last seen (recovery, OCR); and the filter of a track found again is led along a
straight line through the frames that it missed, in place of what it imagined meanwhile (re-update, ORU).
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers, Tracks, View
from idfree.trackers.association import Matches, assign_then_drop, overlapping, solve
from idfree.trackers.camera_motion import moved, warp
from idfree.trackers.sort import Sort, SortSettings, SortTracks

TINY = np.finfo(np.float64).tiny
NEVER = np.iinfo(np.int64).min  # the frame of an observation that has not been made


@dataclass(frozen=True)
class OCSortSettings(SortSettings):
    """Defaults of the public code, which takes a min_score of 0.4 for MOT20."""

    min_score: float = 0.6  # detections above it take part
    max_age: int = 30  # frames at 30 frames a second that a track outlives its last detection
    delta_t: int = 3  # Δt: frames over which the direction of a track is taken
    inertia: float = 0.2  # λ: weight of the direction beside the IoU
    use_byte: bool = False  # tracks left without a detection may have one of a lower score, as in ByteTrack
    low_score: float = 0.1  # above this


@dataclass
class OCSortTracks(SortTracks):
    """observations (N, Δt, 4): the last detections, xyxy, latest first; seen (N, Δt): the frame of each, or NEVER;
    direction (N, 2): of the unit vector from an earlier observation to the last, 0 if there is but one;
    anchor (N, 5, 4): of a lost track, the filter's state as predicted for the first frame without a detection;
    last (N,): when last seen, on the tracker's clock.
    """

    observations: Floats
    seen: Integers
    direction: Floats
    anchor: Floats
    last: Floats

    def earlier(self, frame: int) -> Floats:
        """(N, 4) the earliest observation since `frame`, for each track; its last one if that is older."""
        recent = (self.seen >= frame).sum(axis=1)
        return self.observations[np.arange(len(self)), np.maximum(recent - 1, 0)]


class OCSort(Sort):
    """The tracker of Cao 2023."""

    settings: OCSortSettings
    tracks: OCSortTracks

    def __init__(self, settings: OCSortSettings | None = None, frame_rate: float = 30.0):
        super().__init__(settings or OCSortSettings(), frame_rate)
        self.patience = int(frame_rate / 30 * self.settings.max_age)

    def step(self, detections: Detections, view: View) -> Tracks:
        settings = self.settings
        floor = settings.low_score if settings.use_byte else settings.min_score
        detections = detections.only(detections.score > floor)
        self.predict(view)
        self.earlier = self.tracks.earlier(self.frame - settings.delta_t)
        matching = self.associate(detections)
        self.take(*matching.pairs, detections)
        new = matching.free_detections
        new = new[detections.score[new] > settings.min_score]
        if len(new):
            self.tracks.add(self.begin(detections[new]))
        report = self.report()
        self.tracks.keep(self.now - self.tracks.last <= self.patience)
        return report

    def associate(self, detections: Detections) -> Matches:
        """Overlap and direction together; then, if asked for, low scores; then overlap with where a track was seen.

        Each pass is solved among all pairs that overlap, and its limit applied afterwards, as in SORT. (The public code
        weighs directions between boxes that do not overlap too, and then drops those pairs.)
        """

        def solver(i: Integers, j: Integers, distance: Floats, limit: float) -> Integers:
            chosen = solve(i, j, 1 - distance + self.momentum(i, j, detections))
            return chosen[distance[chosen] <= limit]

        limit = 1 - self.settings.min_iou
        high = detections.score > self.settings.min_score
        matching = self.matching(self.tracks, detections)
        i, j, distance = overlapping(self.boxes, detections.xyxy)
        matching.match(i, j, distance, limit, by="overlap", using=high, solver=solver)
        if self.settings.use_byte:
            matching.match(i, j, distance, limit, by="overlap", using=~high, solver=assign_then_drop)
        free, left = matching.free_tracks, matching.free_detections
        if len(free) and len(left):
            i, j, distance = overlapping(self.tracks.observations[free, 0], detections.xyxy[left])
            matching.match(free[i], left[j], distance, limit, by="overlap", using=high, solver=assign_then_drop)
        return matching

    def predict(self, view: View) -> None:
        """As in SORT; what was observed moves with the camera, too."""
        super().predict(view)
        if view.camera is not None:
            tracks = self.tracks
            tracks.observations = moved(tracks.observations, view.camera)
            tracks.anchor = warp(tracks.anchor, view.camera, self.motion.powers)

    def momentum(self, i: Integers, j: Integers, detections: Detections) -> Floats:
        """(K,) what the directions add to the IoU of tracks i and detections j: OCM, within ±λ/2.

        λ times the score of the detection, as in the public code, times how well its direction from the track's earlier
        observation agrees with the track's own: ½ for the same, −½ for the opposite, 0 for a right angle.
        """
        towards = direction(self.earlier[i], detections.xyxy[j])
        cosine = (self.tracks.direction[i] * towards).sum(axis=1)
        angle = np.arccos(np.clip(cosine, -1, 1))
        return self.settings.inertia * detections.score[j] * (0.5 - angle / np.pi)

    def take(self, rows: Integers, taken: Integers, detections: Detections) -> None:
        """Correct the matched tracks by their detections, and remember these."""
        tracks, boxes = self.tracks, detections.xyxy[taken]
        self.recall(rows, boxes)
        super().take(rows, taken, detections)
        tracks.direction[rows] = direction(self.earlier[rows], boxes)
        tracks.observations[rows] = np.concatenate([boxes[:, None], tracks.observations[rows, :-1]], axis=1)
        tracks.seen[rows, 1:] = tracks.seen[rows, :-1]
        tracks.seen[rows, 0] = self.frame
        tracks.last[rows] = self.now
        lost = np.flatnonzero(tracks.missed == 1)
        tracks.anchor[lost] = tracks.state[lost]

    def recall(self, rows: Integers, boxes: Floats) -> None:
        """Replace what was predicted for the tracks found again in `boxes`: ORU.

        The filter goes back to the first frame that it missed, and sees what lies on the line between the last box and
        this one. The public code then takes in this one twice; here, as in the paper, it is seen once.
        """
        tracks = self.tracks
        again = np.flatnonzero(tracks.missed[rows] > 1)
        if not len(again):
            return
        again = again[np.argsort(-tracks.missed[rows[again]])]  # so that those still on their way come first
        rows = rows[again]
        gap = tracks.missed[rows]
        frames = np.arange(1, gap[0])
        share = np.minimum(frames[:, None] / gap, 1)[:, :, None]
        last = tracks.observations[rows, 0]
        line = last + share * (boxes[again] - last)  # frames × tracks × 4
        seen = self.motion.measure(line.reshape(-1, 4)).reshape(line.shape)
        state = tracks.anchor[rows]
        for step, on in enumerate((frames[:, None] < gap).sum(axis=1)):
            state[:on] = self.motion.predict(self.motion.update(state[:on], seen[step, :on]), self.elapsed)
        tracks.state[rows] = state

    def begin(self, detections: Detections) -> OCSortTracks:
        """A new track for each detection."""
        count, depth = len(detections), max(self.settings.delta_t, 1)
        born = super().begin(detections)
        seen = np.full((count, depth), NEVER)
        seen[:, 0] = self.frame
        return OCSortTracks(
            **vars(born),
            observations=np.repeat(detections.xyxy[:, None], depth, axis=1),
            seen=seen,
            direction=np.zeros((count, 2)),
            anchor=np.zeros_like(born.state),
            last=np.full(count, self.now),
        )

    def report(self) -> Tracks:
        """The tracks seen in this frame that have been seen often enough, where they were seen."""
        tracks, settings = self.tracks, self.settings
        established = (tracks.streak >= settings.min_hits) | (self.frame <= settings.min_hits)
        shown = np.flatnonzero((tracks.missed == 0) & established)
        return Tracks(tracks.observations[shown, 0], tracks.id[shown], tracks.score[shown], tracks.class_id[shown])


def direction(a: Floats, b: Floats) -> Floats:
    """(N, 2) unit vectors from the centres of the boxes a[k] to those of b[k]; 0 where these are the same."""
    way = (b[:, :2] + b[:, 2:] - a[:, :2] - a[:, 2:]) / 2
    length = np.hypot(way[:, 0], way[:, 1])[:, None]
    return way / np.maximum(length, TINY)
