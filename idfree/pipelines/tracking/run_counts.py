"""What a tracking run counts meanwhile: seconds by stage, and frames, boxes and tracks."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from idfree.core.types import Tracks

STAGES = ("reading", "detecting", "associating", "writing")


class StageTimer:
    """Seconds spent in each stage; `total`, from first to last, is less than their sum if stages run in parallel.

    Threads may measure at the same time, each its own stages.
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self.first = self.last = 0.0

    @property
    def total(self) -> float:
        """Seconds from the start of the first block to the end of the last."""
        return self.last - self.first

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add the duration of the `with` block to `stage`."""
        start = time.perf_counter()
        self.first = self.first or start
        try:
            yield
        finally:
            self.last = time.perf_counter()
            self.seconds[stage] = self.seconds.get(stage, 0.0) + self.last - start


class TrackCounts:
    """Numbers of frames, detections, boxes and tracks; memory grows by a bit for each track, not with the frames."""

    def __init__(self) -> None:
        self.frames = self.detections = self.boxes = self.tracks = 0
        self.classes: set[int] = set()
        self.current: set[int] = set()  # ids of the last frame
        self.seen: dict[int, int] = {}  # bits of 1024 ids each, by id // 1024

    def add(self, tracks: Tracks, detections: int = 0) -> None:
        """Count a frame. detections: their number in it."""
        self.frames += 1
        self.detections += detections
        self.boxes += len(tracks)
        self.classes.update(tracks.class_id.tolist())
        ids = set(tracks.id.tolist())
        for identity in ids - self.current:
            block, bit = identity >> 10, 1 << (identity & 1023)
            self.tracks += not self.seen.get(block, 0) & bit
            self.seen[block] = self.seen.get(block, 0) | bit
        self.current = ids
