"""IDF1 of our trackers on the same detections and embeddings, at several frame rates.

    python experiments/association_inputs.py --data ../shared/data --out runs/association   # once
    python experiments/association.py --data ../shared/data --out runs/association

Writes docs/association_table.md: a row for each kind of embeddings, group of cases (association_sets.py) and frame
step. Results are stored in OUT/tables. Takes about an hour of one core. Set OPENBLAS_NUM_THREADS=1.
"""

from pathlib import Path

import numpy as np
from association_sets import all_cases
from footage import EVERY
from study import DOCS, Results, make_parser, markdown_header, markdown_row

from idfree.core.files import write_text
from idfree.evaluation.identity import count_identity
from idfree.evaluation.preprocess import preprocess
from idfree.pipelines.tracking.tracking_run import concatenate_tracks
from idfree.trackers.registry import make_tracker

OURS = "fused"
OTHERS = ("bytetrack", "botsort", "ocsort", "fairmot", "deepsort")
BY_APPEARANCE = ("botsort", "fairmot", "deepsort")  # the tracks of the others do not depend on embeddings
EMBEDDINGS = ("none", "random", "colour", "0287", "oracle 0.1", "oracle 0.0")
ON_ALL_CASES = ("none", "colour", "0287")  # the other embeddings are evaluated on a few cases, to save time
FEW = (
    "MOT17-09 SDP",
    "MOT17-10 FRCNN",
    "MOT17-02 yolox-x",
    "dancetrack0018",
    "dancetrack0065",
    "PETS09-S2L1 public",
    "ETH-Sunnyday public",
)
TOLERANCE = 1  # IDF1 below the best other tracker that still counts as equal
HEAD = f"""# Associations compared

IDF1 of the default tracker, `{OURS}`, and of five others on the same detections and embeddings. Made by `python
experiments/association.py`.

**How to read it.** Each figure is the mean over cases (pairs of a sequence and a detector) and over tracking every 1st,
3rd and 5th frame; a row is a part of the cases.

- *lead*: the IDF1 of `{OURS}` minus that of the other tracker with the highest mean in this row
- *lead over each row's best*: the mean difference from the best of the five in each single case, a stricter comparison,
  as the best is chosen anew for each
- *within {TOLERANCE}*: share of single cases in which `{OURS}` is at most {TOLERANCE} below the best of the five
- *worst row*: the case in which `{OURS}` is farthest below the best of the five

*none*: no embeddings; *random*: a random embedding for each box; *colour*: histograms; *0287*: a Re-ID network of the
Open Model Zoo; *oracle S*: an embedding for each ground-truth identity, with noise of standard deviation S.

The settings of `{OURS}` were chosen on these data sets; an estimate for data that was left out is in [its
settings](association_search.md).

"""


class Evaluation:
    """IDF1 of trackers on cases, each computed once."""

    def __init__(self, folder: Path):
        self.results = Results(folder)

    def idf1(self, label, make, case, embeddings, every):
        """IDF1 in percent. label: names the tracker in the results. make: gives it for a frame rate."""
        key = " | ".join([label, case.name, embeddings, f"every {every}"])
        return self.results.get(key, lambda: measure(make, case, embeddings, every))

    def others(self, case, embeddings, every):
        """IDF1 of each of OTHERS."""
        found = {}
        for name in OTHERS:
            used = embeddings if name in BY_APPEARANCE else "none"
            found[name] = self.idf1(name, maker_of(name), case, used, every)
        return found

    def compare(self, case, embeddings, every):
        """IDF1 of OURS and of each of OTHERS."""
        return {OURS: self.idf1(OURS, maker_of(OURS), case, embeddings, every)} | self.others(case, embeddings, every)


def maker_of(name):
    """A function that makes a tracker for a frame rate."""
    return lambda frame_rate: make_tracker(name, (), frame_rate)


def measure(make, case, embeddings, every):
    """IDF1 in percent of a tracker on every n-th frame."""
    tracker = make(case.sequence.frame_rate)
    views = enumerate(case.views(embeddings, every), start=1)
    tracks = concatenate_tracks([(number, tracker.update(view)) for number, view in views])
    truth, length = case.truth_every(every)
    return 100 * count_identity(preprocess(truth, tracks, frames=length)).idf1


def compare_all(evaluation, cases, embeddings):
    """(case, frame step, IDF1 by tracker) for all cases that have these embeddings."""
    for case in cases:
        if (embeddings in ON_ALL_CASES or case.name in FEW) and case.has_embeddings(embeddings):
            for every in EVERY:
                yield case, every, evaluation.compare(case, embeddings, every)


def summary_row(title, found):
    """A row of the table: mean IDF1 by tracker, both leads, share within TOLERANCE, and the worst row."""
    means = {name: np.mean([scores[name] for _, _, scores in found]) for name in (OURS, *OTHERS)}
    lead = np.array([scores[OURS] - max(scores[name] for name in OTHERS) for _, _, scores in found])
    case, every, worst = found[int(np.argmin(lead))]
    best_other = max(OTHERS, key=lambda name: worst[name])
    return markdown_row(
        title,
        *(f"{means[name]:.1f}" for name in (OURS, *OTHERS)),
        f"{means[OURS] - max(means[name] for name in OTHERS):+.1f}",
        f"{np.mean(lead):+.1f}",
        f"{100 * np.mean(lead >= -TOLERANCE):.0f} %",
        f"{min(lead):+.1f} ({case.name}, every {every}, {best_other})",
    )


def page_lines(evaluation, cases):
    """The page, line by line."""
    columns = ("lead", "lead over each row's best", f"within {TOLERANCE}", "worst row")
    yield HEAD + markdown_header("cases", OURS, *OTHERS, *columns)
    for embeddings in EMBEDDINGS:
        found = list(compare_all(evaluation, cases, embeddings))
        if not found:
            continue
        yield summary_row(f"**{embeddings}**", found)
        for group in dict.fromkeys(case.group for case, _, _ in found):
            yield summary_row(f"{embeddings}, {group}", [row for row in found if row[0].group == group])
        for every in EVERY:
            yield summary_row(f"{embeddings}, every {every}", [row for row in found if row[1] == every])


def main():
    options = make_parser(__doc__, "association", DOCS / "association_table.md").parse_args()
    evaluation, cases = Evaluation(options.out / "tables"), all_cases(options.data, options.out)
    write_text(options.page, "\n".join(page_lines(evaluation, cases)) + "\n")


if __name__ == "__main__":
    main()
