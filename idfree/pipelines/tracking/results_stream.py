"""Results of tracking, written while they come: what a process that is killed has tracked lies in NAME.txt.partial."""

import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np

from idfree.core.errors import UserError
from idfree.core.growing_file import GrowingFile
from idfree.core.types import Annotation, Frame, Tracks
from idfree.pipelines.tracking.tracking_run import concatenate_tracks
from idfree.sequences.motchallenge import format_results
from idfree.sequences.rows import format_rows
from idfree.sequences.table_writer import PART_ROWS, import_parquet, write_table_parts

Format = Literal["mot", "csv", "json", "parquet"]
SUFFIXES: dict[Format, str] = {"mot": "txt", "csv": "csv", "json": "json", "parquet": "parquet"}

INTERVAL = 1.0  # seconds of tracks that are kept in memory, at most
MAX_FRAMES = 256  # the same in frames
EXACT_ROW = "%d,%d" + ",%.17g" * 5 + ",%d,%.17g\n"  # frame, id, x1, y1, x2, y2, score, class, time


class ResultsStream:
    """Writes the tracks of a sequence, frame by frame, to a file in the given format.

    Rows of MOTChallenge text are final as they come; those of the other formats, whose columns depend on all frames,
    are kept as exact numbers and converted by `finish`, part by part. class_names: by class, for these others. Raises
    UserError if a file cannot be written.
    """

    def __init__(self, path: Path, format: Format, class_names: Mapping[int, str] = MappingProxyType({})):
        if format == "parquet":
            import_parquet(f"writing {path}")
        self.path, self.format, self.file = path, format, GrowingFile(path)
        self.class_names = class_names
        self.pending: list[tuple[int, Tracks]] = []
        self.times: list[float] = []
        self.frames = 0  # that are written
        self.has_times = True  # of all boxes that are written
        self.is_finished = False
        self.written_at = time.monotonic()

    def add(self, frame: Frame, tracks: Tracks) -> None:
        """Append the tracks of the next frame."""
        self.times.append(np.nan if frame.time is None else frame.time)
        self.pending.append((frame.number, tracks))
        if len(self.pending) >= MAX_FRAMES or time.monotonic() - self.written_at >= INTERVAL:
            self.flush()

    def flush(self) -> None:
        """Write the tracks that are still in memory."""
        if self.pending:
            tracks = concatenate_tracks(self.pending, self.times[: len(self.pending)])
            text = format_results(tracks) if self.format == "mot" else format_exactly(tracks)
            self.file.append(text.encode())
            self.has_times &= tracks.time is not None and bool(np.isfinite(tracks.time).all())
        self.frames += len(self.pending)
        self.pending, self.times = [], []
        self.written_at = time.monotonic()

    def finish(self) -> None:
        """Write what is in memory, and give the file its name."""
        self.flush()
        if self.format == "mot":
            self.file.finish()
        else:
            self.file.trim()
            parts = read_exactly(self.file.partial)
            write_table_parts(self.path, parts, self.format, self.class_names, self.has_times)
            self.file.discard()
        self.is_finished = True

    def finish_after_failure(self, can_be_repeated: bool) -> None:
        """Keep what was tracked before an error or interruption, if there is anything.

        can_be_repeated: if a file cannot be written (a full disk), nothing is kept; what comes from a camera is kept as
        far as it was written.
        """
        if self.is_finished:
            return
        try:
            self.flush()
        except UserError:
            self.pending, self.times = [], []
            self.frames = 0 if can_be_repeated else self.frames
        try:
            if self.frames:
                self.finish()
        except (UserError, OSError):  # the error that is already on its way is told
            if not can_be_repeated:
                return
        self.file.discard()


def format_exactly(tracks: Annotation) -> str:
    """Rows of EXACT_ROW."""
    times = np.full(len(tracks), np.nan) if tracks.time is None else tracks.time
    columns = {"frame": tracks.frame, "id": tracks.id, "score": tracks.score, "class": tracks.class_id, "time": times}
    x1, y1, x2, y2 = tracks.xyxy.T
    boxes = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    names = ("frame", "id", "x1", "y1", "x2", "y2", "score", "class", "time")
    return format_rows(EXACT_ROW, {name: (columns | boxes)[name] for name in names})


def read_exactly(path: Path) -> Iterator[Annotation]:
    """Yield the tracks in a file of such rows, PART_ROWS at a time."""
    with path.open() as file:
        while lines := list(islice(file, PART_ROWS)):
            rows = np.loadtxt(lines, delimiter=",", ndmin=2)
            frame, ids, class_id = (rows[:, column].astype(np.int64) for column in (0, 1, 7))
            yield Annotation(frame, ids, rows[:, 2:6], rows[:, 6], class_id, np.ones(len(rows)), time=rows[:, 8])
