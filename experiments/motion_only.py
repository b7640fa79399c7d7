"""Tracking by motion alone: our trackers and Roboflow's on the same detections, with the same evaluation.

    python experiments/motion_only.py --data ../shared/data --python PEERS/bin/python

Writes docs/motion_only.md. PEERS is an environment with Roboflow's `trackers` (>= 2.6); without --python only ours are
run. Every tracker has its own defaults; the frame rate is 30 for all, Roboflow's default. Upper bounds: "perfect
association" gives every detection the identity of the ground-truth box that it overlaps with an IoU of 0.5; "fairmot,
oracle" and the like are our trackers with an embedding for each ground-truth identity. Takes about five minutes of two
cores. Set OPENBLAS_NUM_THREADS=1.
"""

import pickle
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from study import DOCS, make_parser, show_section, tracking_table

from idfree.core.files import write_text
from idfree.core.types import Annotation, Sequence, Tracks
from idfree.detectors import PrecomputedDetector
from idfree.evaluation.frame_subset import select_half
from idfree.evaluation.reid import assign_identities
from idfree.evaluation.tracking import Scores, compute_metrics, evaluate
from idfree.pipelines.detection.stored_detections import read_stored_detections
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.tracking_run import concatenate_tracks
from idfree.sequences.motchallenge import open_sequence, read_ground_truth

OURS = ("sort", "iou", "bytetrack", "ocsort", "botsort")
PEERS = ("SORTTracker", "ByteTrackTracker", "OCSORTTracker", "BoTSORTTracker")
WITH_ORACLE = ("fairmot", "deepsort", "fused")
FRAME_RATE = 30.0
DIMENSION = 512  # of the oracle's embeddings
KEYS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")
WORKER = Path(__file__).with_name("roboflow_trackers.py")
HEAD = """# Tracking by motion only

Trackers without appearance, ours and Roboflow's (trackers 2.6.1), on five sets of detections. Made by `python
experiments/motion_only.py --data ../shared/data --python PEERS/bin/python`; figures are combined over the sequences of
a group.

*perfect association*: the detections that match a ground-truth box, with its identity, an upper bound of any tracker on
these boxes. *oracle*: a tracker with a perfect embedding for each box.

Trackers of the same name differ: by its defaults, Roboflow's SORT keeps lost tracks for 30 frames, and its ByteTrack
filters the corners of a box, where the paper filters its centre, aspect and height. Our `sort` reproduces the tracks of
the official code row by row, and like it uses boxes of every score. `botsort` has the paper's thresholds; Roboflow's
and boxmot's differ.
"""


@dataclass(frozen=True)
class Item:
    """A sequence with its detections and ground truth, numbered from the first evaluated frame."""

    sequence: Sequence
    detections: Annotation
    truth: Annotation


def groups(data):
    """By title: the sequence folders, their detections (None: the public ones), and whether only second halves."""
    mot17, dance = data / "MOT17" / "train", data / "DanceTrack" / "val"
    stored = data / "detections"
    return {
        "MOT17 02 04 09 10, SDP": (sorted(mot17.glob("*-SDP")), None, False),
        "MOT17 02 04 09 10, FRCNN": (sorted(mot17.glob("*-FRCNN")), None, False),
        "MOT17 02 04 09 10, yolox-x, second halves": (sorted(mot17.glob("*-SDP")), stored / "yolox-x-mot17", True),
        "MOT20-01, yolox-x": ([data / "MOT20" / "train" / "MOT20-01"], stored / "yolox-x-mot20", False),
        "DanceTrack val (12), yolox-x": (sorted(dance.iterdir()), stored / "yolox-x-dancetrack", False),
    }


def load(folder, stored, second_half):
    """An item of a sequence folder. stored: folder of detections; None: the public ones."""
    sequence = replace(open_sequence(folder), frame_rate=FRAME_RATE)
    detections = read_stored_detections("det" if stored is None else str(stored), sequence)
    truth = read_ground_truth(folder / "gt" / "gt.txt")
    if second_half:
        detections, _ = select_half(detections, sequence.length, "val")
        truth, length = select_half(truth, sequence.length, "val")
        sequence = replace(sequence, length=length)
    return Item(sequence, detections, truth)


def track(name, item):
    """Tracks of one of our trackers."""
    return make_tracking_run(item.sequence, PrecomputedDetector(item.detections), name, images=False).track_all()


def track_with_oracle(name, item):
    """Tracks of one of our trackers with a random embedding for each identity and for each false detection."""
    known = assign_identities(item.detections, item.truth)
    people, place = np.unique(known.id, return_inverse=True)
    column = np.where(known.id < 0, np.cumsum(known.id < 0) + len(people), place)
    vectors = np.random.default_rng(0).normal(size=(column.max(initial=0) + 1, DIMENSION)).astype(np.float32)
    return track(name, replace(item, detections=replace(item.detections, embedding=vectors[column])))


def associate_perfectly(item):
    """The detections that match a ground-truth box, with its identity."""
    known = assign_identities(item.detections, item.truth)
    return known[known.id >= 0]


def track_by_roboflow(python, name, items):
    """Tracks of one of Roboflow's trackers on every sequence, computed by the interpreter `python`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "frames.pickle"
        file.write_bytes(pickle.dumps([frames_of(item) for item in items]))
        subprocess.run([python, str(WORKER), name, str(file)], check=True)
        results = pickle.loads(file.read_bytes())
    return [concatenate_tracks(list(enumerate(map(as_tracks, frames), start=1))) for frames in results]


def frames_of(item):
    """(xyxy, score) of each frame."""
    frames = (item.detections.detections_at(number) for number in range(1, item.sequence.length + 1))
    return [(frame.xyxy, frame.score) for frame in frames]


def as_tracks(result):
    """The (xyxy, id) of a frame as tracks."""
    xyxy, ids = result
    return Tracks(xyxy, ids, np.ones(len(ids)), np.zeros(len(ids), dtype=int))


def score(items, results):
    """Metrics combined over sequences."""
    pairs = zip(items, results, strict=True)
    return compute_metrics(
        sum((evaluate(item.truth, tracks, frames=item.sequence.length) for item, tracks in pairs), Scores())
    )


def rows(items, python):
    """(title, metrics) of all trackers on one group of sequences."""
    for name in OURS:
        yield f"idfree {name}", score(items, [track(name, item) for item in items])
    for name in PEERS if python else ():
        yield f"roboflow {name.removesuffix('Tracker')}", score(items, track_by_roboflow(python, name, items))
    for name in WITH_ORACLE:
        yield f"{name}, oracle", score(items, [track_with_oracle(name, item) for item in items])
    yield "perfect association", score(items, [associate_perfectly(item) for item in items])


def main():
    parser = make_parser(__doc__, page=DOCS / "motion_only.md")
    parser.add_argument("--python", help="an interpreter with Roboflow's trackers")
    options, page = parser.parse_args(), [HEAD]
    for title, (folders, stored, second_half) in groups(options.data).items():
        items = [load(folder, stored, second_half) for folder in folders]
        labelled = (((name,), metrics) for name, metrics in rows(items, options.python))
        page.append(show_section(title, tracking_table(("Tracker",), KEYS, labelled)))
    write_text(options.page, "\n".join(page))


if __name__ == "__main__":
    main()
