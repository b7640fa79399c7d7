"""CenterTrack: greedy matching of centres, displaced to the previous frame by the network (Zhou et al. 2020).

No motion model and no appearance: a detection's displacement says where its object was one frame ago. Of detections
without displacements, the centres themselves are matched. A Kalman filter runs along for those who ask where lost
tracks are (idfree.trackers.lost_tracks). With `reassociate`, DeepSORT gives the boxes that are tracked new identities,
by appearance (Karthik et al. 2020, SimpleReID).
"""

from dataclasses import dataclass, replace

import numpy as np

from idfree.core.boxes import area, overlapping_pairs
from idfree.core.types import Detections, Floats, Integers, Tracks, View
from idfree.trackers.association import assign_greedily
from idfree.trackers.camera_motion import warp_boxes, warp_states
from idfree.trackers.deepsort import DeepSort
from idfree.trackers.motion import SizeMotion
from idfree.trackers.track_table import TrackTable
from idfree.trackers.tracker import SearchRanges, Tracker


@dataclass(frozen=True)
class CenterTrackSettings:
    """Defaults of the paper for MOT17 (Zhou 2020, sec. 5.2 and 5.3)."""

    min_score: float = 0.4  # θ: detections with a lower score are dropped
    start_score: float = 0.4  # detections with a lower score start no track; the paper has θ alone
    radius: float = 1.0  # κ: greatest distance of matched centres, in √(area of the box), of both boxes
    patience: float = 32 / 30  # s that a track may be born again after its last detection: 32 frames at 30 fps
    reassociate: bool = False  # DeepSORT, of published settings, associates the boxes of all tracks again


SEARCH: SearchRanges = {
    "min_score": (0.1, 0.8),
    "start_score": (0.2, 0.9),
    "radius": (0.2, 2.0),
    "patience": (0.0, 3.0),
    "reassociate": (False, True),
}


@dataclass
class CenterTrackTracks(TrackTable):
    """xyxy: (N, 4), of the last detection, moved with the camera since. last_seen: (N,), its time. state: (N, 5, 4), of
    the Kalman filter, which takes no part in matching.
    """

    xyxy: Floats
    last_seen: Floats
    state: Floats


class CenterTrack(Tracker):
    """CenterTrack's association (Zhou 2020, sec. 4.2), with re-birth."""

    def __init__(self, settings: CenterTrackSettings | None = None, frame_rate: float = 30.0):
        self.settings = settings or CenterTrackSettings()
        self.motion = SizeMotion()
        self.second = DeepSort(frame_rate=frame_rate) if self.settings.reassociate else None
        self.uses_embeddings = self.second is not None
        super().__init__(frame_rate)
        self.patience_frames = self.whole_frames(self.settings.patience)

    def clear(self) -> None:
        """Remove all tracks, also those of the second tracker (`reassociate`)."""
        if self.second is not None:
            self.second.reset()
        self.tracks = self.start_tracks(Detections(np.zeros((0, 4))))

    def step(self, detections: Detections, view: View) -> Tracks:
        """Predict, match centres greedily, update, remove expired tracks, start new ones, report."""
        settings, tracks = self.settings, self.tracks
        detections = detections.select(detections.score >= settings.min_score)
        if self.elapsed > 1:  # tracks that expired in the skipped frames
            tracks.keep(self.now - tracks.last_seen <= self.patience_frames + 1)
        moved = tracks.xyxy if view.camera is None else warp_boxes(tracks.xyxy, view.camera)
        before = tracks.xyxy if detections.displacement is not None else moved  # displacements hold the camera's motion
        tracks.xyxy = moved
        tracks.state = self.motion.predict(tracks.state, self.elapsed)
        if view.camera is not None:
            tracks.state = warp_states(tracks.state, view.camera, self.motion.scale_powers)

        matches = self.new_matches(tracks, detections)
        i, j, rank = self.candidates(before, detections)
        matches.match(i, j, rank, np.inf, by="motion", solver=assign_greedily)
        self.update_matched(*matches.pairs, detections)
        tracks.keep(self.now - tracks.last_seen <= self.patience_frames)
        new = matches.unmatched_detections
        new = self.startable(detections, new[detections.score[new] >= settings.start_score])
        if len(new):
            tracks.append(self.start_tracks(detections[new]))
        return self.report() if self.second is None else self.reassociated(self.second, detections, view)

    def reassociated(self, second: Tracker, detections: Detections, view: View) -> Tracks:
        """What a second tracker makes of the detections that are tracked."""
        tracked = detections[np.isin(detections.row, self.tracks.detection)]
        tracks = second.update(replace(view, detections=tracked, public=None))
        row = np.append(tracked.row, -1)[tracks.detection]  # −1 stays −1
        return replace(tracks, detection=row)

    def finish(self, tracks: Tracks, detections: Detections) -> Tracks:
        """As of any tracker; of a second one, its identities are voted on."""
        own = self.tracks
        self.tracks = own if self.second is None else self.second.tracks
        finished = super().finish(tracks, detections)
        self.tracks = own
        return finished

    def candidates(self, xyxy: Floats, detections: Detections) -> tuple[Integers, Integers, Floats]:
        """Pairs of boxes (T, 4) of tracks and detections whose centres are near enough, and their rank: 0 is the first.

        Detections come by descending score, each with the nearest centre first: in that order, each takes the nearest
        track that is left. Near enough: within `radius` times the root of the smaller of both areas.
        """
        centre, place = centres(xyxy), centres(detections.xyxy)
        if detections.displacement is not None:
            place = place + np.where(np.isfinite(detections.displacement), detections.displacement, 0)
        reach, limit = (self.settings.radius * np.sqrt(area(boxes)) for boxes in (xyxy, detections.xyxy))
        i, j = overlapping_pairs(squares(centre, reach), squares(place, limit))
        distance = np.hypot(*(place[j] - centre[i]).T)
        near = distance <= np.minimum(reach[i], limit[j])
        i, j, distance = i[near], j[near], distance[near]
        rank = np.empty(len(i))
        rank[np.lexsort([distance, -detections.score[j]])] = np.arange(len(i))
        return i, j, rank

    def update_matched(self, rows: Integers, matched: Integers, detections: Detections) -> None:
        """Update tracks `rows` with the detections `matched`."""
        tracks = self.tracks
        tracks.xyxy[rows] = detections.xyxy[matched]
        measurement = self.motion.to_measurement(detections.xyxy[matched])
        tracks.state[rows] = self.motion.update(tracks.state[rows], measurement)
        tracks.score[rows] = detections.score[matched]
        tracks.detection[rows] = detections.row[matched]
        tracks.last_seen[rows] = self.now

    def start_tracks(self, detections: Detections) -> CenterTrackTracks:
        """A new track for each detection."""
        count = len(detections)
        return CenterTrackTracks(
            id=self.new_ids(count),
            class_id=detections.class_id,
            score=detections.score,
            detection=detections.row,
            xyxy=detections.xyxy,
            last_seen=np.full(count, self.now),
            state=self.motion.initialise(self.motion.to_measurement(detections.xyxy)),
        )

    def report(self) -> Tracks:
        """The tracks that were detected in this frame."""
        rows = np.flatnonzero(self.tracks.detection >= 0)
        return self.tracks.report(rows, self.tracks.xyxy[rows])


def centres(xyxy: Floats) -> Floats:
    """Centres (N, 2) of boxes (N, 4)."""
    return (xyxy[:, :2] + xyxy[:, 2:]) / 2


def squares(centre: Floats, half: Floats) -> Floats:
    """Squares (N, 4) around centres (N, 2), of half these sides (N,)."""
    return np.concatenate([centre - half[:, None], centre + half[:, None]], axis=1)
