"""Association speed beside the packages one would use instead, on the same detections, in frames per second.

    python benchmarks/association.py                       # idfree, and the bare cost of IoU + assignment
    python benchmarks/association.py --python PEERS/bin/python --sort SORT/sort.py
    python benchmarks/association.py --memory              # resident memory over 100,000 frames

--python names an interpreter in whose environment some of `trackers`, `norfair`, `deep-sort-realtime` are installed
(repeatable: they do not agree on dependencies); --sort is a copy of the official SORT's sort.py, run there, too (it
needs filterpy). Every contestant runs alone in a process of its own on one thread, `--rounds` times in turn with the
others; the fastest round counts, because the machine is shared. Look at the ratios, not at the figures.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
import types
from functools import partial
from pathlib import Path

import numpy as np

SIZES = (20, 100, 300, 1000)
FRAMES = {20: 300, 100: 150, 300: 60, 1000: 25}
REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "MOT17" / "train" / "MOT17-04-SDP" / "det" / "det.txt"
EMBEDDING = 128
OURS = ("sort", "iou", "deepsort", "bytetrack", "ocsort", "botsort", "fairmot", "centertrack", "tracktor", "fused")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


# The scenes: frames as (xyxy, score, embedding) ---------------------------------------------------------------------


def walkers(count, frames, seed=0):
    """People who walk about a 1920×1080 picture, 5 of 100 missed, with a little jitter."""
    rng = np.random.default_rng(seed)
    room = np.array([1920.0, 1080.0])
    centre, speed = rng.uniform(0, room, (count, 2)), rng.normal(0, 2, (count, 2))
    size = rng.uniform([20, 60], [60, 150], (count, 2))
    look = rng.normal(size=(count, EMBEDDING))
    for _ in range(frames):
        centre = centre + speed
        speed = np.where((centre < 0) | (centre > room), -speed, speed)
        seen = rng.random(count) > 0.05
        boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1) + rng.normal(0, 1, (count, 4))
        noisy = look + rng.normal(0, 0.3, look.shape)
        yield boxes[seen], rng.uniform(0.5, 1, seen.sum()), noisy[seen].astype(np.float32)


def real():
    """MOT17-04 with its SDP detections, about 37 a frame; embeddings are random."""
    rows = np.loadtxt(REAL, delimiter=",")
    rng = np.random.default_rng(0)
    for frame in range(1, int(rows[:, 0].max()) + 1):
        now = rows[rows[:, 0] == frame]
        boxes = np.concatenate([now[:, 2:4], now[:, 2:4] + now[:, 4:6]], axis=1)
        yield boxes, now[:, 6], rng.normal(size=(len(now), EMBEDDING)).astype(np.float32)


def scenes():
    """By name, each a list of frames."""
    made = {str(size): list(walkers(size, FRAMES[size])) for size in SIZES}
    return {**made, "MOT17-04-SDP": list(real())} if REAL.is_file() else made


# The contestants: each gives a function that makes a tracker, which is a function of one frame ----------------------


def idfree_tracker(name):
    """tracktor's boxes are regressed by the detections alone: a detector would give hundreds of candidates."""
    from idfree.core.types import Detections, View
    from idfree.detectors.candidates import Candidates
    from idfree.detectors.refinement import refine_by_candidates
    from idfree.trackers.registry import make_tracker

    def make():
        tracker = make_tracker(name)

        def update(xyxy, score, embedding):
            found = Detections(xyxy, score, embedding=embedding)
            candidates = Candidates(found.xyxy, found.score, found.class_id)
            refiner = partial(refine_by_candidates, candidates=candidates)
            return tracker.update(View(found, refiner=refiner))

        return update

    return make


def bare():
    """The least that any tracker does: IoU of all pairs of this frame and the last, and an assignment."""
    from scipy.optimize import linear_sum_assignment

    from idfree.core.boxes import iou

    def make():
        last = [np.zeros((0, 4))]

        def update(xyxy, score, embedding):
            linear_sum_assignment(1 - iou(last[0], xyxy))
            last[0] = xyxy

        return update

    return make


def roboflow(name):
    import supervision
    import trackers

    def make():
        options = {"enable_cmc": False} if name == "BoTSORTTracker" else {}
        tracker = getattr(trackers, name)(**options)
        return lambda xyxy, score, embedding: tracker.update(
            supervision.Detections(xyxy=xyxy, confidence=score, class_id=np.zeros(len(xyxy), dtype=int))
        )

    return make


def norfair():
    from norfair import Detection, Tracker

    def make():
        tracker = Tracker(distance_function="iou", distance_threshold=0.7)

        def update(xyxy, score, embedding):
            found = zip(xyxy.reshape(-1, 2, 2), score, strict=True)
            tracker.update([Detection(points=corners, scores=np.array([s, s])) for corners, s in found])

        return update

    return make


def deep_sort_realtime():
    from deep_sort_realtime.deepsort_tracker import DeepSort

    def make():
        tracker = DeepSort(embedder=None, nn_budget=100)

        def update(xyxy, score, embedding):
            xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
            rows = [(box.tolist(), float(s), "person") for box, s in zip(xywh, score, strict=True)]
            tracker.update_tracks(rows, embeds=list(embedding))

        return update

    return make


def official_sort(path):
    """The official code, whose imports for drawing are not needed here."""
    for name in ("matplotlib", "matplotlib.pyplot", "matplotlib.patches", "skimage"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["matplotlib"].use = lambda backend: None
    sys.modules["skimage"].io = None
    spec = importlib.util.spec_from_file_location("official_sort", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def make():
        tracker = module.Sort()
        return lambda xyxy, score, embedding: tracker.update(np.concatenate([xyxy, score[:, None]], axis=1))

    return make


def contestants(options):
    """By name, functions that give `make`; those of packages that are not installed fail when called."""
    ours = {f"idfree {name}": lambda name=name: idfree_tracker(name) for name in OURS}
    peers = {
        "trackers SORT": lambda: roboflow("SORTTracker"),
        "trackers ByteTrack": lambda: roboflow("ByteTrackTracker"),
        "trackers OC-SORT": lambda: roboflow("OCSORTTracker"),
        "trackers BoT-SORT": lambda: roboflow("BoTSORTTracker"),
        "norfair": norfair,
        "deep-sort-realtime": deep_sort_realtime,
    }
    if options.sort:
        peers["official SORT"] = lambda: official_sort(options.sort)
    return {"bare IoU + assignment": bare, **ours}, peers


# Measuring ----------------------------------------------------------------------------------------------------------


def measure(make, patience):
    """Frames per second on every scene; a scene is cut short after `patience` seconds."""
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


def in_process(python, name, options):
    """One contestant, alone in a process of `python`; None where its package is not installed there."""
    command = [python, __file__, "--worker", name, "--patience", str(options.patience)]
    command += ["--sort", str(options.sort)] if options.sort else []
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None


def compete(options):
    """Run everyone in turn, keep everyone's fastest round, print the table."""
    ours, peers = contestants(options)
    entries = [(sys.executable, name) for name in ours] + [(p, name) for p in options.python for name in peers]
    best = {}
    for _ in range(options.rounds):
        for python, name in entries:
            speed = in_process(python, name, options)
            if speed:
                old = best.get(name, {})
                best[name] = {scene: max(value, old.get(scene, 0)) for scene, value in speed.items()}
    report(best, ours)


def report(best, ours):
    """Frames per second, and the two ratios that matter."""
    columns = list(next(iter(best.values())))
    print("frames/s".ljust(24) + "".join(c.rjust(14) for c in columns))
    for name, speed in best.items():
        print(name.ljust(24) + "".join(f"{speed[c]:14.1f}" for c in columns))
    peers = [name for name in best if name not in ours]
    print()
    for name in ours:
        if name.startswith("bare"):
            continue
        bare = {c: best["bare IoU + assignment"][c] / best[name][c] for c in columns}
        print(f"{name}: time / bare".ljust(36) + "".join(f"{bare[c]:14.1f}" for c in columns))
        if peers:
            lead = {c: best[name][c] / max(best[p][c] for p in peers) for c in columns}
            print(f"{name}: speed / fastest peer".ljust(36) + "".join(f"{lead[c]:14.1f}" for c in columns))


def memory(frames=100_000, every=20_000):
    """Resident memory of each tracker as a scene of 10 people, who come and go, goes on."""
    for name in OURS:
        update = idfree_tracker(name)()
        for number, frame in enumerate(people_without_end(frames), start=1):
            update(*frame)
            if number % every == 0:
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                print(f"{name}: {number} frames, {pages * os.sysconf('SC_PAGE_SIZE') / 2**20:.1f} MiB", flush=True)


def people_without_end(frames):
    """Ten people at a time; every 200 frames ten others come instead."""
    for start in range(0, frames, 200):
        yield from walkers(10, min(200, frames - start), seed=start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("--sort", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patience", type=float, default=5.0, help="seconds for one scene")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        memory()
    elif options.worker:
        ours, peers = contestants(options)
        try:
            make = {**ours, **peers}[options.worker]()
        except ImportError:
            sys.exit(3)
        print(json.dumps(measure(make, options.patience)))
    else:
        compete(options)


if __name__ == "__main__":
    main()
