"""What motion alone can do: our trackers and others', on the same detections, by the same evaluator.

    python experiments/motion_only.py --data ../shared/data --python PEERS/bin/python

writes docs/motion_only.md. PEERS is an environment with Roboflow's `trackers` (>= 2.6); without it only ours are run.
Every tracker has its own defaults; the frame rate is 30 for all, as the others leave it there. "perfect association"
gives every detection the identity of the true box that it overlaps by half: nobody can do better with these boxes.
"fairmot, oracle" and so on are our associations with embeddings that know the identity.
About five minutes on two cores.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

OURS = ("sort", "iou", "bytetrack", "ocsort", "botsort")
PEERS = ("SORTTracker", "ByteTrackTracker", "OCSORTTracker", "BoTSORTTracker")
KEYS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")
HEAD = """# Motion alone

Made by `python experiments/motion_only.py --data ../shared/data --python PEERS/bin/python`; see there what each row is.
Figures are combined over the sequences of a group.

Why some rows differ from their namesakes elsewhere: by its defaults (2.6.1), Roboflow's SORT keeps lost tracks
for 30 frames and its ByteTrack filters the corners of a box, where the paper filters its centre, aspect and height. Our
`sort` reproduces the official tracks row by row, and like them uses every box, the weak ones too. `botsort` has the
paper's thresholds; Roboflow's and boxmot's are their own.
"""
PAGE = Path(__file__).resolve().parents[1] / "docs" / "motion_only.md"


def groups(data):
    """By title: the sequence folders, their detections (None: their own det.txt), and whether only second halves."""
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
    """The sequence, its detections and its truth, all numbered from the first frame that counts."""
    from idfree.evaluation.frame_subset import select_half
    from idfree.pipelines.stored_detections import read_stored_detections
    from idfree.sequences.motchallenge import open_sequence, read_ground_truth

    sequence = replace(open_sequence(folder), frame_rate=30.0)
    detections = read_stored_detections("det" if stored is None else str(stored), sequence)
    truth = read_ground_truth(folder / "gt" / "gt.txt")
    if second_half:
        detections, _ = select_half(detections, sequence.length, "val")
        truth, length = select_half(truth, sequence.length, "val")
        sequence = replace(sequence, length=length)
    return sequence, detections, truth


def ours(name, sequence, detections):
    """The tracks of one of our trackers."""
    from idfree.detectors import PrecomputedDetector
    from idfree.pipelines.track import prepare

    run = prepare(sequence, PrecomputedDetector(detections), name, images=False)
    return run.track_all()


def with_oracle(name, sequence, detections, truth):
    """The tracks of one of our associations, given embeddings that know who is who."""
    from idfree.evaluation.reid import assign_identities

    known = assign_identities(detections, truth)
    people, place = np.unique(known.id, return_inverse=True)
    strangers = np.cumsum(known.id < 0) + len(people)  # a false detection resembles nothing but itself
    column = np.where(known.id < 0, strangers, place)
    rng = np.random.default_rng(0)
    look = rng.normal(size=(column.max(initial=0) + 1, 512)).astype(np.float32)
    return ours(name, sequence, replace(detections, embedding=look[column]))


def perfect(detections, truth):
    """Every detection with its true identity; those of nobody are left out."""
    from idfree.evaluation.reid import assign_identities

    known = assign_identities(detections, truth)
    return known[known.id >= 0]


def theirs(python, name, loaded):
    """The tracks of one of Roboflow's trackers on every sequence, made by `python`."""
    from idfree.core.types import Tracks
    from idfree.pipelines.tracking_run import concatenate_tracks

    with tempfile.TemporaryDirectory() as folder:
        exchange = Path(folder) / "frames.pickle"
        frames = [
            [(d.detections_at(n).xyxy, d.detections_at(n).score) for n in range(1, sequence.length + 1)]
            for sequence, d, _ in loaded
        ]
        exchange.write_bytes(pickle.dumps(frames))
        subprocess.run([python, __file__, "--worker", name, "--exchange", str(exchange)], check=True)
        answers = pickle.loads(exchange.read_bytes())
    results = []
    for answer in answers:
        seen = [(n, Tracks(b, i, np.ones(len(i)), np.zeros(len(i), dtype=int))) for n, (b, i) in enumerate(answer, 1)]
        results.append(concatenate_tracks(seen))
    return results


def work(name, exchange):
    """In the other environment: run a tracker over pickled frames, and pickle its answers."""
    import supervision
    import trackers

    answers = []
    for frames in pickle.loads(exchange.read_bytes()):
        tracker = getattr(trackers, name)(**({"enable_cmc": False} if name == "BoTSORTTracker" else {}))
        answer = []
        for xyxy, score in frames:
            given = supervision.Detections(xyxy=xyxy, confidence=score, class_id=np.zeros(len(xyxy), dtype=int))
            found = tracker.update(given)
            ids = np.full(len(found), -1) if found.tracker_id is None else np.asarray(found.tracker_id)
            sure = ids >= 0
            answer.append((np.asarray(found.xyxy, dtype=float)[sure], ids[sure].astype(np.int64) + 1))
        answers.append(answer)
    exchange.write_bytes(pickle.dumps(answers))


def judge(loaded, results):
    """The combined figures."""
    from idfree.evaluation.tracking import Scores, compute_metrics, evaluate

    each = (
        evaluate(truth, result, frames=sequence.length)
        for (sequence, _, truth), result in zip(loaded, results, strict=True)
    )
    return compute_metrics(sum(each, Scores()))


def rows(loaded, python):
    """By name, the figures of everyone on one group of sequences."""
    for name in OURS:
        yield f"idfree {name}", judge(loaded, [ours(name, s, d) for s, d, _ in loaded])
    for name in PEERS if python else ():
        yield f"roboflow {name.removesuffix('Tracker')}", judge(loaded, theirs(python, name, loaded))
    for name in ("fairmot", "deepsort", "fused"):
        yield f"{name}, oracle", judge(loaded, [with_oracle(name, s, d, t) for s, d, t in loaded])
    yield "perfect association", judge(loaded, [perfect(d, t) for _, d, t in loaded])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--python", help="an interpreter with Roboflow's trackers")
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--exchange", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work(options.worker, options.exchange)

    from idfree.core.files import write_text
    from idfree.show.table_formats import to_markdown
    from idfree.show.tables import TRACKING, Row, Table, show

    columns = tuple(column for column in TRACKING if column.key in KEYS)
    page = [HEAD]
    for title, (folders, stored, second_half) in groups(options.data).items():
        loaded = [load(folder, stored, second_half) for folder in folders]
        table = Table(("Tracker",), columns, (tuple(Row((n,), f) for n, f in rows(loaded, options.python)),))
        print(f"\n{title}")
        show(table)
        page.append(f"## {title}\n\n{to_markdown(table)}")
    write_text(options.out, "\n".join(page))
    return None


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
