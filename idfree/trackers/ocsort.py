"""OC-SORT: SORT that relies on observations rather than predictions (Cao et al. 2023, *Observation-Centric SORT*).

Momentum (OCM): the direction of a track's past observations contributes to the association cost. Recovery (OCR):
unmatched tracks are associated once more by their last observation. Re-update (ORU): if a track is matched after a gap,
its filter is run again on a straight line of virtual observations in place of the predictions.
"""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Detections, Floats, Integers, Tracks, View
from idfree.trackers import sort
from idfree.trackers.association import Matches, assign_then_drop, iou_distances, solve
from idfree.trackers.camera_motion import warp_boxes, warp_states
from idfree.trackers.sort import Sort, SortSettings, SortTracks
from idfree.trackers.tracker import SearchRanges

TINY = np.finfo(np.float64).tiny
NEVER = np.iinfo(np.int64).min  # frame number of an observation that does not exist


@dataclass(frozen=True)
class OCSortSettings(SortSettings):
    """Defaults of the public code, which uses a min_score of 0.4 for MOT20."""

    min_score: float = 0.6  # detections with a higher score take part, and may start tracks
    patience: float = 1.0  # s that a track outlives its last detection: 30 frames at 30 fps
    delta_t: int = 3  # Δt: frames between the two observations that give a track's direction
    inertia: float = 0.2  # λ: weight of the direction beside the IoU
    use_byte: bool = False  # match unmatched tracks with detections of lower scores, as in ByteTrack
    low_score: float = 0.1  # those with a score above this, if use_byte


SEARCH: SearchRanges = {
    **sort.SEARCH,
    "delta_t": (1, 6),
    "inertia": (0.0, 0.5),
    "use_byte": (False, True),
    "low_score": (0.0, 0.4),
}


@dataclass
class OCSortTracks(SortTracks):
    """observations: (N, Δt, 4), xyxy of the last detections, latest first. observed: (N, Δt), their frame numbers, or
    NEVER. direction: (N, 2), unit vector from an earlier observation to the last, 0 if there is only one.
    anchor: (N, 5, 4), of a lost track, the filter's state predicted for its first frame without a detection.
    """

    observations: Floats
    observed: Integers
    direction: Floats
    anchor: Floats

    def observation_since(self, frame: int) -> Floats:
        """The earliest observation (N, 4) of each track since `frame`; its last one if that is older."""
        recent_count = (self.observed >= frame).sum(axis=1)
        return self.observations[np.arange(len(self)), np.maximum(recent_count - 1, 0)]


class OCSort(Sort):
    """OC-SORT (Cao 2023)."""

    settings: OCSortSettings
    tracks: OCSortTracks

    def __init__(self, settings: OCSortSettings | None = None, frame_rate: float = 30.0):
        super().__init__(settings or OCSortSettings(), frame_rate)
        self.patience_frames = self.whole_frames(self.settings.patience, np.floor)  # rounded down as in JDE trackers

    def step(self, detections: Detections, view: View) -> Tracks:
        """As SORT, with associations by observations, low scores if `use_byte`, and a least score for new tracks."""
        settings = self.settings
        score_floor = settings.low_score if settings.use_byte else settings.min_score
        detections = detections.select(detections.score > score_floor)
        self.predict(view)
        self.earlier = self.tracks.observation_since(self.frame - settings.delta_t)
        matches = self.associate(detections)
        self.update_matched(*matches.pairs, detections)
        new = matches.unmatched_detections
        new = self.startable(detections, new[detections.score[new] > settings.min_score])
        if len(new):
            self.tracks.append(self.start_tracks(detections[new]))
        report = self.report()
        self.remove_expired()
        return report

    def associate(self, detections: Detections) -> Matches:
        """IoU with momentum; then low scores, if `use_byte`; then IoU with the last observation (OCR).

        Each pass is solved among all overlapping pairs, and `min_iou` applied afterwards, as in SORT. (The public code
        also computes the momentum of pairs that do not overlap, and drops them afterwards.)
        """

        def assign_with_momentum(i: Integers, j: Integers, distance: Floats, max_distance: float) -> Integers:
            matched = solve(i, j, 1 - distance + self.momentum(i, j, detections))
            return matched[distance[matched] <= max_distance]

        max_distance = 1 - self.settings.min_iou
        high = detections.score > self.settings.min_score
        matches = self.new_matches(self.tracks, detections)
        i, j, distance = iou_distances(self.boxes, detections.xyxy)
        matches.match(i, j, distance, max_distance, "overlap", detection_mask=high, solver=assign_with_momentum)
        if self.settings.use_byte:
            matches.match(i, j, distance, max_distance, "overlap", detection_mask=~high, solver=assign_then_drop)
        tracks, unmatched = matches.unmatched_tracks, matches.unmatched_detections
        if len(tracks) and len(unmatched):
            i, j, distance = iou_distances(self.tracks.observations[tracks, 0], detections.xyxy[unmatched])
            i, j = tracks[i], unmatched[j]
            matches.match(i, j, distance, max_distance, "overlap", detection_mask=high, solver=assign_then_drop)
        return matches

    def predict(self, view: View) -> None:
        """As in SORT; observations and anchors are warped by the camera's motion, too."""
        super().predict(view)
        if view.camera is not None:
            tracks = self.tracks
            tracks.observations = warp_boxes(tracks.observations, view.camera)
            tracks.anchor = warp_states(tracks.anchor, view.camera, self.motion.scale_powers)

    def momentum(self, i: Integers, j: Integers, detections: Detections) -> Floats:
        """OCM's addition (K,) to the IoU of tracks i and detections j, within ±λ/2.

        λ times the detection's score, as in the public code, times ½ − angle/π, of the angle between the track's
        direction and that from its earlier observation to the detection.
        """
        to_detection = unit_direction(self.earlier[i], detections.xyxy[j])
        cosine = (self.tracks.direction[i] * to_detection).sum(axis=1)
        angle = np.arccos(np.clip(cosine, -1, 1))
        return self.settings.inertia * detections.score[j] * (0.5 - angle / np.pi)

    def update_matched(self, rows: Integers, matched: Integers, detections: Detections) -> None:
        """Update tracks `rows` with the detections `matched`, and store these as observations."""
        tracks, boxes = self.tracks, detections.xyxy[matched]
        self.re_update(rows, boxes)
        super().update_matched(rows, matched, detections)
        tracks.direction[rows] = unit_direction(self.earlier[rows], boxes)
        tracks.observations[rows] = np.concatenate([boxes[:, None], tracks.observations[rows, :-1]], axis=1)
        tracks.observed[rows, 1:] = tracks.observed[rows, :-1]
        tracks.observed[rows, 0] = self.frame
        newly_lost = np.flatnonzero(tracks.missed == 1)
        tracks.anchor[newly_lost] = tracks.state[newly_lost]

    def re_update(self, rows: Integers, boxes: Floats) -> None:
        """Replace the predictions of the tracks matched with `boxes` after a gap (ORU).

        The filter restarts from its anchor, with virtual observations on the line between the last box and this one.
        The public code then updates with this box twice; here, as in the paper, it is used once.
        """
        tracks = self.tracks
        after_gap = np.flatnonzero(tracks.missed[rows] > 1)
        if not len(after_gap):
            return
        after_gap = after_gap[np.argsort(-tracks.missed[rows[after_gap]])]  # longest gap first
        rows = rows[after_gap]
        gap = tracks.missed[rows]
        frames = np.arange(1, gap[0])
        fraction = np.minimum(frames[:, None] / gap, 1)[:, :, None]
        last = tracks.observations[rows, 0]
        line = last + fraction * (boxes[after_gap] - last)  # frames × tracks × 4
        virtual = self.motion.to_measurement(line.reshape(-1, 4)).reshape(line.shape)
        state = tracks.anchor[rows]
        for step, count in enumerate((frames[:, None] < gap).sum(axis=1)):  # the first `count` tracks are in their gap
            state[:count] = self.motion.predict(self.motion.update(state[:count], virtual[step, :count]), self.elapsed)
        tracks.state[rows] = state

    def start_tracks(self, detections: Detections) -> OCSortTracks:
        """A new track for each detection."""
        count, length = len(detections), max(self.settings.delta_t, 1)
        columns = super().start_tracks(detections)
        observed = np.full((count, length), NEVER)
        observed[:, 0] = self.frame
        return OCSortTracks(
            **vars(columns),
            observations=np.repeat(detections.xyxy[:, None], length, axis=1),
            observed=observed,
            direction=np.zeros((count, 2)),
            anchor=np.zeros_like(columns.state),
        )

    def remove_expired(self) -> None:
        """Remove tracks unseen for longer than the patience."""
        self.tracks.keep(self.now - self.tracks.last_seen <= self.patience_frames)

    def report(self) -> Tracks:
        """The established tracks that were detected in this frame, with the detected boxes."""
        tracks, settings = self.tracks, self.settings
        is_established = (tracks.streak >= settings.min_hits) | (self.frame <= settings.min_hits)
        reported = np.flatnonzero((tracks.missed == 0) & is_established)
        boxes = tracks.observations[reported, 0]
        return tracks.report(reported, boxes)


def unit_direction(a: Floats, b: Floats) -> Floats:
    """Unit vectors (N, 2) from the centres of the boxes a[k] to those of b[k]; 0 if these coincide."""
    shift = (b[:, :2] + b[:, 2:] - a[:, :2] - a[:, 2:]) / 2
    length = np.hypot(shift[:, 0], shift[:, 1])[:, None]
    return shift / np.maximum(length, TINY)
