"""Trackers that association.py compares, and the scenes that they track.

A frame is (xyxy, score, embedding). Each tracker is named with a function that gives `make`, which makes a function of
one frame. Packages of other trackers are imported by that function, in the environment that has them.
"""

import importlib.util
import sys
import types
from functools import partial
from pathlib import Path

import numpy as np

SIZES = {20: 300, 100: 150, 300: 60, 1000: 25}  # objects of a synthetic scene: frames
MOT17 = Path("MOT17") / "train" / "MOT17-04-SDP" / "det" / "det.txt"
REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / MOT17
DIMENSION = 128  # of embeddings
ROOM = np.array([1920.0, 1080.0])
OURS = ("sort", "iou", "deepsort", "bytetrack", "ocsort", "botsort", "fairmot", "centertrack", "tracktor", "fused")
ROBOFLOW = {
    "trackers SORT": "SORTTracker",
    "trackers ByteTrack": "ByteTrackTracker",
    "trackers OC-SORT": "OCSORTTracker",
    "trackers BoT-SORT": "BoTSORTTracker",
}
LOWER_BOUND = "bare IoU + assignment"


def scenes():
    """Frames by name of the scene: synthetic ones, and MOT17-04 if it is there."""
    made = {str(count): list(walkers(count, frames)) for count, frames in SIZES.items()}
    return {**made, "MOT17-04-SDP": list(public_detections())} if REAL.is_file() else made


def walkers(count, frames, seed=0):
    """Objects that move through a 1920×1080 image with constant velocity; 5 % of the detections are missing."""
    rng = np.random.default_rng(seed)
    centre, speed = rng.uniform(0, ROOM, (count, 2)), rng.normal(0, 2, (count, 2))
    size = rng.uniform([20, 60], [60, 150], (count, 2))
    embedding = rng.normal(size=(count, DIMENSION))
    for _ in range(frames):
        centre = centre + speed
        speed = np.where((centre < 0) | (centre > ROOM), -speed, speed)
        seen = rng.random(count) > 0.05
        boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1) + rng.normal(0, 1, (count, 4))
        noisy = embedding + rng.normal(0, 0.3, embedding.shape)
        yield boxes[seen], rng.uniform(0.5, 1, seen.sum()), noisy[seen].astype(np.float32)


def public_detections():
    """MOT17-04 with its SDP detections, about 37 a frame, and random embeddings."""
    rows = np.loadtxt(REAL, delimiter=",")
    rng = np.random.default_rng(0)
    for frame in range(1, int(rows[:, 0].max()) + 1):
        now = rows[rows[:, 0] == frame]
        boxes = np.concatenate([now[:, 2:4], now[:, 2:4] + now[:, 4:6]], axis=1)
        yield boxes, now[:, 6], rng.normal(size=(len(now), DIMENSION)).astype(np.float32)


def idfree_tracker(name):
    """One of our trackers. tracktor regresses boxes to the detections: a detector would give hundreds of candidates."""
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


def lower_bound():
    """The minimum work of a tracker: IoU of all pairs of two successive frames, and an assignment."""
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
    """A tracker of Roboflow's `trackers`."""
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
    """The official code of SORT; what it imports for drawing is replaced by empty modules."""
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


def our_trackers():
    """Functions that give `make` by name."""
    return {LOWER_BOUND: lower_bound, **{f"idfree {name}": partial(idfree_tracker, name) for name in OURS}}


def other_trackers(sort):
    """The same for other packages; functions of packages that are not installed raise ImportError.

    sort: the official SORT's sort.py, or None.
    """
    found = {title: partial(roboflow, name) for title, name in ROBOFLOW.items()}
    found |= {"norfair": norfair, "deep-sort-realtime": deep_sort_realtime}
    return found | ({"official SORT": partial(official_sort, sort)} if sort else {})
