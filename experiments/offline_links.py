"""HOTA and IDF1 of offline linking with oracle embeddings, between no links and perfect links.

    python experiments/offline_links.py --data ../shared/data --out runs/offline

Prints a table; docs/offline_settings.md quotes it. Online tracks are read from OUT, as offline.py stores them. Links:
none; by oracle embeddings, a random vector for each ground-truth identity and for each false box; perfect ones, between
tracks whose boxes are mostly of one identity and that do not overlap in time. All tracks are interpolated and smoothed.
The share in the last row is the part of the way from no links to perfect ones. Takes minutes.
"""

from dataclasses import replace

import numpy as np
from offline_cases import TRACKERS, all_cases, evaluate, hota_idf1, track_online
from oracle import oracle_embeddings
from study import make_parser, markdown_header, markdown_row

from idfree.core.files import make_folder
from idfree.evaluation.reid import assign_identities
from idfree.offline.drop import drop_weak
from idfree.offline.fill import fill_gaps
from idfree.offline.kept_embeddings import KeptEmbeddings
from idfree.offline.smooth import smooth
from idfree.offline.track_rows import by_frame, by_track, frame_step
from idfree.offline.tracklet_appearance import unoccluded_rows
from idfree.offline.whole_video import refine_tracks
from idfree.pipelines.refine import describe_video
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_ground_truth, write_results
from idfree.sequences.tables import read_tracks

PEDESTRIAN = (1, -1, 0)  # classes of people in MOT17, MOT15 and DanceTrack


def identities(case, rows):
    """Ground-truth identities (K,) of rows sorted by frame, −1 for false boxes."""
    truth = read_ground_truth(case.folder / "gt" / "gt.txt")
    return assign_identities(rows, truth[(truth.score != 0) & np.isin(truth.class_id, PEDESTRIAN)]).id


def keep_oracle_embeddings(rows, identity):
    """Perfect embeddings of a few unoccluded boxes of each track."""
    embedding = oracle_embeddings(identity)
    order = by_track(replace(rows, score=np.arange(len(rows), dtype=float)))  # the score carries the number of each row
    kept = KeptEmbeddings()
    for row in unoccluded_rows(order):
        kept.add_sample(int(order.id[row]), int(order.frame[row]), embedding[int(order.score[row])])
    return kept


def link_perfectly(rows, identity):
    """The rows, with one id for all tracks of one identity that do not overlap in time."""
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


def fill_and_smooth(rows, video):
    """The rows refined without links."""
    step = frame_step(rows)
    return by_frame(smooth(fill_gaps(drop_weak(by_track(rows)), video.frame_rate, step, video.size_hw), step))


def score_links(case, tracker, out):
    """Figures without links, with links by the oracle, and with perfect links."""
    rows = read_tracks(track_online(case, tracker, out))
    video, identity = describe_video(open_source(case.folder)[0], None), identities(case, rows)
    linked = (
        fill_and_smooth(rows, video),
        refine_tracks(rows, video, keep_oracle_embeddings(rows, identity)),
        fill_and_smooth(link_perfectly(rows, identity), video),
    )
    make_folder(out / "links")
    file = out / "links" / f"{case.folder.name}.txt"
    figures = []
    for tracks in linked:
        write_results(file, tracks)
        figures.append(evaluate(case, file))
    return figures


def main():
    options = make_parser(__doc__, "offline").parse_args()
    print(markdown_header("tracker, sequence", "no links", "oracle", "perfect links"))
    for tracker in [name for name in TRACKERS if name != "sort"]:
        found = []
        for case in (case for case in all_cases(options.data) if case.is_main):
            found.append(score_links(case, tracker, options.out))
            print(markdown_row(f"{tracker}, {case.name}", *map(hota_idf1, found[-1])), flush=True)
        none, oracle, perfect = np.mean(found, axis=0)
        share = 100 * (oracle - none) / (perfect - none)
        cells = (hota_idf1(none), f"{hota_idf1(oracle)} ({share[0]:.0f} / {share[1]:.0f} %)", hota_idf1(perfect))
        print(markdown_row(f"{tracker}, mean", *cells))


if __name__ == "__main__":
    main()
