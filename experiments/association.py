"""Associations compared on every set, with every quality of embedding and frame rate.

    python experiments/association_sets.py --data ../shared/data --kept KEPT   # once: embeddings, camera, detections
    python experiments/association.py --data ../shared/data --kept KEPT

writes docs/association_table.md. Results are kept in KEPT/results.jsonl; an interrupted run resumes. About an hour on
one core.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from association_sets import MOVING, cases

OURS = "fused"
OTHERS = ("bytetrack", "botsort", "ocsort", "fairmot", "deepsort")
BY_APPEARANCE = ("botsort", "fairmot", "deepsort")  # the others give the same tracks with and without embeddings
LOOKS = ("none", "random", "colour", "0287", "oracle 0.1", "oracle 0.0")
FEW = (  # cases of the looks that need no video, to save time
    "MOT17-09 SDP",
    "MOT17-10 FRCNN",
    "MOT17-02 yolox-x",
    "dancetrack0018",
    "dancetrack0065",
    "PETS09-S2L1 public",
    "ETH-Sunnyday public",
)
EVERY = (1, 3, 5)
KEYS = ("HOTA", "AssA", "DetA", "IDF1", "MOTA", "IDSW")
PAGE = Path(__file__).resolve().parents[1] / "docs" / "association_table.md"
HEAD = f"""# Associations compared

Made by `python experiments/association.py`; see there. IDF1, mean over cases and over every 1st, 3rd and 5th frame.
*Lead*: ours minus the other tracker that is best in the mean; then minus the best of the five in each row. *Held*:
share of rows in which ours is at most 1 below the best of the five. Settings that were chosen on other sets than they
are judged on: association_search.md.

| cases | {OURS} | {" | ".join(OTHERS)} | lead | lead over each row's best | held | worst row |
|---|{"---|" * (len(OTHERS) + 5)}
"""


def track(case, make, looks, every=1, camera=False):
    """The tracks of a case, numbered by processed frame."""
    from idfree.pipelines.tracking_run import concatenate_tracks

    tracker = make(case.sequence.frame_rate)
    return concatenate_tracks(list(enumerate(map(tracker.update, case.views(looks, every, camera)), 1)))


def judge(case, tracks, every, quick=False):
    """The metrics of a case's tracks; only IDF1 if quick."""
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
            self.rows[key] = judge(case, track(case, make, looks, every, camera), every, quick)
            with self.path.open("a") as file:
                file.write(json.dumps([key, self.rows[key]]) + "\n")
        return self.rows[key]


def make(name):
    from idfree.trackers.registry import make_tracker

    return lambda frame_rate: make_tracker(name, (), frame_rate)


def compare(kept, case, looks, every):
    """IDF1 of ours and of each other tracker on a case."""
    camera = case.sequence_name in MOVING
    ours = kept.get(OURS, make(OURS), case, looks, every, camera, quick=True)["IDF1"]
    return {OURS: ours} | compare_others(kept, case, looks, every)


def compare_others(kept, case, looks, every):
    """IDF1 of each other tracker on a case."""
    camera, found = case.sequence_name in MOVING, {}
    for name in OTHERS:
        own = looks if name in BY_APPEARANCE else "none"
        found[name] = kept.get(name, make(name), case, own, every, camera, quick=True)["IDF1"]
    return found


def rows(kept, every_case, looks):
    """(case, every n-th frame, IDF1 by tracker) for all cases that have these embeddings."""
    for case in every_case:
        is_wanted = looks == "none" or case.name in FEW or looks in ("colour", "0287")
        if is_wanted and case.has_looks(looks):
            for every in EVERY:
                yield case, every, compare(kept, case, looks, every)


def summary_line(title, found):
    """A row of the table: means, the lead over the best other in the mean and over the best of each row, the worst."""
    means = {name: np.mean([f[name] for _, _, f in found]) for name in (OURS, *OTHERS)}
    lead = [f[OURS] - max(f[name] for name in OTHERS) for _, _, f in found]
    case, every, worst = found[int(np.argmin(lead))]
    behind = max(OTHERS, key=lambda name: worst[name])
    best = max(means[name] for name in OTHERS)
    cells = [f"{means[name]:.1f}" for name in (OURS, *OTHERS)]
    cells += [f"{means[OURS] - best:+.1f}", f"{np.mean(lead):+.1f}", f"{100 * np.mean(np.array(lead) >= -1):.0f} %"]
    return f"| {title} | {' | '.join(cells)} | {min(lead):+.1f} ({case.name}, every {every}, {behind}) |"


def lines(kept, every_case):
    """The page, line by line."""
    yield HEAD.rstrip()
    for looks in LOOKS:
        found = list(rows(kept, every_case, looks))
        if not found:
            continue
        yield summary_line(f"**{looks}**", found)
        for group in dict.fromkeys(case.group for case, _, _ in found):
            yield summary_line(f"{looks}, {group}", [row for row in found if row[0].group == group])
        for every in EVERY:
            yield summary_line(f"{looks}, every {every}", [row for row in found if row[1] == every])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=PAGE)
    options = parser.parse_args()
    from idfree.core.files import write_text

    kept = Kept(options.kept / "results.jsonl")
    write_text(options.out, "\n".join(lines(kept, cases(options.data, options.kept))) + "\n")


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
