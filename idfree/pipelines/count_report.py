"""CSV files, totals and the picture of what was counted."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.files import write_text
from idfree.core.types import Annotation, Floats, Image, Integers
from idfree.counting.approach import find_approach
from idfree.counting.counter import ANCHORS, Counter
from idfree.counting.ground import Paths
from idfree.counting.request import CountRequest
from idfree.counting.tables import Crossings, Visits, occupancy
from idfree.pipelines.tracking.live_count import outlines
from idfree.show.count_plot import Curve, draw_counts

Summary = dict[str, Any]
KINDS = ("crossings", "zones", "visits", "paths")  # NAME-KIND.csv, each if it was asked for


@dataclass(frozen=True)
class Clock:
    """Seconds of frame numbers. rate: of frame numbers, per second; times: of frame n at [n − 1], or None."""

    rate: float
    times: Floats | None
    length: int

    def __call__(self, frame: Integers) -> Floats:
        """Seconds (K,) of frames (K,)."""
        return (frame - 1) / self.rate if self.times is None else self.times[frame - 1]

    @property
    def end(self) -> float:
        """Seconds of the whole."""
        return float(self(np.array([self.length]))[0]) + 1 / self.rate


@dataclass(frozen=True)
class Counts:
    """Everything that was counted in one file. classes: (C,), those of its tracks."""

    counter: Counter
    crossings: Crossings
    visits: Visits
    paths: Paths | None
    clock: Clock
    class_names: Mapping[int, str]
    classes: Integers

    def class_name(self, class_id: int) -> str:
        """The name of a class, or its number."""
        return self.class_names.get(class_id, str(class_id))

    def stays(self) -> Floats:
        """Seconds (K,) of each visit, until its last frame is over."""
        return self.clock(self.visits.last) - self.clock(self.visits.first) + 1 / self.clock.rate


def count_tracks(counter: Counter, tracks: Annotation) -> Counter:
    """The counter, after all frames of tracks."""
    for frame in np.unique(tracks.frame).tolist():
        counter.add(frame, tracks.tracks_at(frame))
    return counter


def paths_of(out: Path, name: str) -> list[Path]:
    """All files that may be written."""
    return [*(out / f"{name}-{kind}.csv" for kind in KINDS), out / f"{name}-counts.png"]


def write_tables(counts: Counts, out: Path, name: str) -> dict[str, Path]:
    """Write the CSV files that were asked for; their paths."""
    tables = {}
    if counts.counter.lines:
        tables["crossings"] = crossing_rows(counts)
    if counts.counter.zones:
        tables |= {"zones": zone_rows(counts), "visits": visit_rows(counts)}
    if counts.paths is not None:
        tables["paths"] = path_rows(counts, counts.paths)
    files = {kind: out / f"{name}-{kind}.csv" for kind in tables}
    for kind, rows in tables.items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        write_text(files[kind], text.getvalue())
    return files


def crossing_rows(counts: Counts) -> Iterable[list[Any]]:
    """line, direction, frame, time, id, class; by frame."""
    yield ["line", "direction", "frame", "time", "id", "class"]
    found = counts.crossings
    seconds = counts.clock(found.frame)
    for k in np.lexsort((found.id, found.frame)).tolist():
        line = counts.counter.lines[found.line[k]]
        direction = line.directions[0 if found.sign[k] > 0 else 1]
        last = [int(found.id[k]), counts.class_name(int(found.class_id[k]))]
        yield [line.name, direction, int(found.frame[k]), round(float(seconds[k]), 3), *last]


def zone_rows(counts: Counts) -> Iterable[list[Any]]:
    """frame, time, and the people in each zone; of several classes, also those of each."""
    frames, zones = np.arange(1, counts.clock.length + 1), counts.counter.zones
    headers, columns = [zone.name for zone in zones], [occupancy(counts.visits, len(zones), frames)]
    for class_id in counts.classes.tolist() if len(counts.classes) > 1 else []:
        headers += [f"{zone.name}: {counts.class_name(class_id)}" for zone in zones]
        own = counts.visits[counts.visits.class_id == class_id]
        columns.append(occupancy(own, len(zones), frames))
    yield ["frame", "time", *headers]
    seconds = np.round(counts.clock(frames), 3)
    table = np.concatenate(columns, axis=1)
    for frame, time, row in zip(frames.tolist(), seconds.tolist(), table.tolist(), strict=True):
        yield [frame, time, *row]


def visit_rows(counts: Counts) -> Iterable[list[Any]]:
    """zone, id, class, first and last frame, seconds; by first frame."""
    yield ["zone", "id", "class", "first", "last", "seconds"]
    visits, stays = counts.visits, counts.stays()
    for k in np.lexsort((visits.id, visits.first)).tolist():
        frames = [int(visits.first[k]), int(visits.last[k])]
        zone, class_name = counts.counter.zones[visits.zone[k]], counts.class_name(int(visits.class_id[k]))
        yield [zone.name, int(visits.id[k]), class_name, *frames, round(float(stays[k]), 3)]


def path_rows(counts: Counts, paths: Paths) -> Iterable[list[Any]]:
    """id, class, first and last frame, seconds, metres, mean and top speed in m/s."""
    yield ["id", "class", "first", "last", "seconds", "metres", "mean_speed", "top_speed"]
    for k in range(len(paths)):
        head = [int(paths.id[k]), counts.class_name(int(paths.class_id[k])), int(paths.first[k]), int(paths.last[k])]
        measured = (paths.seconds[k], paths.metres[k], paths.mean_speed[k], paths.top_speed[k])
        yield [*head, *(round(float(value), 3) for value in measured)]


def summarise(counts: Counts) -> Summary:
    """Totals of lines, zones and paths, ready for JSON."""
    lines = {line.name: summarise_line(counts, number) for number, line in enumerate(counts.counter.lines)}
    zones = {zone.name: summarise_zone(counts, number) for number, zone in enumerate(counts.counter.zones)}
    summary: Summary = {"lines": lines, "zones": zones}
    if counts.paths is not None:
        metres, seconds = float(counts.paths.metres.sum()), float(counts.paths.seconds.sum())
        mean = round(metres / seconds, 3) if seconds else None
        summary["paths"] = {"tracks": len(counts.paths), "metres": round(metres, 2), "mean_speed": mean}
    return summary


def summarise_line(counts: Counts, number: int) -> Summary:
    """Crossings in each direction; of several classes, also by class."""
    own = counts.crossings[counts.crossings.line == number]
    words = counts.counter.lines[number].directions

    def totals(of: Crossings) -> Summary:
        return {word: int(np.count_nonzero(of.sign == sign)) for word, sign in zip(words, (1, -1), strict=True)}

    by_class = {counts.class_name(c): totals(own[own.class_id == c]) for c in counts.classes.tolist()}
    return {**totals(own), **({"classes": by_class} if len(by_class) > 1 else {})}


def summarise_zone(counts: Counts, number: int) -> Summary:
    """Visits, different tracks, most at a time, and how long they stayed; of several classes, also visits by class."""
    is_own = counts.visits.zone == number
    own, stays = counts.visits[is_own], counts.stays()[is_own]
    frames = np.arange(1, counts.clock.length + 1)
    by_class = {counts.class_name(c): int(np.count_nonzero(own.class_id == c)) for c in counts.classes.tolist()}
    return {
        "visits": len(own),
        "tracks": len(np.unique(own.id)),
        "most": int(occupancy(counts.visits, number + 1, frames)[:, number].max(initial=0)),
        "mean_seconds": round(float(stays.mean()), 3) if len(own) else None,
        "median_seconds": round(float(np.median(stays)), 3) if len(own) else None,
        **({"classes": by_class} if len(by_class) > 1 else {}),
    }


def summarise_uncrossed(counter: Counter, request: CountRequest, tracks: Annotation, frame_rate: float) -> Summary:
    """How near the tracks come to each line without a crossing; and crossings by the other anchor, if boxes reach it.

    counter: of the request, which has counted these tracks.
    """
    lines = [number for number, total in enumerate(counter.totals.sum(axis=1).tolist()) if not total]
    anchors, other = counter.anchor(tracks.xyxy), next(name for name in ANCHORS if name != request.anchor)
    found = {number: find_approach(counter.lines[number], tracks, anchors, counter.gap) for number in lines}
    asked = [number for number, approach in found.items() if approach is not None and approach.overlapping]
    others = replace(request, lines=tuple(counter.lines[number] for number in asked), zones=(), anchor=other)
    recount = count_tracks(others.counter(frame_rate), tracks) if asked else others.counter(frame_rate)
    crossings = dict(zip(asked, recount.totals.sum(axis=1).tolist(), strict=True))
    return {
        counter.lines[number].name: {
            "anchor": request.anchor,
            **({} if approach is None else asdict(replace(approach, distance=round(approach.distance, 2)))),
            "other_anchor": other,
            "other_crossings": crossings.get(number, 0),
        }
        for number, approach in found.items()
    }


def draw_plot(counts: Counts, image: Image, path: Path) -> None:
    """Write the picture."""
    marks, counter, clock = outlines(counts.counter), counts.counter, counts.clock
    crossings, people = [], []
    for number, (line, mark) in enumerate(zip(counter.lines, marks, strict=False)):
        for sign, word in zip((1, -1), line.directions, strict=True):
            own = counts.crossings[(counts.crossings.line == number) & (counts.crossings.sign == sign)]
            times = np.concatenate([[0.0], np.sort(clock(own.frame))])
            label = f"{line.name}: {word}"
            crossings.append(Curve(label, times, np.arange(len(times)), mark.colour, is_dashed=sign < 0))
    frames = np.arange(1, clock.length + 1)
    inside = occupancy(counts.visits, len(counter.zones), frames)
    for column, (zone, mark) in enumerate(zip(counter.zones, marks[len(counter.lines) :], strict=True)):
        changes = np.flatnonzero(np.diff(inside[:, column], prepend=-1))
        people.append(Curve(zone.name, clock(frames[changes]), inside[changes, column], mark.colour))
    titles = [zone_title(zone.name, summarise_zone(counts, number)) for number, zone in enumerate(counter.zones)]
    zones = [replace(mark, text=title) for mark, title in zip(marks[len(counter.lines) :], titles, strict=True)]
    draw_counts(image, [*marks[: len(counter.lines)], *zones], crossings, people, clock.end).save(path)


def zone_title(name: str, totals: Summary) -> str:
    """A zone's name with its visits and the median stay."""
    stay = "" if totals["median_seconds"] is None else f", {totals['median_seconds']:.1f} s each (median)"
    return f"{name}: {totals['visits']} visits{stay}"
