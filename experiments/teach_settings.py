"""Settings of `idfree teach`, each judged with the default tracker, and chosen leaving one video out.

    python experiments/teach_settings.py --data ../shared/data --out runs/teach_settings

writes the table of docs/teach.md between its marks, and goes on where it was stopped: what a video's boxes look like in
the maps of yolox_nano is kept in OUT/NAME.npz, figures in OUT/figures.json. Boxes of score 0.25 and more, the same in
all rows; a head is learnt from the tracklets of the video that it is judged on. Each map is read at its own stride,
where a taught file reads the average of the finer ones. "perfect": embeddings that know who is who; a false detection
resembles nothing but itself. It shows how much any appearance could gain. Some three minutes of a core for the boxes,
and half a minute for each row.
"""

import argparse
import json
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import onnx
from teach import MIN_SCORE, TRUTH

from idfree.appearance import open_encoder
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.concatenated import concatenate
from idfree.appearance.grouping import group_tracklets
from idfree.core.files import write_text
from idfree.core.stripes import STRIPES, read_stripes
from idfree.core.tracklet_spans import TrackletSpans
from idfree.core.types import Annotation
from idfree.detectors import PrecomputedDetector
from idfree.detectors.onnx import OnnxDetector
from idfree.detectors.taught import OUTPUTS_KEY, DetectorWithMaps
from idfree.evaluation.frame_subset import select_every_nth
from idfree.evaluation.reid import assign_identities
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.pipelines.label_sequence import label_sequence
from idfree.pipelines.selection import Selection
from idfree.pipelines.teach_features import BoxFeatures
from idfree.pipelines.teach_head import learn_head
from idfree.pipelines.track import prepare
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_ground_truth
from idfree.teaching.discriminant import DiscriminantSettings
from idfree.teaching.onnx_graph import OnnxGraph

PAGE = Path(__file__).resolve().parents[1] / "docs" / "teach.md"
MARKS = ("<!-- settings: begin -->", "<!-- settings: end -->")
DETECTOR, INPUT_HW = "models/yolox_nano.onnx", (416, 416)
VIDEOS = ("PETS09-S2L1", "TUD-Campus", "ETH-Sunnyday", "MOT17-09")
EVERY = (1, 3, 5)
CHOSEN = ("input.67", "input.175", "input.427")  # the maps that `teach` finds by itself: strides 4, 8, 8
MAPS = ("input.7", "input.23", "input.67", "input.83", "input.175", "input.283", "input.427", "input.471")
WITHOUT_TRUTH_IOU = 0.3  # below it, a detection is of nobody, for "perfect"
LONG_GAP = 600  # frames between two boxes of one object, where tracklets are merged


class DetectorWithEachMap(DetectorWithMaps):
    """A detector with MAPS as its last outputs, at their own strides."""

    def run(self):
        outputs = OnnxDetector.run(self)
        self.maps = [each[0] for each in outputs[self.own_outputs :]]
        self.map = self.maps[0]
        return outputs[: self.own_outputs]


class Recorder:
    """Passes the views of a detector on, and keeps what its boxes look like."""

    needs_images, has_embeddings, is_network = True, False, True

    def __init__(self, detector):
        self.detector, self.colour, self.parts, self.count = detector, ColourHistogram(), [], 0

    def __call__(self, frame):
        view = self.detector(frame)
        xyxy, detector = view.detections.xyxy, self.detector
        boxes = detector.letterbox.to_input(xyxy)
        features = [read_stripes(each, boxes, detector.size_hw).reshape(len(xyxy), -1) for each in detector.maps]
        colour = self.colour(frame.image, xyxy)
        columns = (np.hstack(features).astype(np.float16), colour.astype(np.float16))
        self.parts.append((np.full(len(xyxy), frame.number), xyxy, view.detections.score, *columns))
        self.rows, self.count = np.arange(self.count, self.count + len(xyxy)), self.count + len(xyxy)
        return view

    def rows_of(self, image, xyxy):
        """(N, 1) row numbers of boxes of the last frame, kept in place of their crops."""
        distance = np.abs(self.parts[-1][1][None] - xyxy[:, None]).sum(axis=2)
        return self.rows[distance.argmin(axis=1)][:, None]


class Study:
    """The data, and the folder in which everything that takes long is kept."""

    def __init__(self, data, out):
        self.data, self.out = data, out
        out.mkdir(parents=True, exist_ok=True)

    def sequence(self, name):
        video = self.data / "moving" / name if "ETH" in name else self.data / "videos" / f"{name}.mp4"
        return replace(open_source(video)[0], name=name)

    @cache  # noqa: B019  (a study lives as long as the program)
    def truth(self, name):
        return read_ground_truth(self.data / TRUTH[name] / "gt" / "gt.txt")

    def detector(self):
        """yolox_nano with MAPS as outputs."""
        graph, file = OnnxGraph(self.data / DETECTOR), self.out / "maps.onnx"
        channels = {each.name: each.channels for each in graph.feature_maps(INPUT_HW)}
        for name in MAPS:
            shape = [1, channels[name], None, None]
            graph.model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
        onnx.helper.set_model_props(graph.model, {OUTPUTS_KEY: str(graph.count)})
        onnx.save(graph.model, file)
        return DetectorWithEachMap(file, "yolox", classes=["person"]), [channels[name] for name in MAPS]

    @cache  # noqa: B019
    def boxes(self, name):
        """All boxes of a video: frame, xyxy, score, F (features), C (colour); row and tracklet of those to learn from;
        channels of the maps.
        """
        file = self.out / f"{name}.npz"
        if not file.exists():
            detector, channels = self.detector()
            recorder = Recorder(detector)
            chosen = Selection(appearance="none")
            found = label_sequence(self.sequence(name), recorder, None, recorder.rows_of, selection=chosen, quiet=False)
            columns = map(np.concatenate, zip(*recorder.parts, strict=True))
            stored = dict(zip(("frame", "xyxy", "score", "F", "C"), columns, strict=True))
            labels = {"row": found.crops[:, 0], "tracklet": found.boxes[found.crop_rows].id}
            np.savez(file, **stored, **labels, channels=channels)
        with np.load(file) as stored:
            return dict(stored)

    def learnt_from(self, name, maps):
        """The boxes of tracklets, and the columns of these maps in the features of all boxes."""
        found, ends = self.boxes(name), np.cumsum([0, *(STRIPES * self.boxes(name)["channels"])])
        columns = np.concatenate([np.arange(ends[k], ends[k + 1]) for k in map(MAPS.index, maps)])
        rows, count = found["row"], len(found["row"])
        return columns, BoxFeatures(
            found["F"][rows][:, columns].astype(np.float32),
            found["C"][rows].astype(np.float32),
            np.zeros((count, 0), np.float32),
            np.unique(found["tracklet"], return_inverse=True)[1],
            found["frame"][rows].astype(np.int64),
            np.zeros(count, np.int64),
            found["xyxy"][rows],
        )

    @property
    def figures(self):
        file = self.out / "figures.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def is_kept(self, row, name):
        return f"{row}|{name}" in self.figures

    def kept(self, row, name):
        """[IDF1, HOTA] in percent at every n-th frame of a video, made once."""
        figures = self.figures
        key = f"{row}|{name}"
        if key not in figures:
            embedding = ROWS[row](self, name)
            figures[key] = [self.score(name, *embedding, every) for every in EVERY]
            write_text(self.out / "figures.json", json.dumps(figures))
            print(key, [round(idf1, 1) for idf1, _ in figures[key]], flush=True)
        return figures[key]

    def score(self, name, embedding, match_threshold, upper_threshold, every):
        """IDF1 and HOTA in percent."""
        found, sequence = self.boxes(name), self.sequence(name).without_images()
        used = np.flatnonzero(found["score"] >= MIN_SCORE)
        detections = annotation(found, used, None if embedding is None else embedding[used])
        thresholds = {"match_threshold": match_threshold, "upper_threshold": upper_threshold}
        detector = PrecomputedDetector(detections, sequence.size_hw, **thresholds, score_range=None, is_network=True)
        tracker = "bytetrack" if embedding is None else "fused"
        run = prepare(sequence, detector, tracker, selection=Selection(every=every), images=False)
        tracks, _ = select_every_nth(replace(run.track_all(), time=None), every, sequence.length)
        truth, frames = select_every_nth(self.truth(name), every, sequence.length)
        names = (str(self.data / TRUTH[name] / "gt" / "gt.txt"), "tracks")
        metrics = compute_metrics(evaluate(truth, tracks, frames=frames, names=names))
        return 100 * metrics["IDF1"], 100 * metrics["HOTA"]


def annotation(found, rows, embedding=None):
    """Boxes of these rows."""
    numbers, count = found["frame"][rows].astype(np.int64), len(rows)
    score, no_class = found["score"][rows].astype(float), np.zeros(count, np.int64)
    return Annotation(
        numbers, np.full(count, -1), found["xyxy"][rows], score, no_class, np.ones(count), embedding=embedding
    )


def nothing(study, name):
    return None, None, None


def colour(study, name):
    encoder = open_encoder("colour")
    return study.boxes(name)["C"].astype(np.float32), encoder.match_threshold, encoder.upper_threshold


def perfect(study, name):
    """A direction for each person, and one of a random 64 dimensions for each detection of nobody."""
    found = study.boxes(name)
    ids = assign_identities(annotation(found, np.arange(len(found["frame"]))), study.truth(name), WITHOUT_TRUTH_IOU).id
    people, known = np.unique(ids[ids >= 0]), ids >= 0
    embedding = np.zeros((len(ids), len(people) + 64), np.float32)
    embedding[np.flatnonzero(known), np.searchsorted(people, ids[known])] = 1
    noise = np.random.default_rng(0).normal(size=(int((~known).sum()), 64))
    embedding[~known, len(people) :] = noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return embedding, 0.5, 0.6


def taught(study, name, maps=CHOSEN, share=0.5, merge=0.0, with_colour=False, shrinkage=0.3, **settings):
    """The head with these settings. merge: tracklets nearer than this share of the match threshold become one.
    with_colour: the discriminant is of the maps and the colour histogram. shrinkage: 0.3 was the default before.
    """
    columns, boxes = study.learnt_from(name, maps)
    found, chosen = study.boxes(name), DiscriminantSettings(shrinkage=shrinkage, **settings)
    features, histogram = found["F"][:, columns].astype(np.float32), found["C"].astype(np.float32)
    if with_colour:
        features, boxes = (
            np.hstack([features, histogram]),
            replace(boxes, features=np.hstack([boxes.features, boxes.colour])),
        )
    head = learn_head(boxes, chosen, share)
    if merge:
        head = learn_head(merged(boxes, head, merge), replace(chosen, within_gap=LONG_GAP), share)
    thresholds = head.mixed if head.colour else head.alone
    own = head.head(features)
    embedding = concatenate(own, histogram, head.colour) if head.colour else own
    return embedding, thresholds.match_threshold, thresholds.upper_threshold


def merged(boxes, head, share):
    """The boxes with tracklets merged that look alike and never coexist."""
    embedding, number = concatenate(head.head(boxes.features), boxes.colour, head.colour), boxes.tracklet
    mean = np.zeros((number.max() + 1, embedding.shape[1]))
    np.add.at(mean, number, embedding)
    mean /= np.bincount(number)[:, None]
    spans, every = TrackletSpans.from_rows(number, boxes.frame, boxes.video), np.arange(len(mean))
    cannot_link = spans.coexist(*np.broadcast_arrays(every[:, None], every[None]))
    group = group_tracklets(mean, cannot_link, share * head.mixed.match_threshold)
    return replace(boxes, tracklet=group[number])


ROWS = {
    "no looks": nothing,
    "colour": colour,
    "taught (shrinkage 0.3, 32 numbers, share of colour 0.5)": taught,
    "shrinkage 0.03": partial(taught, shrinkage=0.03),
    "shrinkage 0.1": partial(taught, shrinkage=0.1),
    "shrinkage 0.6": partial(taught, shrinkage=0.6),
    "16 numbers": partial(taught, dimension=16),
    "64 numbers": partial(taught, dimension=64),
    "16 numbers, shrinkage 0.1": partial(taught, dimension=16, shrinkage=0.1),
    "share of colour 0.3": partial(taught, share=0.3),
    "share of colour 0.7": partial(taught, share=0.7),
    "share of colour 0.7, shrinkage 0.1": partial(taught, share=0.7, shrinkage=0.1),
    "no colour": partial(taught, share=0.0),
    "merged tracklets": partial(taught, merge=0.7),
    "discriminant of maps and colour": partial(taught, with_colour=True),
    "perfect": perfect,
}


def mean_idf1(study, row, names):
    return float(np.mean([[idf1 for idf1, _ in study.kept(row, name)] for name in names]))


def table(study):
    """Lines: mean IDF1 of each row by video, over all, and mean HOTA; then what is chosen for each video without it."""
    yield "| row | " + " | ".join(VIDEOS) + " | mean IDF1 | mean HOTA |\n|---" + "|---" * (len(VIDEOS) + 2) + "|"
    done = [row for row in ROWS if all(study.is_kept(row, name) for name in VIDEOS)]
    for row in done:
        cells = [mean_idf1(study, row, [name]) for name in VIDEOS]
        hota = np.mean([[each[1] for each in study.kept(row, name)] for name in VIDEOS])
        yield f"| {row} | " + " | ".join(f"{value:.1f}" for value in (*cells, np.mean(cells), hota)) + " |"
    rivals = [row for row in done if row not in ("no looks", "perfect")]
    cells = []
    for name in VIDEOS:
        others = [each for each in VIDEOS if each != name]
        best = max(rivals, key=lambda row: mean_idf1(study, row, others))
        cells.append((mean_idf1(study, best, [name]), best))
    values = [value for value, _ in cells]
    yield f"| chosen on the other three | {' | '.join(f'{v:.1f}' for v in values)} | {np.mean(values):.1f} | |"
    yield "\nChosen: " + "; ".join(f"{name}: {row}" for name, (_, row) in zip(VIDEOS, cells, strict=True)) + "."


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/teach_settings"))
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    options = parser.parse_args()
    study = Study(options.data, options.out)
    for row in options.rows:
        for name in VIDEOS:
            study.kept(row, name)
    lines = "\n".join(table(study))
    before, _, rest = options.page.read_text(encoding="utf-8").partition(MARKS[0])
    write_text(options.page, f"{before}{MARKS[0]}\n\n{lines}\n\n{MARKS[1]}{rest.partition(MARKS[1])[2]}")


if __name__ == "__main__":
    main()
