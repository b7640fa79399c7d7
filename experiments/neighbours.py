"""IDF1 of `fused` with the distances of two objects learnt from neighbours, and from all pairs of a frame.

    python experiments/association_inputs.py --data ../shared/data --out runs/association   # once
    python experiments/neighbours.py --data ../shared/data --out runs/association [--network runs/outrack/model.onnx …]

Cases are those of association_sets.py whose embeddings are stored, and each one-shot network of --network on the second
halves of its training videos. Writes the section "neighbours" of docs/association.md. Results are stored in
OUT/neighbours. Takes minutes of one core, and ten more for each network. Set OPENBLAS_NUM_THREADS=1.
"""

from pathlib import Path
from unittest.mock import patch

import numpy as np
from association import maker_of, measure
from association_sets import all_cases
from footage import EVERY, TRAINING, TRUTH, track_at_steps, video_path
from study import DOCS, Results, make_parser, markdown_table, write_section

from idfree.sequences import open_source
from idfree.trackers import certain_pairs

EMBEDDINGS = ("colour", "0287")
REACH = {"all pairs": np.inf, "neighbours": certain_pairs.NEAR}  # heights between two objects that are learnt from
TITLES = ("embeddings", "pairs of sequence and detector", *REACH, "gain, least … greatest")


def compare(compute):
    """IDF1 (frame steps,) for each of REACH. compute: measures it with the tracker's present constant."""
    found = {}
    for title, reach in REACH.items():
        with patch.object(certain_pairs, "NEAR", reach):
            found[title] = compute()
    return found


def compare_case(case, embeddings):
    """IDF1 for each of REACH, of one case with stored embeddings."""
    make = maker_of("fused")
    return compare(lambda: [measure(make, case, embeddings, every) for every in EVERY])


def compare_network(network, data, out, name):
    """IDF1 for each of REACH, of the boxes and embeddings of a one-shot network on the second half of a video."""
    source, truth = video_path(data, name), data / TRUTH[name]
    start = open_source(source)[0].length // 2 + 2  # of the second half, whose every n-th frame is tracked
    options = {"half": "val", "start": start, "keys": ("IDF1",), "detector": network, "quiet": True}
    return compare(lambda: [idf1 for (idf1,) in track_at_steps(source, out / name, truth, **options)])


def row(title, found):
    """A row of the table. found: the results of several cases."""
    means = {reach: [np.mean(each[reach]) for each in found] for reach in REACH}
    gains = np.subtract(means["neighbours"], means["all pairs"])
    cells = (f"{np.mean(values):.1f}" for values in means.values())
    return title, len(found), *cells, f"{min(gains):+.1f} … {max(gains):+.1f}"


def rows(options):
    """The rows of the table."""
    out = options.out / "neighbours"
    results = Results(out)
    for embeddings in EMBEDDINGS:
        cases = [case for case in all_cases(options.data, options.out) if case.has_embeddings(embeddings)]
        found = [
            results.get(f"{embeddings} | {case.name}", lambda case=case, kind=embeddings: compare_case(case, kind))
            for case in cases
        ]
        if found:
            yield row(embeddings, found)
    for network in options.network:
        kind = network.parent.name
        found = [
            results.get(
                f"{kind} | {name}", lambda name=name, file=network: compare_network(file, options.data, out, name)
            )
            for name in TRAINING
        ]
        yield row(f"`{kind}`, one-shot", found)


def main():
    parser = make_parser(__doc__, "association", DOCS / "association.md")
    parser.add_argument("--network", type=Path, nargs="+", default=[], help="model.onnx of one-shot networks")
    options = parser.parse_args()
    write_section(options.page, "neighbours", [markdown_table(TITLES, rows(options))])


if __name__ == "__main__":
    main()
