"""Settings of the default association, each judged on a set of sequences that had no part in choosing it.

    python experiments/association_sets.py --data ../shared/data --kept KEPT   # once: embeddings, camera, detections
    python experiments/association_search.py --data ../shared/data --kept KEPT

writes docs/association_search.md: candidates (the defaults, and the defaults with one or two settings changed), their
mean IDF1 on each set, and for each set the candidate that is best in the mean of the other sets. Results are kept in
KEPT/results.jsonl; an interrupted run resumes; --looks none colour says which embeddings. Minutes a candidate.
"""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
from association import EVERY, OTHERS, Kept, compare_others
from association_sets import MOVING, cases

PAGE = Path(__file__).resolve().parents[1] / "docs" / "association_search.md"
CANDIDATES = (
    {},
    {"new_score": 0.65},
    {"high_score": 0.6},
    {"high_score": 0.6, "new_score": 0.65},
    {"score_power": 1.0},
    {"min_overlap": 0.1},
    {"min_overlap": 0.04},
    {"height_power": 2.0},
    {"height_power": 3.0},
    {"margin": 0.0},
    {"margin_power": 0.0},
    {"margin_power": 2.0},
    {"margin": 1.2},
    {"margin_cost": 0.8},
    {"margin_cost": 0.3},
    {"min_overlap_low": 0.4},
    {"patience": 1.0},
    {"smoothing": 0.95},
)


def dataset(case):
    """The set that a case is left out with: MOT17, MOT20, DanceTrack or MOT15, whatever detected the boxes."""
    name = case.sequence_name
    return next((group for group in ("MOT17", "MOT20") if name.startswith(group)), None) or (
        "DanceTrack" if name.startswith("dancetrack") else "MOT15"
    )


def make(changed, frame_rate):
    """Our tracker with these settings."""
    from idfree.trackers.fused import Fused, FusedSettings

    return Fused(FusedSettings(**changed), frame_rate)


def label(changed):
    """Name of a candidate."""
    return ", ".join(f"{name} {value:g}" for name, value in changed.items()) or "defaults"


def by_set(kept, every_case, looks, changed):
    """Mean IDF1 of a candidate on each set."""
    found = {}
    for case in (case for case in every_case if case.has_looks(looks)):
        for every in EVERY:
            key = f"fused {json.dumps(changed)}"
            camera = case.sequence_name in MOVING
            row = kept.get(key, partial(make, changed), case, looks, every, camera, quick=True)
            found.setdefault(dataset(case), []).append(row["IDF1"])
    return {name: float(np.mean(rows)) for name, rows in found.items()}


def best_others(kept, every_case, looks):
    """For each set, the mean IDF1 of the other tracker that is best there."""
    found = {}
    for case in (case for case in every_case if case.has_looks(looks)):
        for every in EVERY:
            found.setdefault(dataset(case), []).append(compare_others(kept, case, looks, every))
    return {name: max(float(np.mean([row[other] for row in rows])) for other in OTHERS) for name, rows in found.items()}


def table(kept, every_case, looks):
    """The page's part for these embeddings, line by line."""
    found = {label(changed): by_set(kept, every_case, looks, changed) for changed in CANDIDATES}
    sets = list(found["defaults"])
    others = best_others(kept, every_case, looks)
    yield f"\n## Embeddings: {looks}\n"
    yield f"| settings | {' | '.join(sets)} | mean of sets |"
    yield f"|---|{'---|' * (len(sets) + 1)}"
    for name, means in [("best other tracker", others), *found.items()]:
        cells = " | ".join(f"{means[s]:.1f}" for s in sets)
        yield f"| {name} | {cells} | {np.mean(list(means.values())):.1f} |"
    yield "\n| left out | chosen on the other sets | IDF1 on it | of the defaults | best other tracker |"
    yield "|---|---|---|---|---|"
    for left_out in sets:
        rest = [s for s in sets if s != left_out]
        chosen = max(found, key=lambda name: np.mean([found[name][s] for s in rest]))
        now = found["defaults"][left_out]
        yield f"| {left_out} | {chosen} | {found[chosen][left_out]:.1f} | {now:.1f} | {others[left_out]:.1f} |"


HEAD = """# Settings of the default association, chosen by leaving sets out

Made by `python experiments/association_search.py`; see there. Mean IDF1 at every 1st, 3rd and 5th frame, of all pairs
of sequence and detector of a set. The second table of each part is the honest one: for each set, the settings that are
best in the mean of the *other* sets, and what they give on it."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--looks", nargs="+", default=["none", "colour"])
    parser.add_argument("--out", type=Path, default=PAGE)
    options = parser.parse_args()
    from idfree.core.files import write_text

    kept = Kept(options.kept / "search.jsonl")
    every_case = cases(options.data, options.kept)
    lines = [line for looks in options.looks for line in table(kept, every_case, looks)]
    write_text(options.out, "\n".join([HEAD, *lines]) + "\n")


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
