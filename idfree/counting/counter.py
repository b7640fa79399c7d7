"""Count crossings of lines and visits of zones, frame by frame, robust to jitter and to gaps of tracks."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import bottom_centres, centres
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Floats, Integers, Tracks
from idfree.counting.shapes import Line, Zone
from idfree.counting.tables import Crossings, Visits

ANCHORS = {"bottom": bottom_centres, "centre": centres}  # the anchor point of a box


@dataclass(frozen=True)
class CounterSettings:
    """Tolerances for jitter and for gaps of tracks. Studies: docs/counting.md."""

    hysteresis: float = 0.05  # distance beyond a line or edge at which a side counts, in box heights
    gap: float = 2.0  # seconds that a track may be missing; after a longer gap it begins anew


@dataclass
class TrackStates:
    """States of T tracks, sorted by id, at each of S lines and zones.

    id, class_id: (T,). point: (T, 2), last anchor point, px. last: (T,), frame it was seen in. side: (T, S), the
    confirmed side: 1, −1, or 0 as long as there is none. current: (T, S), the side of the last point, 1 or −1; since:
    (T, S), first frame on that side; before: (T, S), last frame on the other; crossed_at: (T, S), where the way from
    one to the other crosses the line, see `Line.position_along`. entered: (T, S), first frame of the current visit.
    """

    id: Integers
    class_id: Integers
    point: Floats
    last: Integers
    side: Integers
    current: Integers
    since: Integers
    before: Integers
    crossed_at: Floats
    entered: Integers

    def __getitem__(self, rows: Integers) -> "TrackStates":
        return TrackStates(*(getattr(self, field.name)[rows] for field in fields(self)))

    def join(self, others: "TrackStates") -> "TrackStates":
        """All rows of both, sorted by id."""
        both = TrackStates(*(np.concatenate([getattr(s, f.name) for s in (self, others)]) for f in fields(self)))
        return both[np.argsort(both.id, kind="stable")]


class Counter:
    """Online counter of line crossings and zone visits of one sequence: `add` each frame in order, then `finish`.

    With hysteresis: a side of a line is confirmed when the anchor point is further from it than `settings.hysteresis`
    box heights. A crossing is a change from one confirmed side to the other, if the way, at its last change of sides,
    leads between the end points; jitter at the line counts once, the way back again. Zones are treated alike; but a
    track that begins inside one is inside. gap: in frame numbers, see CounterSettings. totals: (L, 2) crossings so far,
    to the positive and to the negative side of each line. Raises UserError for an unknown anchor.
    """

    def __init__(
        self,
        lines: tuple[Line, ...],
        zones: tuple[Zone, ...] = (),
        anchor: str = "bottom",
        frame_rate: float = 30.0,
        settings: CounterSettings | None = None,
    ):
        if anchor not in ANCHORS:
            raise UserError(f"--anchor {anchor}: expected {' or '.join(ANCHORS)}")
        self.lines, self.zones, self.anchor = lines, zones, ANCHORS[anchor]
        self.settings = settings or CounterSettings()
        self.gap = max(1, round(self.settings.gap * frame_rate))
        self.is_line = np.array([True] * len(lines) + [False] * len(zones), dtype=bool)
        self.states = self.start_tracks(Annotation.empty().tracks_at(0), 0)
        self.crossings: list[tuple[int, ...]] = []
        self.visits: list[tuple[int, ...]] = []
        self.frame = 0
        self.totals = np.zeros((len(lines), 2), dtype=np.int64)

    def add(self, frame: int, tracks: Tracks) -> None:
        """Count crossings and visits of the tracks of the next frame."""
        self.frame = frame
        self.end_tracks(self.states.last < frame - self.gap)
        tracks = tracks[np.argsort(tracks.id, kind="stable")]
        is_new = ~np.isin(tracks.id, self.states.id)
        self.update_tracks(frame, tracks[~is_new])
        self.states = self.states.join(self.start_tracks(tracks[is_new], frame))

    def start_tracks(self, tracks: Tracks, frame: int) -> TrackStates:
        """States of tracks that are seen for the first time."""
        points, current, is_clear = self.find_sides(tracks)
        side = np.where(self.is_line & ~is_clear, 0, current)
        last, since = np.full(len(tracks), frame), np.full(current.shape, frame)
        nowhere = np.full(current.shape, np.nan)
        return TrackStates(tracks.id, tracks.class_id, points, last, side, current, since, since, nowhere, since)

    def find_sides(self, tracks: Tracks) -> tuple[Floats, Integers, NDArray[np.bool_]]:
        """Anchor points (N, 2), the sides (N, S) they are on, and mask (N, S) of those beyond the hysteresis."""
        points = self.anchor(tracks.xyxy)
        shapes: tuple[Line | Zone, ...] = (*self.lines, *self.zones)
        distance = np.stack([shape.signed_distance(points) for shape in shapes] or [points[:, 0]], axis=1)
        distance = distance[:, : len(shapes)]
        margin = self.settings.hysteresis * (tracks.xyxy[:, 3] - tracks.xyxy[:, 1])
        return points, np.where(distance >= 0, 1, -1), np.abs(distance) > margin[:, None]

    def update_tracks(self, frame: int, tracks: Tracks) -> None:
        """Update the states of tracks that have some, and count the crossings and visits that are confirmed now."""
        states, rows = self.states, np.searchsorted(self.states.id, tracks.id)
        points, current, is_clear = self.find_sides(tracks)
        flipped = current != states.current[rows]
        states.before[rows] = np.where(flipped, states.last[rows, None], states.before[rows])
        states.since[rows] = np.where(flipped, frame, states.since[rows])
        crossed_at = np.where(flipped, self.crossing_positions(states.point[rows], points), states.crossed_at[rows])
        states.crossed_at[rows] = crossed_at
        states.current[rows], states.point[rows] = current, points
        states.last[rows], states.class_id[rows] = frame, tracks.class_id
        old = states.side[rows]
        switched = is_clear & (current != old)
        states.side[rows] = np.where(switched, current, old)
        crossed = switched & self.is_line & (old != 0) & (crossed_at >= 0) & (crossed_at <= 1)
        for k, line in np.argwhere(crossed).tolist():
            self.count_crossing(int(rows[k]), line)
        entered = switched & ~self.is_line & (current > 0)
        states.entered[rows] = np.where(entered, states.since[rows], states.entered[rows])
        for k, shape in np.argwhere(switched & ~self.is_line & (current < 0)).tolist():
            self.count_visit(int(rows[k]), shape, int(states.before[rows[k], shape]))

    def crossing_positions(self, start: Floats, end: Floats) -> Floats:
        """Positions (N, S) along each line at which the ways from points (N, 2) to others cross it; NaN of zones."""
        positions = np.full((len(start), len(self.is_line)), np.nan)
        for k, line in enumerate(self.lines):
            from_, to = line.signed_distance(start), line.signed_distance(end)
            share = np.divide(from_, from_ - to, out=np.zeros_like(from_), where=from_ != to)
            positions[:, k] = line.position_along(start + share[:, None] * (end - start))
        return positions

    def count_crossing(self, row: int, line: int) -> None:
        """Add the crossing of a line by the track in a row of the states."""
        states = self.states
        sign = int(states.side[row, line])
        self.totals[line, 0 if sign > 0 else 1] += 1
        frame, id, class_id = (int(each) for each in (states.since[row, line], states.id[row], states.class_id[row]))
        self.crossings.append((line, sign, frame, id, class_id))

    def count_visit(self, row: int, shape: int, last: int) -> None:
        """Add the visit of a zone by the track in a row of the states, until the frame `last`."""
        states, zone = self.states, shape - len(self.lines)
        first = int(states.entered[row, shape])
        self.visits.append((zone, int(states.id[row]), int(states.class_id[row]), first, max(first, last)))

    def end_tracks(self, is_gone: NDArray[np.bool_]) -> None:
        """End the visits of tracks (mask (T,)) in the frame in which they were seen last, and drop their states."""
        if not is_gone.any():
            return
        for row, shape in np.argwhere((self.states.side > 0) & ~self.is_line & is_gone[:, None]).tolist():
            self.count_visit(row, shape, int(self.states.last[row]))
        self.states = self.states[np.flatnonzero(~is_gone)]

    def finish(self) -> tuple[Crossings, Visits]:
        """End all visits; return all crossings and visits."""
        self.end_tracks(np.ones(len(self.states.id), dtype=bool))
        crossings = np.array(self.crossings, dtype=np.int64).reshape(-1, 5).T
        visits = np.array(self.visits, dtype=np.int64).reshape(-1, 5).T
        return Crossings(*crossings), Visits(*visits)

    def present(self) -> Integers:
        """Number of tracks (Z,) of the last frame in each zone."""
        is_here = self.states.last == self.frame
        return np.asarray((self.states.side[is_here] > 0)[:, ~self.is_line].sum(axis=0))
