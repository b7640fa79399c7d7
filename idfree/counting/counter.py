"""Count crossings of lines and visits of zones, frame by frame, robust to jitter and to gaps of tracks."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import bottom_centres, centres
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Floats, Integers, Tracks
from idfree.counting.shapes import Line, Zone
from idfree.counting.tables import Crossings, Visits

ANCHORS = {"bottom": bottom_centres, "centre": centres}  # the point of a box that counts


@dataclass(frozen=True)
class CounterSettings:
    """Studies: docs/counting.md."""

    hysteresis: float = 0.05  # distance beyond a line or edge at which a side counts, in box heights
    gap: float = 2.0  # seconds that a track may be missing; after a longer gap it begins anew


@dataclass
class States:
    """Of each track that is followed (T,), and of each of S lines and zones.

    side: (T, S), the side confirmed last: 1, −1, or 0 as long as there is none. near: (T, S), the side it was seen on
    last. changed: (T, S), first frame on that side; before: (T, S), last one on the other. place: (T, S), where the
    way to that side crosses the line. entered: (T, S), first frame of the current visit.
    """

    id: Integers
    class_id: Integers
    point: Floats
    last: Integers
    side: Integers
    near: Integers
    changed: Integers
    before: Integers
    place: Floats
    entered: Integers

    def keep(self, rows: Integers) -> "States":
        """These rows, in this order."""
        return States(*(getattr(self, field.name)[rows] for field in fields(self)))

    def join(self, others: "States") -> "States":
        """All rows of both, sorted by id."""
        both = States(*(np.concatenate([getattr(s, f.name) for s in (self, others)]) for f in fields(self)))
        return both.keep(np.argsort(both.id, kind="stable"))


class Counter:
    """Counts the tracks of one sequence, whose frames come in order.

    A side of a line is confirmed when the anchor point is further from it than `settings.hysteresis` box heights: a
    crossing is a change from one confirmed side to the other, if the way, at its last change of sides, leads between
    the end points. It is counted once, however much the box trembles, and again on the way back. Zones are treated
    alike; but a track that begins inside one is inside. gap: in frame numbers, see CounterSettings. Raises UserError
    for an unknown anchor.
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
        self.states = self.begin(Annotation.empty().tracks_at(0), 0)
        self.crossings: list[tuple[int, ...]] = []
        self.visits: list[tuple[int, ...]] = []
        self.frame = 0
        self.totals = np.zeros((len(lines), 2), dtype=np.int64)  # to the positive and to the negative side, so far

    def add(self, frame: int, tracks: Tracks) -> None:
        """Count the tracks of the next frame."""
        self.frame = frame
        self.forget(self.states.last < frame - self.gap)
        tracks = tracks[np.argsort(tracks.id, kind="stable")]
        is_new = ~np.isin(tracks.id, self.states.id)
        self.move(frame, tracks[~is_new])
        self.states = self.states.join(self.begin(tracks[is_new], frame))

    def begin(self, tracks: Tracks, frame: int) -> States:
        """States of tracks that are seen for the first time."""
        points, near, is_clear = self.look(tracks)
        begun = np.full(near.shape, frame)
        side = np.where(self.is_line & ~is_clear, 0, near)
        place = np.full(near.shape, np.nan)
        last = np.full(len(tracks), frame)
        return States(tracks.id, tracks.class_id, points, last, side, near, begun, begun, place, begun)

    def look(self, tracks: Tracks) -> tuple[Floats, Integers, NDArray[np.bool_]]:
        """Anchor points (N, 2), the sides (N, S) they are on, and whether clearly so (N, S)."""
        points = self.anchor(tracks.xyxy)
        shapes: tuple[Line | Zone, ...] = (*self.lines, *self.zones)
        distance = np.stack([shape.signed_distance(points) for shape in shapes] or [points[:, 0]], axis=1)
        distance = distance[:, : len(shapes)]
        margin = self.settings.hysteresis * (tracks.xyxy[:, 3] - tracks.xyxy[:, 1])
        return points, np.where(distance >= 0, 1, -1), np.abs(distance) > margin[:, None]

    def move(self, frame: int, tracks: Tracks) -> None:
        """Update the states of tracks that are followed, and count what has changed."""
        states, rows = self.states, np.searchsorted(self.states.id, tracks.id)
        points, near, is_clear = self.look(tracks)
        flipped = near != states.near[rows]
        states.before[rows] = np.where(flipped, states.last[rows, None], states.before[rows])
        states.changed[rows] = np.where(flipped, frame, states.changed[rows])
        states.place[rows] = np.where(flipped, self.places(states.point[rows], points), states.place[rows])
        states.near[rows], states.point[rows] = near, points
        states.last[rows], states.class_id[rows] = frame, tracks.class_id
        old = states.side[rows]
        switched = is_clear & (near != old)
        states.side[rows] = np.where(switched, near, old)
        place = states.place[rows]
        crossed = switched & self.is_line & (old != 0) & (place >= 0) & (place <= 1)
        for k, line in np.argwhere(crossed).tolist():
            self.count_crossing(int(rows[k]), line)
        entered = switched & ~self.is_line & (near > 0)
        states.entered[rows] = np.where(entered, states.changed[rows], states.entered[rows])
        for k, shape in np.argwhere(switched & ~self.is_line & (near < 0)).tolist():
            self.count_visit(int(rows[k]), shape, int(states.before[rows[k], shape]))

    def places(self, start: Floats, end: Floats) -> Floats:
        """Where the ways from points (N, 2) to others cross each line, along it (N, S); NaN of zones."""
        places = np.full((len(start), len(self.is_line)), np.nan)
        for k, line in enumerate(self.lines):
            from_, to = line.signed_distance(start), line.signed_distance(end)
            share = np.divide(from_, from_ - to, out=np.zeros_like(from_), where=from_ != to)
            places[:, k] = line.along(start + share[:, None] * (end - start))
        return places

    def count_crossing(self, row: int, line: int) -> None:
        """Note that a track, by its state, has crossed a line."""
        states = self.states
        sign = int(states.side[row, line])
        self.totals[line, 0 if sign > 0 else 1] += 1
        frame, id, class_id = (int(each) for each in (states.changed[row, line], states.id[row], states.class_id[row]))
        self.crossings.append((line, sign, frame, id, class_id))

    def count_visit(self, row: int, shape: int, last: int) -> None:
        """Note that a track, by its state, was in a zone until the frame `last`."""
        states, zone = self.states, shape - len(self.lines)
        first = int(states.entered[row, shape])
        self.visits.append((zone, int(states.id[row]), int(states.class_id[row]), first, max(first, last)))

    def forget(self, is_gone: NDArray[np.bool_]) -> None:
        """End the visits of tracks (mask (T,)), when they were seen last, and follow them no more."""
        if not is_gone.any():
            return
        for row, shape in np.argwhere((self.states.side > 0) & ~self.is_line & is_gone[:, None]).tolist():
            self.count_visit(row, shape, int(self.states.last[row]))
        self.states = self.states.keep(np.flatnonzero(~is_gone))

    def finish(self) -> tuple[Crossings, Visits]:
        """End all visits; everything that was counted."""
        self.forget(np.ones(len(self.states.id), dtype=bool))
        crossings = np.array(self.crossings, dtype=np.int64).reshape(-1, 5).T
        visits = np.array(self.visits, dtype=np.int64).reshape(-1, 5).T
        return Crossings(*crossings), Visits(*visits)

    def present(self) -> Integers:
        """How many tracks of the last frame are in each zone."""
        is_here = self.states.last == self.frame
        return np.asarray((self.states.side[is_here] > 0)[:, ~self.is_line].sum(axis=0))
