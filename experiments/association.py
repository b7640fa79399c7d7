"""Associations compared on every set, with every quality of embedding and frame rate.

    python experiments/association_sets.py ../shared/data KEPT      # once: embeddings, camera motion, detections
    python experiments/association.py --data ../shared/data --kept KEPT

writes docs/association.md. Results are kept in KEPT/results.jsonl; an interrupted run resumes.
"""

import json
import time

TRACKERS = ("bytetrack", "botsort", "ocsort", "fairmot", "deepsort", "fused")
MOTION = ("bytetrack", "botsort", "ocsort")  # those that are run without embeddings, too
EVERY = (1, 3, 5)
KEYS = ("HOTA", "AssA", "DetA", "IDF1", "MOTA", "IDSW")


def track(case, make, looks, every=1, camera=False):
    """The tracks of a case, numbered by processed frame, and the seconds of association."""
    from idfree.pipelines.tracking_run import concatenate_tracks

    tracker, results, seconds = make(case.sequence.frame_rate), [], 0.0
    for number, view in enumerate(case.views(looks, every, camera), 1):
        start = time.perf_counter()
        tracks = tracker.update(view)
        seconds += time.perf_counter() - start
        results.append((number, tracks))
    return concatenate_tracks(results), seconds


def judge(case, tracks, every, quick=False):
    """The metrics of a case's tracks; only IDF1 and MOTA's counts if quick."""
    from idfree.evaluation.identity import count_identity
    from idfree.evaluation.preprocess import preprocess
    from idfree.evaluation.tracking import compute_metrics, evaluate

    truth, length = case.truth_every(every)
    if quick:
        return {"IDF1": 100 * count_identity(preprocess(truth, tracks, frames=length)).idf1}
    found = compute_metrics(evaluate(truth, tracks, frames=length))
    return {key: found[key] for key in KEYS}


class Kept:
    """Results by (tracker, case, looks, every, camera), in a file of one JSON object a line."""

    def __init__(self, path):
        self.path, self.rows = path, {}
        if path.exists():
            for line in path.read_text().splitlines():
                key, row = json.loads(line)
                self.rows[tuple(key)] = row

    def get(self, label, make, case, looks, every, camera, quick=False):
        key = (label, case.name, looks, every, camera)
        if key not in self.rows:
            tracks, seconds = track(case, make, looks, every, camera)
            self.rows[key] = judge(case, tracks, every, quick) | {"seconds": round(seconds, 3)}
            with self.path.open("a") as file:
                file.write(json.dumps([key, self.rows[key]]) + "\n")
        return self.rows[key]
