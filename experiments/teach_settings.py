"""IDF1 of the default tracker by setting of `idfree teach`, and the setting selected with one video left out.

    python experiments/teach_settings.py --data ../shared/data --out runs/teach_settings

Writes the table "settings" of docs/teach.md. Boxes and features of a video are stored in OUT/NAME.npz, results in
OUT/figures.json. All rows have the same boxes of yolox_nano, those of score 0.25 and more; a head is trained on the
tracklets of the video that it is evaluated on. "oracle" is an upper bound for any appearance: one embedding for each
ground-truth identity, and a random one for each false detection. Takes three minutes of a core for the features, half a
minute for each row.
"""

from dataclasses import replace
from functools import cache, partial

import numpy as np
from footage import EVERY, TRUTH
from study import DOCS, Results, make_parser, markdown_header, markdown_row, write_section
from teach import MIN_SCORE
from teach_boxes import CHOSEN, open_video, read_boxes

from idfree.appearance import open_encoder
from idfree.appearance.concatenated import concatenate
from idfree.appearance.grouping import group_tracklets
from idfree.core.tracklet_spans import TrackletSpans
from idfree.detectors import PrecomputedDetector
from idfree.evaluation.frame_subset import select_every_nth
from idfree.evaluation.reid import assign_identities
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.pipelines.teaching.head import learn_head
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.selection import Selection
from idfree.sequences.motchallenge import read_ground_truth
from idfree.teaching.discriminant import DiscriminantSettings

VIDEOS = ("PETS09-S2L1", "TUD-Campus", "ETH-Sunnyday", "MOT17-09")
MIN_IOU = 0.3  # of a detection with a ground-truth box, for "oracle"
FALSE_DIMENSION = 64  # of the random embeddings of false detections
LONG_GAP = 600  # frames between two boxes of one object, where tracklets are merged


class Study:
    """The data, the stored boxes, and the results."""

    def __init__(self, data, out):
        self.data, self.out, self.results = data, out, Results(out)

    @cache  # noqa: B019  (a study lives as long as the program)
    def boxes(self, name):
        return read_boxes(self.data, self.out, name)

    def truth_file(self, name):
        return self.data / TRUTH[name] / "gt" / "gt.txt"

    def is_known(self, row, name):
        return f"{row}|{name}" in self.results.values

    def scores(self, row, name):
        """(IDF1, HOTA) in percent at each frame step of a video."""
        return self.results.get(f"{row}|{name}", lambda: self.measure(row, name))

    def measure(self, row, name):
        embedding, match_threshold, upper_threshold = ROWS[row](self, name)
        scores = [self.track(name, embedding, match_threshold, upper_threshold, every) for every in EVERY]
        print(row, name, [round(idf1, 1) for idf1, _ in scores], flush=True)
        return scores

    def track(self, name, embedding, match_threshold, upper_threshold, every):
        """IDF1 and HOTA in percent of the tracks of every n-th frame. embedding: (N, D), None for motion only."""
        boxes, sequence = self.boxes(name), open_video(self.data, name).without_images()
        used = np.flatnonzero(boxes.score >= MIN_SCORE)
        detections = boxes.annotation(used, None if embedding is None else embedding[used])
        thresholds = {"match_threshold": match_threshold, "upper_threshold": upper_threshold}
        detector = PrecomputedDetector(detections, sequence.size_hw, **thresholds, score_range=None, is_network=True)
        tracker = "bytetrack" if embedding is None else "fused"
        run = make_tracking_run(sequence, detector, tracker, selection=Selection(every=every), images=False)
        tracks, _ = select_every_nth(replace(run.track_all(), time=None), every, sequence.length)
        truth, frames = select_every_nth(read_ground_truth(self.truth_file(name)), every, sequence.length)
        names = (str(self.truth_file(name)), "tracks")
        metrics = compute_metrics(evaluate(truth, tracks, frames=frames, names=names))
        return 100 * metrics["IDF1"], 100 * metrics["HOTA"]


# Rows: functions of (study, video) that give embeddings (N, D), match threshold and upper threshold


def motion_only(study, name):
    return None, None, None


def colour(study, name):
    encoder = open_encoder("colour")
    return study.boxes(name).colour.astype(np.float32), encoder.match_threshold, encoder.upper_threshold


def oracle(study, name):
    """As `oracle_embeddings`, and its thresholds."""
    boxes = study.boxes(name)
    found = boxes.annotation(np.arange(len(boxes.frame)))
    return oracle_embeddings(found, read_ground_truth(study.truth_file(name))), 0.5, 0.6


def oracle_embeddings(boxes, truth):
    """(K, D): a unit vector for each ground-truth identity; random ones, of other dimensions, for false detections."""
    ids = assign_identities(boxes, truth, MIN_IOU).id
    people, known = np.unique(ids[ids >= 0]), ids >= 0
    embedding = np.zeros((len(ids), len(people) + FALSE_DIMENSION), np.float32)
    embedding[np.flatnonzero(known), np.searchsorted(people, ids[known])] = 1
    noise = np.random.default_rng(0).normal(size=(int((~known).sum()), FALSE_DIMENSION))
    embedding[~known, len(people) :] = noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return embedding


def taught(study, name, maps=CHOSEN, share=0.5, merge=0.0, with_colour=False, **settings):
    """A head trained with these settings, beside the colour histogram.

    Args:
        share: of the colour histogram in the distance.
        merge: tracklets closer than this share of the match threshold are merged, and the head trained again.
        with_colour: the discriminant is trained on maps and colour histogram together.
    """
    every_box, boxes = study.boxes(name), study.boxes(name).of_tracklets(maps)
    features = every_box.features[:, every_box.columns_of(maps)].astype(np.float32)
    histogram, chosen = every_box.colour.astype(np.float32), DiscriminantSettings(**settings)
    if with_colour:
        features = np.hstack([features, histogram])
        boxes = replace(boxes, features=np.hstack([boxes.features, boxes.colour]))
    head = learn_head(boxes, chosen, share)
    if merge:
        head = learn_head(merge_tracklets(boxes, head, merge), replace(chosen, within_gap=LONG_GAP), share)
    thresholds = head.mixed if head.colour else head.alone
    own = head.head(features)
    embedding = concatenate(own, histogram, head.colour) if head.colour else own
    return embedding, thresholds.match_threshold, thresholds.upper_threshold


def merge_tracklets(boxes, head, share):
    """The boxes, with tracklets merged that have similar embeddings and never coexist."""
    embedding, number = concatenate(head.head(boxes.features), boxes.colour, head.colour), boxes.tracklet
    mean = np.zeros((number.max() + 1, embedding.shape[1]))
    np.add.at(mean, number, embedding)
    mean /= np.bincount(number)[:, None]
    spans, every = TrackletSpans.from_rows(number, boxes.frame, boxes.video), np.arange(len(mean))
    cannot_link = spans.coexist(*np.broadcast_arrays(every[:, None], every[None]))
    group = group_tracklets(mean, cannot_link, share * head.mixed.match_threshold)
    return replace(boxes, tracklet=group[number])


ROWS = {
    "motion only": motion_only,
    "colour": colour,
    "taught (two maps, shrinkage 0.1, dimension 32, colour share 0.5)": taught,
    "one map": partial(taught, maps=CHOSEN[1:]),
    "three maps": partial(taught, maps=(*CHOSEN, "input.427")),
    "shrinkage 0.03": partial(taught, shrinkage=0.03),
    "shrinkage 0.3": partial(taught, shrinkage=0.3),
    "dimension 16": partial(taught, dimension=16),
    "dimension 64": partial(taught, dimension=64),
    "colour share 0.3": partial(taught, share=0.3),
    "colour share 0.7": partial(taught, share=0.7),
    "no colour": partial(taught, share=0.0),
    "merged tracklets": partial(taught, merge=0.7),
    "discriminant of maps and colour": partial(taught, with_colour=True),
    "oracle": oracle,
}
BOUNDS = ("motion only", "oracle")  # not settings to choose from


def mean_scores(study, row, names):
    """Mean IDF1 and HOTA over frame steps and videos."""
    return np.mean([study.scores(row, name) for name in names], axis=(0, 1))


def table_lines(study):
    """Lines of the table of the rows measured on all videos, and of the settings selected with each video left out."""
    yield markdown_header("row", *VIDEOS, "mean IDF1", "mean HOTA")
    done = [row for row in ROWS if all(study.is_known(row, name) for name in VIDEOS)]
    for row in done:
        values = [mean_scores(study, row, [name])[0] for name in VIDEOS]
        means = mean_scores(study, row, VIDEOS)
        yield markdown_row(row, *(f"{value:.1f}" for value in (*values, *means)))
    chosen = {name: best_without(study, done, name) for name in VIDEOS}
    values = [mean_scores(study, row, [name])[0] for name, row in chosen.items()]
    yield markdown_row("chosen on the other three", *(f"{value:.1f}" for value in (*values, np.mean(values))), "")
    yield "\nChosen: " + "; ".join(f"{name}: {row}" for name, row in chosen.items()) + "."


def best_without(study, rows, left_out):
    """The setting with the highest mean IDF1 on the other videos."""
    others = [name for name in VIDEOS if name != left_out]
    return max((row for row in rows if row not in BOUNDS), key=lambda row: mean_scores(study, row, others)[0])


def main():
    parser = make_parser(__doc__, "teach_settings", DOCS / "teach.md")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    options = parser.parse_args()
    study = Study(options.data, options.out)
    for row in options.rows:
        for name in VIDEOS:
            study.scores(row, name)
    write_section(options.page, "settings", table_lines(study))


if __name__ == "__main__":
    main()
