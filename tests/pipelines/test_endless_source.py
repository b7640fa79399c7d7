"""An endless source is tracked in memory that does not grow, by `idfree.track` and in files."""

import itertools
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from idfree.core.types import Detections, Frame, Sequence, Tracks
from idfree.pipelines.detection.callable_detector import CallableDetector
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.write_tracks import Outputs, write_tracks
from idfree.sequences.motchallenge import read_results
from idfree.trackers.sort import Sort

FRAMES, WARM_UP = 100_000, 5_000
COUNTER = itertools.count()
LIMIT = 500_000  # bytes; one number kept of each frame would be 3 MB and more


def endless() -> Iterator[Frame]:
    return (Frame(number, time=number / 30) for number in itertools.count(1))


def detect(frame: Frame) -> Detections:
    """One person, except in 30 of 1000 frames."""
    x = 10.0 + frame.number % 50
    is_there = frame.number % 1000 < 970
    return Detections(np.array([[x, 10, x + 20, 60]][:is_there]).reshape(-1, 4), np.ones(int(is_there)))


class Instant(Sort):
    """A tracker that costs no time: the detections are the tracks, with a new id every 50 frames."""

    def update(self, view):
        detections = view.detections
        ids = np.full(len(detections), 1 + next(COUNTER) // 50)
        return Tracks(detections.xyxy, ids, detections.score, np.zeros(len(detections), dtype=np.int64))


def run_endless():
    detector = CallableDetector(detect, needs_images=False)
    run = make_tracking_run(Sequence("camera", endless), detector, Instant(), images=True)
    run.parallel = False  # threads would measure the machine
    return run


def test_tracks_are_not_kept():
    run = run_endless()
    frames = iter(run)
    for _ in itertools.islice(frames, WARM_UP):
        pass
    tracemalloc.start()
    for _ in itertools.islice(frames, 20_000):
        pass
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for _ in itertools.islice(frames, FRAMES - WARM_UP - 20_000):
        pass
    assert grown < LIMIT
    assert run.counts.frames == FRAMES
    assert run.counts.boxes > 0.9 * FRAMES
    assert run.counts.tracks >= FRAMES // 60


def test_results_are_written_as_they_come(tmp_path: Path):
    run, sizes = run_endless(), []

    class Interrupted(Instant):
        def update(self, view):
            if run.counts.frames == WARM_UP:
                tracemalloc.start()
            if run.counts.frames == 20_000:
                sizes.append(tracemalloc.get_traced_memory()[0])
                sizes.append((tmp_path / "camera.txt.partial").stat().st_size)
                tracemalloc.stop()
                raise KeyboardInterrupt
            return super().update(view)

    run.tracker = Interrupted()
    summary, failure = write_tracks(run, Outputs(tmp_path))
    assert failure is None  # Ctrl-C is how a camera ends
    assert (summary["interrupted"], summary["complete"]) == (True, True)
    assert sizes[0] < LIMIT
    results = read_results(tmp_path / "camera.txt")
    assert sizes[1] > 0.9 * (tmp_path / "camera.txt").stat().st_size
    assert len(results) == summary["boxes"]
    assert results.frame.max() == 20_000
    assert summary["tracks"] == len(np.unique(results.id))
