"""Who is who learnt from boxes alone, against identities, colour, chance and no looks: one network, one schedule.

    python experiments/label_free.py --data ../shared/data --out runs/label_free [--rows fairmot outrack-video …]

trains what is missing, judges it, and writes docs/label_free.md from all that OUT holds: a row or two at a time, and
stopped at any moment, it goes on. To try it: --size 256x160 --backbone resnet18 --epochs 1 --frames 12 --page trial.md

Learnt from first halves of MOT17-04, MOT17-09 and PETS09-S2L1 and the still images of PennFudan (whose identities are
not known); judged on the second halves. Rows, and how each learns who is who:

    none, random, colour   not at all: of detection alone; embeddings are left out, or what the head that never learnt
                           gives, or striped colour histograms
    fairmot                by the identities of the videos
    cycas, outrack-video   by pairs of frames (PennFudan: two views)
    outrack-images         by two views of each picture
    triplet-hard, triplet-all, nt-xent   clmot: by two views of each picture

All networks have one embedding size, and see as many pictures in as many iterations: methods of pairs take half as many
pairs as others take pictures, for half as many epochs. (clmot finds objects in first views alone, as its paper has it.)
The last network is judged, none is chosen by what it is judged by; each limit is calibrated by tracklets that motion
links, without the truth; the tracker is the same for all. Retrieval: true boxes of every 5th frame, visibility ≥ 0.7,
the mean of the three videos.
"""

import argparse
import json
import sys
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from idfree.appearance.colour import Colour
from idfree.detections import Yours
from idfree.detectors import open_detector
from idfree.evaluation.reid import appearance
from idfree.files import write_text
from idfree.learn.checkpoint import load
from idfree.learn.data.scene_batches import SceneBatches
from idfree.learn.methods import one_shot
from idfree.learn.methods.clmot import CLMOT
from idfree.learn.methods.fairmot import FAIRMOT
from idfree.learn.methods.one_shot import Method, OneShotSettings
from idfree.learn.methods.outrack import OUTRACK
from idfree.learn.networks.at_centres import AtCentres
from idfree.learn.objectives.detection import Detection
from idfree.learn.session import TorchSession
from idfree.learn.training import open_device
from idfree.progress import progress
from idfree.sequences.footage import open_all
from idfree.train import at_hand
from idfree.validation import validate

PAGE = Path(__file__).resolve().parents[1] / "docs" / "label_free.md"
VIDEOS = ("MOT17/train/MOT17-04-SDP", "MOT17/train/MOT17-09-SDP", "MOT15/train/PETS09-S2L1")
STILLS = "PennFudan"
EVERY = 5  # frames between those of retrieval
RETRIEVAL = ("R1", "mAP", "TPR@0.1")
FIGURES = (*RETRIEVAL, "MOTA", "IDF1", "HOTA", "IDSW")


def pictures(settings, scenes, share):
    return SceneBatches(scenes, settings.shape(), settings.seed, settings.augmentation, skip=True, share=share)


ALONE = Method("detection", OneShotSettings, one_shot.centre, lambda settings, scenes: Detection(), pictures)
# row: (how it stands in the table, method, its settings)
ROWS = {
    "none": ("no appearance", ALONE, {}),
    "random": ("random embedding", ALONE, {}),
    "colour": ("striped colour histogram", ALONE, {}),
    "fairmot": ("fairmot (identities)", FAIRMOT, {}),
    "cycas": ("cycas", OUTRACK, {"objective": "cycas"}),
    "outrack-video": ("outrack (video)", OUTRACK, {}),
    "outrack-images": ("outrack (images)", OUTRACK, {"views": "images"}),
    "triplet-hard": ("clmot triplet-hard", CLMOT, {}),
    "triplet-all": ("clmot triplet-all", CLMOT, {"objective": "triplet-all"}),
    "nt-xent": ("clmot nt-xent", CLMOT, {"objective": "nt-xent"}),
}
MAIN = ("fairmot", "cycas", "outrack-video", "triplet-hard")  # of which all seeds are trained
PAIRS = ("clmot", "outrack")  # methods whose batches are of pairs


class Study:
    """The data, how networks are trained, and the folder in which everything that takes long is kept."""

    def __init__(self, options):
        self.options, self.out = options, options.out
        self.device = open_device(options.device)

    @cache  # noqa: B019  (a study lives as long as the program)
    def footages(self, half):
        """The videos' halves, and to train the still images; only the first frames of each if so asked."""
        data, most = self.options.data, self.options.frames
        found = open_all([data / video for video in VIDEOS], half, data / "videos")
        found += open_all([data / STILLS]) if half == "train" else []
        return [footage.frames(1, min(most, footage.length)) if most else footage for footage in found]

    def settings(self, row, seed):
        options, (_, method, more) = self.options, ROWS[row]
        once = method.name in PAIRS
        return method.settings(
            backbone=options.backbone,
            size=options.size,
            dimension=options.dimension,
            pixels=options.pixels,
            init=options.init,
            epochs=options.epochs if once else 2 * options.epochs,
            batch=options.batch // 2 if once else options.batch,
            lr=options.lr,
            first_drop=20 / 30,  # of FairMOT, for all
            second_drop=27 / 30,
            threads=options.threads,
            seed=seed,
            **more,
        )

    def trained(self, row, seed):
        """(network, its settings, what is known of it) after training, if it was not trained yet."""
        _, method, _ = ROWS[row]
        name = "detection" if method is ALONE else row
        run, settings = self.out / "networks" / f"{name}-{seed}", self.settings(row, seed)
        if not (run / one_shot.MODEL).exists():
            height = round(settings.shape().size_hw[0] * settings.augmentation.largest)
            footages = at_hand(self.footages("train"), self.out / "frames", height, lambda name, n: bar(n, name))
            options = {"device": self.device, "resume": True, "workers": 1, "progress": partial(bar, what=run.name)}
            one_shot.train(method, footages, settings, run, trained_on="MOTChallenge, PennFudan", **options)
        network, settings, known = one_shot.opened(method, load(run / one_shot.BEST))
        return network.to(self.device), settings, known

    def score(self, row, seed):
        """FIGURES of a row, made once."""
        file = self.out / "results" / f"{row}-{seed}.json"
        if not file.exists():
            network, settings, known = self.trained(row, seed)
            found = open_detector("the network", session=TorchSession(network, known))
            looks = {"none": None, "colour": Colour()}.get(row, AtCentres(network, settings.shape().size_hw))
            told = validate(dressed(found, row), self.footages("val"), self.options.tracker) | self.retrieval(looks)
            write_text(file, json.dumps(told))
            print(f"{row} {seed}: " + " ".join(f"{name} {told[name]:.3f}" for name in FIGURES if name in told))
        return json.loads(file.read_text())

    def retrieval(self, looks):
        """R1, mAP and TPR at FAR 0.1 of true boxes, the mean of the videos; nothing without looks."""
        if looks is None:
            return {}
        found = []
        for footage in self.footages("val"):
            rows = (footage.boxes.score != 0) & (footage.boxes.id >= 0) & (footage.boxes.frame % EVERY == 0)
            boxes = footage.boxes[rows]
            frames = [boxes.rows_at(number) for number in np.unique(boxes.frame)]
            if len(frames) < 2:
                continue
            parts = [looks(footage.image(int(boxes.frame[some.start])), boxes.xyxy[some]) for some in frames]
            columns = (boxes.id, boxes.frame, None, boxes.visibility)
            figures = appearance(np.concatenate(parts), *columns).figures()
            found.append([figures[name] for name in RETRIEVAL])
        columns = {
            name: [each for each in column if each is not None]
            for name, column in zip(RETRIEVAL, zip(*found, strict=True), strict=False)
        }
        return {name: float(np.mean(column)) for name, column in columns.items() if column}

    def line(self, row):
        """A row of the table: means over the seeds that there are."""
        told = [json.loads(file.read_text()) for file in sorted((self.out / "results").glob(f"{row}-[0-9]*.json"))]
        cells = [cell(name, [each[name] for each in told if name in each]) for name in FIGURES]
        return f"| {ROWS[row][0]} | {' | '.join(cells)} | {len(told)} |"


def dressed(found, row):
    """What finds boxes, with the looks of a row."""
    if row == "none":
        return Yours(lambda frame: replace(found(frame).detections, embedding=None), has_embeddings=False)
    if row == "colour":
        colour = Colour()

        def described(frame):
            boxes = found(frame).detections
            return replace(boxes, embedding=colour(frame.image, boxes.xyxy))

        return Yours(described)
    return found


def cell(name, values):
    """Mean, and the deviation between seeds."""
    scale = 1 if name == "IDSW" else 100
    digits = 0 if name == "IDSW" else 1
    if not values:
        return "–"
    spread = f" ± {scale * np.std(values):.{digits}f}" if len(values) > 1 else ""
    return f"{scale * np.mean(values):.{digits}f}{spread}"


def bar(steps, what):
    return progress(steps, what, len(steps), False, unit="iterations")


def page(study):
    """The page, as far as there are results."""
    options = study.options
    how = (
        f"{options.backbone}, {options.size}, batches of {options.batch} pictures, {2 * options.epochs} epochs of them"
    )
    command = "python experiments/label_free.py --data ../shared/data"
    header = f"| looks | {' | '.join(FIGURES)} | seeds |\n|{'---|' * (len(FIGURES) + 2)}"
    about = f"Made by `{command}`; see there what each row is. {how}; {options.tracker}; ± is between seeds."
    return "\n\n".join(["# Looks learnt from boxes", about, "\n".join([header, *map(study.line, ROWS)])]) + "\n"


def same_as_before(options):
    """Results of other settings must not stand in one table."""
    said = {
        n: v for n, v in vars(options).items() if n not in ("data", "out", "rows", "seeds", "page", "device", "threads")
    }
    file = options.out / "settings.json"
    if file.exists() and json.loads(file.read_text()) != said:
        sys.exit(f"{file} tells of other settings: name another --out")
    write_text(file, json.dumps(said))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/label_free"))
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="the first alone for the lesser rows")
    parser.add_argument("--backbone", default="dla34-plain")
    parser.add_argument("--size", default="576x320")
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=15, help="of pairs; of pictures twice as many")
    parser.add_argument("--batch", type=int, default=8, help="pictures, an even number")
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--init", help="weights to begin with")
    parser.add_argument("--pixels", default="unit", help="imagenet with weights from there")
    parser.add_argument("--frames", type=int, help="of each footage only so many, to try it")
    parser.add_argument("--tracker", default="fused")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.batch % 2:
        parser.error(f"--batch {options.batch}: expected an even number")
    same_as_before(options)
    study = Study(options)
    for row in options.rows:
        for seed in options.seeds if row in MAIN else options.seeds[:1]:
            study.score(row, seed)
            write_text(options.page, page(study))
    write_text(options.page, page(study))


if __name__ == "__main__":
    main()
