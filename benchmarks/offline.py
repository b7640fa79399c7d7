"""Time and memory of refining tracks: a short crowded video, an hour of video, and two minutes with a fixed lag.

    python benchmarks/offline.py                  # all; or some of: crowd hour lag file

Rows are made up: people who walk past for ten seconds, with jitter and four gaps each. Every case runs alone in a
process of its own on one thread. CPU seconds, and MB of memory above what the rows themselves and the program take.
`file` is `idfree refine` of an hour from file to file.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CASES = {"crowd": (1_000, 50), "hour": (90_000, 20), "lag": (3_000, 20), "file": (90_000, 20)}  # frames, people
RATE, LENGTH, LAG, GAPS = 25.0, 250, 2.0, 4
SIZE_HW = (1080, 1920)


def street(frames, people, seed=0):
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


def peak():
    """Peak of this process' resident memory, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def refine_all(rows):
    """The number of rows of the whole video, refined."""
    from idfree.offline.whole_video import Video, refine_tracks

    return len(refine_tracks(rows, Video(RATE, SIZE_HW)))


def refine_late(rows):
    """The number of rows refined with a lag."""
    from idfree.offline.fixed_lag import FixedLag
    from idfree.offline.whole_video import Video

    late, count = FixedLag(LAG, Video(RATE, SIZE_HW)), 0
    for number in range(1, int(rows.frame.max()) + 1):
        count += sum(len(tracks) for _, tracks in late.add(number, rows.tracks_at(number)))
    return count + sum(len(tracks) for _, tracks in late.finish())


def refine_file(rows):
    """The number of rows of a file, refined."""
    from idfree import refine
    from idfree.sequences.motchallenge import write_results

    with tempfile.TemporaryDirectory() as folder:
        write_results(Path(folder) / "street.txt", rows)
        return refine(Path(folder) / "street.txt", out=Path(folder) / "out")["sequences"][0]["boxes"]


def measure(case):
    """Print one line of figures."""
    from idfree.offline.track_rows import by_frame

    rows = by_frame(street(*CASES[case]))
    work = {"lag": refine_late, "file": refine_file}.get(case, refine_all)
    before, start = peak(), time.process_time()
    count = work(rows)
    seconds = time.process_time() - start
    frames, people = CASES[case]
    print(
        f"{case:6} {frames} frames × {people} people, {len(rows)} rows, {count} refined: {seconds:.2f} s of CPU,"
        f" {peak() - before:.0f} MB above {before:.0f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], default=[*CASES])
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for case in options.cases:
        if options.here:
            measure(case)
        else:
            subprocess.run([sys.executable, __file__, case, "--here"], check=True)


if __name__ == "__main__":
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    sys.exit(main())
