"""How far linking goes from no links to perfect ones, if embeddings know who is who: the aim is 30 % in IDF1.

    python experiments/offline_links.py --data ../shared/data --out OUT

prints a table. OUT is that of `experiments/offline.py`, whose tracks as they come are used. Links: none; with
embeddings of an oracle, a random direction for each true person, and one for each false box; perfect ones, that join
pieces whose boxes are mostly of one person and that do not overlap in time. All are filled and smoothed. Some minutes.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from offline import MUST_SHOW, TRACKERS, cases, judge, pair, tracks

DIMENSION = 128
PEDESTRIAN = 1


def identities(case, rows):
    """True identities (K,) of rows sorted by frame, −1 of false boxes."""
    from idfree.evaluation.reid import assign_identities
    from idfree.sequences.motchallenge import read_ground_truth

    truth = read_ground_truth(case.folder / "gt" / "gt.txt")
    return assign_identities(rows, truth[(truth.score != 0) & np.isin(truth.class_id, (PEDESTRIAN, -1, 0))]).id


def oracle(rows, identity):
    """Embeddings of a few clear boxes of each track."""
    from idfree.offline.kept_embeddings import KeptEmbeddings
    from idfree.offline.looks import clear_rows
    from idfree.offline.track_rows import by_track

    looks = np.random.default_rng(0).normal(size=(identity.max() + 1 + len(rows), DIMENSION))
    column = np.where(identity >= 0, identity, identity.max() + 1 + np.arange(len(rows)))
    order = by_track(replace(rows, score=column.astype(float)))  # carries the column of each row along
    kept = KeptEmbeddings()
    for row in clear_rows(order):
        kept.add_sample(int(order.id[row]), int(order.frame[row]), looks[int(order.score[row])])
    return kept


def perfect(rows, identity):
    """The rows with one id for pieces of one person."""
    pieces = []
    for each in np.unique(rows.id):
        mine = rows.id == each
        names, count = np.unique(identity[mine], return_counts=True)
        pieces.append((rows.frame[mine].min(), rows.frame[mine].max(), each, names[count.argmax()]))
    ids, last = rows.id.copy(), {}
    for first, end, each, name in sorted(pieces):
        until, joined = last.get(name, (0, each))
        if name >= 0 and first > until:
            ids[rows.id == each] = joined
            last[name] = (end, joined)
    return replace(rows, id=ids)


def without_links(rows, video):
    """The rows, filled and smoothed alone."""
    from idfree.offline.drop import drop_weak
    from idfree.offline.fill import fill_gaps
    from idfree.offline.smooth import smooth
    from idfree.offline.track_rows import by_frame, by_track, frame_step

    step = frame_step(rows)
    return by_frame(smooth(fill_gaps(drop_weak(by_track(rows)), video.frame_rate, step, video.size_hw), step))


def three(case, tracker, out):
    """Figures without links, with an oracle's, and with perfect ones."""
    from idfree.offline.whole_video import refine_tracks
    from idfree.pipelines.refine import describe_video
    from idfree.sequences import open_source
    from idfree.sequences.motchallenge import write_results
    from idfree.sequences.tables import read_tracks

    rows = read_tracks(next(tracks(case, tracker, out).glob("*.txt")))
    video, identity = describe_video(open_source(case.folder)[0], None), identities(case, rows)
    figures = []
    for found in (
        without_links(rows, video),
        refine_tracks(rows, video, oracle(rows, identity)),
        without_links(perfect(rows, identity), video),
    ):
        file = out / "links" / f"{case.folder.name}.txt"
        file.parent.mkdir(exist_ok=True)
        write_results(file, found)
        figures.append(judge(case, file))
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/offline"))
    options = parser.parse_args()
    print("| tracker, sequence | no links | oracle | perfect links |\n|---|---|---|---|")
    for tracker in [name for name in TRACKERS if name != "sort"]:
        found = []
        for case in cases(options.data):
            if case.name.startswith(MUST_SHOW) and not case.name.endswith("DPM"):
                found.append(three(case, tracker, options.out))
                print(f"| {tracker}, {case.name} | {' | '.join(map(pair, found[-1]))} |", flush=True)
        none, known, best = np.mean(found, axis=0)
        share = 100 * (known - none) / (best - none)
        print(f"| {tracker}, mean | {pair(none)} | {pair(known)} ({share[0]:.0f} / {share[1]:.0f} %) | {pair(best)} |")


if __name__ == "__main__":
    sys.exit(main())
