"""IDF1 of `fused` by setting, and the settings selected with one data set left out.

    python experiments/association_inputs.py --data ../shared/data --out runs/association   # once
    python experiments/association_search.py --data ../shared/data --out runs/association [--embeddings none colour]

Writes docs/association_search.md: the mean IDF1 of each candidate (the defaults, or one or two settings changed) on
each data set, and for each data set the candidate that is best on the mean of the other sets. Results are stored in
OUT/search. Takes minutes of one core for each candidate. Set OPENBLAS_NUM_THREADS=1.
"""

import json
from functools import partial

import numpy as np
from association import EMBEDDINGS, OTHERS, Evaluation
from association_sets import all_cases
from footage import EVERY
from study import DOCS, make_parser, markdown_header, markdown_row

from idfree.core.files import write_text
from idfree.trackers.fused import Fused, FusedSettings

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
DEFAULTS = "defaults"
HEAD = """# Settings of the default association, selected with a data set left out

How much of the lead of `fused` is due to settings that were chosen on the data that it is compared on? Settings are
selected on the mean of all data sets but one, and judged on that one. Made by `python
experiments/association_search.py`; mean IDF1 at every 1st, 3rd and 5th frame, of all pairs of sequence and detector of
a data set."""


def data_set(case):
    """The data set of a case, whichever detector made the boxes."""
    name = case.sequence_name
    found = next((group for group in ("MOT17", "MOT20") if name.startswith(group)), None)
    return found or ("DanceTrack" if name.startswith("dancetrack") else "MOT15")


def make_fused(changed, frame_rate):
    """`fused` with these settings."""
    return Fused(FusedSettings(**changed), frame_rate)


def label(changed):
    """Title of a candidate."""
    return ", ".join(f"{name} {value:g}" for name, value in changed.items()) or DEFAULTS


def by_set(cases, embeddings, measure):
    """Values of `measure(case, frame step)` as a list for each data set."""
    found = {}
    for case in cases:
        if case.has_embeddings(embeddings):
            found.setdefault(data_set(case), []).extend(measure(case, every) for every in EVERY)
    return found


def candidate_means(evaluation, cases, embeddings, changed):
    """Mean IDF1 of a candidate on each data set."""
    key, make = f"fused {json.dumps(changed)}", partial(make_fused, changed)
    found = by_set(cases, embeddings, lambda case, every: evaluation.idf1(key, make, case, embeddings, every))
    return {name: float(np.mean(values)) for name, values in found.items()}


def best_other_means(evaluation, cases, embeddings):
    """Mean IDF1 of the best other tracker on each data set."""
    found = by_set(cases, embeddings, lambda case, every: evaluation.others(case, embeddings, every))
    return {name: max(float(np.mean([row[other] for row in rows])) for other in OTHERS) for name, rows in found.items()}


def section_lines(evaluation, cases, embeddings):
    """Lines of the section of these embeddings."""
    found = {label(changed): candidate_means(evaluation, cases, embeddings, changed) for changed in CANDIDATES}
    others, sets = best_other_means(evaluation, cases, embeddings), list(found[DEFAULTS])
    yield f"\n## Embeddings: {embeddings}\n"
    yield markdown_header("settings", *sets, "mean of sets")
    for name, means in [("best other tracker", others), *found.items()]:
        yield markdown_row(name, *(f"{means[s]:.1f}" for s in sets), f"{np.mean(list(means.values())):.1f}")
    yield "\n" + markdown_header(
        "left out", "chosen on the other sets", "IDF1 on it", "of the defaults", "best other tracker"
    )
    for left_out in sets:
        chosen = best_without(found, left_out)
        values = (found[chosen][left_out], found[DEFAULTS][left_out], others[left_out])
        yield markdown_row(left_out, chosen, *(f"{value:.1f}" for value in values))


def best_without(found, left_out):
    """The candidate with the highest mean IDF1 on the other data sets."""
    return max(found, key=lambda name: np.mean([value for s, value in found[name].items() if s != left_out]))


def main():
    parser = make_parser(__doc__, "association", DOCS / "association_search.md")
    parser.add_argument("--embeddings", nargs="+", choices=EMBEDDINGS, default=["none", "colour"])
    options = parser.parse_args()
    evaluation, cases = Evaluation(options.out / "search"), all_cases(options.data, options.out)
    lines = [line for name in options.embeddings for line in section_lines(evaluation, cases, name)]
    write_text(options.page, "\n".join([HEAD, *lines]) + "\n")


if __name__ == "__main__":
    main()
