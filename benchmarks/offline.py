"""CPU time and memory of refining tracks: a crowded video, an hour of video, two minutes with a fixed lag.

    python benchmarks/offline.py                  # all cases; or some of: crowd hour lag file

Tracks are synthetic: people who walk for ten seconds, with noise and four gaps each. Each case runs in a process of its
own on one thread. Prints CPU seconds, and MiB above those of the tracks and the program. `file` is `idfree refine` of
an hour from file to file.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from processes import ONE_THREAD, peak_mib

CASES = {"crowd": (1_000, 50), "hour": (90_000, 20), "lag": (3_000, 20), "file": (90_000, 20)}  # frames, people
RATE, LENGTH, LAG, GAPS = 25.0, 250, 2.0, 4  # frames/s, frames of a track, seconds, gaps of a track
SIZE_HW = (1080, 1920)


def synthetic_tracks(frames, people, seed=0):
    """Tracks of `people` at a time, sorted by track, with gaps."""
    from idfree.core.types import Annotation

    rng = np.random.default_rng(seed)
    count, place = frames * people // LENGTH, np.arange(LENGTH)
    frame = rng.integers(1, frames - LENGTH + 2, (count, 1)) + place
    height = rng.uniform(60, 200, (count, 1)) * np.ones(LENGTH)
    x = rng.uniform(0, SIZE_HW[1], (count, 1)) + rng.normal(0, 2, (count, 1)) * place + rng.normal(0, 2, frame.shape)
    y = rng.uniform(200, SIZE_HW[0], (count, 1)) + rng.normal(0, 2, frame.shape)
    xyxy = np.stack([x - 0.2 * height, y - height, x + 0.2 * height, y], axis=-1)
    first, missing = rng.integers(20, LENGTH - 40, (2, count, GAPS, 1))[0], rng.integers(1, 30, (count, GAPS, 1))
    seen = ~((place >= first) & (place < first + missing)).any(axis=1)
    identity = np.broadcast_to(np.arange(1, count + 1)[:, None], frame.shape)
    ones = np.ones(int(seen.sum()))
    return Annotation(frame[seen], identity[seen], xyxy[seen], ones, ones.astype(np.int64), ones)


def refine_whole(rows):
    """The number of boxes of the whole video, refined."""
    from idfree.offline.whole_video import Video, refine_tracks

    return len(refine_tracks(rows, Video(RATE, SIZE_HW)))


def refine_with_lag(rows):
    """The number of boxes refined with a lag."""
    from idfree.offline.fixed_lag import FixedLag
    from idfree.offline.whole_video import Video

    refiner, count = FixedLag(LAG, Video(RATE, SIZE_HW)), 0
    for number in range(1, int(rows.frame.max()) + 1):
        count += sum(len(tracks) for _, tracks in refiner.add(number, rows.tracks_at(number)))
    return count + sum(len(tracks) for _, tracks in refiner.finish())


def refine_file(rows):
    """The number of boxes of a file, refined."""
    from idfree import refine
    from idfree.sequences.motchallenge import write_results

    with tempfile.TemporaryDirectory() as folder:
        write_results(Path(folder) / "street.txt", rows)
        return refine(Path(folder) / "street.txt", out=Path(folder) / "out")["sequences"][0]["boxes"]


def measure(case):
    """Print the figures of one case."""
    from idfree.offline.track_rows import by_frame

    rows = by_frame(synthetic_tracks(*CASES[case]))
    refine = {"lag": refine_with_lag, "file": refine_file}.get(case, refine_whole)
    before, start = peak_mib(), time.process_time()
    count = refine(rows)
    seconds, (frames, people) = time.process_time() - start, CASES[case]
    print(
        f"{case:6} {frames} frames × {people} people, {len(rows)} boxes, {count} refined: {seconds:.2f} s of CPU,"
        f" {peak_mib() - before:.0f} MiB above {before:.0f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], default=[])
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for case in options.cases or CASES:
        if options.worker:
            measure(case)
        else:
            subprocess.run([sys.executable, __file__, case, "--worker"], env=os.environ | ONE_THREAD, check=True)


if __name__ == "__main__":
    main()
