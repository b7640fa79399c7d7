"""Frames per second of association, of our trackers and of other packages, on the same detections.

    python benchmarks/association.py                       # ours, and a lower bound: IoU + assignment alone
    python benchmarks/association.py --python PEERS/bin/python --sort SORT/sort.py
    python benchmarks/association.py --memory              # resident memory over 100,000 frames

--python names an interpreter whose environment has some of `trackers`, `norfair` and `deep-sort-realtime`; it can be
repeated, as their dependencies conflict. --sort is a copy of the official SORT's sort.py, run there, too (it needs
filterpy). Each tracker runs in a process of its own on one thread, `--rounds` times in turn with the others; the
fastest round counts. On a shared machine only the ratios, printed below the table, can be compared.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from association_trackers import LOWER_BOUND, OURS, idfree_tracker, other_trackers, our_trackers, scenes, walkers
from processes import run_json


def measure(make, patience):
    """Frames per second by scene; a scene is cut short after `patience` seconds."""
    speed = {}
    for name, frames in scenes().items():
        update = make()
        start, done = time.perf_counter(), 0
        for frame in frames:
            update(*frame)
            done += 1
            if time.perf_counter() - start > patience:
                break
        speed[name] = done / (time.perf_counter() - start)
    return speed


def measure_in_process(python, name, options):
    """Frames per second of one tracker; None where its package is not installed."""
    command = [python, __file__, "--worker", name, "--patience", options.patience]
    return run_json([*command, "--sort", options.sort] if options.sort else command)


def compete(options):
    """Measure all trackers in turn, and print the fastest round of each."""
    entries = [(sys.executable, name) for name in our_trackers()]
    entries += [(python, name) for python in options.python for name in other_trackers(options.sort)]
    best = {}
    for _ in range(options.rounds):
        for python, name in entries:
            if speed := measure_in_process(python, name, options):
                known = best.get(name, {})
                best[name] = {scene: max(value, known.get(scene, 0)) for scene, value in speed.items()}
    print_speed(best)
    print_ratios(best)


def print_line(title, width, values):
    print(title.ljust(width) + "".join(f"{value:14.1f}" for value in values))


def print_speed(best):
    """Print frames per second by tracker and scene."""
    columns = list(best[LOWER_BOUND])
    print("frames/s".ljust(24) + "".join(name.rjust(14) for name in columns))
    for name, speed in best.items():
        print_line(name, 24, [speed[column] for column in columns])
    print()


def print_ratios(best):
    """Print our trackers' time over the lower bound, and their speed over that of the fastest other package."""
    columns, ours = list(best[LOWER_BOUND]), our_trackers()
    others = [speed for name, speed in best.items() if name not in ours]
    for name in ours:
        if name == LOWER_BOUND:
            continue
        print_line(f"{name}: time / bare", 36, [best[LOWER_BOUND][c] / best[name][c] for c in columns])
        if others:
            fastest = {c: max(speed[c] for speed in others) for c in columns}
            print_line(f"{name}: speed / fastest peer", 36, [best[name][c] / fastest[c] for c in columns])


def print_memory(frames=100_000, every=20_000):
    """Print the resident memory of each of our trackers while a scene of changing objects goes on."""
    for name in OURS:
        update = idfree_tracker(name)()
        for number, frame in enumerate(endless_scene(frames), start=1):
            update(*frame)
            if number % every == 0:
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                print(f"{name}: {number} frames, {pages * os.sysconf('SC_PAGE_SIZE') / 2**20:.1f} MiB", flush=True)


def endless_scene(frames):
    """Ten objects at a time, replaced by ten others every 200 frames."""
    for start in range(0, frames, 200):
        yield from walkers(10, min(200, frames - start), seed=start)


def work(options):
    """Print the speed of one tracker as JSON; exit with 3 if its package is missing."""
    try:
        make = {**our_trackers(), **other_trackers(options.sort)}[options.worker]()
    except ImportError:
        sys.exit(3)
    print(json.dumps(measure(make, options.patience)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], help="an interpreter with other packages; repeatable")
    parser.add_argument("--sort", type=Path, help="the official SORT's sort.py")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patience", type=float, default=5.0, help="seconds for one scene")
    parser.add_argument("--memory", action="store_true", help="measure memory instead")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print_memory()
    elif options.worker:
        work(options)
    else:
        compete(options)


if __name__ == "__main__":
    main()
