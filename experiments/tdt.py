"""tdt: one network that detects and tells apart, against the pair of the same detector and its teacher on crops.

    python experiments/tdt.py --data ../shared/data --out runs/tdt [--rows 0288 0287 64 256 no-stills centre …]

trains what is missing, judges it, and writes the table into docs/tdt.md from all that OUT holds: a row at a time, and
stopped at any moment, it goes on. Trained on PennFudan and the first halves of MOT17-04, MOT17-09 and PETS09-S2L1,
judged on their second halves (every --judge-th frame); identities are not used. Rows, each a network of its own:

    0288, 0287     the teacher: person-reidentification-retail-…
    adapt          the teacher: the file of --adapt, a crop network that `idfree adapt` made from the first halves
    64, 256        dimensions of the student, in place of --dimension (512 needs a teacher of as many)
    no-stills      without PennFudan
    centre         distilled into the centre-based network

The last network is judged, both ways in one run: "one-shot" reads the network's embeddings, "two-stage" leaves the
embedding head out and runs the teacher on the crop of each box. Both thresholds are calibrated on tracklets that motion
links, without the truth. Frames per second of one CPU core: detection,
embedding and association in one thread, without reading. The backbone is the trunk of the package's people detector,
frozen, unless --backbone names another, which then starts from no weights at all.
"""

import argparse
import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from people_trunk import PeopleBackbone, PeoplePyramid

from idfree.appearance import open_encoder
from idfree.core.files import write_text
from idfree.core.settings import override
from idfree.datasets.footage import Footage
from idfree.datasets.open_footage import open_all
from idfree.detectors import open_detector
from idfree.learn.methods.tdt import TDT
from idfree.learn.networks.backbones import BACKBONES
from idfree.learn.networks.pyramids import PYRAMIDS
from idfree.pipelines.detect_sequence import detect_sequence
from idfree.pipelines.teacher_embeddings import Teacher
from idfree.pipelines.train_tracker import train_tracker
from idfree.pipelines.validate import DetectedFootage, footage_as_sequence

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tdt.md"
MARKS = ("<!-- figures of experiments/tdt.py -->\n", "<!-- end of the figures -->\n")
VIDEOS = ("MOT17/train/MOT17-04-SDP", "MOT17/train/MOT17-09-SDP", "MOT15/train/PETS09-S2L1")
STILLS = "PennFudan"
TEACHERS = {
    "0288": "models/omz/person-reidentification-retail-0288-FP32.xml",
    "0287": "models/omz/person-reidentification-retail-0287-FP32.xml",
}
ROWS = ("0288", "0287", "adapt", "64", "256", "no-stills", "centre")
TRUNK = "people-fpn"  # a backbone of this experiment alone
WAYS = ("one-shot", "two-stage")
COLUMNS = ("MOTA", "IDF1", "IDSW", "AP", "frames/s")


def thinned(footage, every):
    """Every n-th frame of a video, as a video of a lower frame rate; still images unchanged."""
    if every == 1 or not footage.is_sequence:
        return footage
    numbers = range(1, footage.length + 1, every)
    boxes = footage.boxes[(footage.boxes.frame - 1) % every == 0]
    return Footage(
        footage.name,
        replace(boxes, frame=(boxes.frame - 1) // every + 1),
        len(numbers),
        partial(nth_image, footage.image, every),
        is_sequence=True,
        paths=footage.paths[::every],
        size_hw=footage.size_hw,
        frame_rate=footage.frame_rate / every,
    )


def nth_image(image, every, number):
    return image((number - 1) * every + 1)


class Study:
    """The data, how networks are trained, and the folder in which everything that takes long is kept."""

    def __init__(self, options):
        self.options, self.out = options, options.out

    def footages(self, half, every, stills):
        data = self.options.data
        found = open_all([data / video for video in VIDEOS], half, data / "videos")
        found = [thinned(each, every) for each in found]
        return found + (open_all([data / STILLS]) if stills else [])

    def teacher(self, row):
        if row == "adapt":
            return Teacher(str(self.options.adapt))
        return Teacher(str(self.options.data / TEACHERS.get(row, TEACHERS["0288"])))

    def settings(self, row):
        """`name=value` of a row: small enough for a CPU; what differs from the defaults is written on the page."""
        options = self.options
        values = {
            "network": "centre" if row == "centre" else "retinanet",
            "backbone": options.backbone,
            "size": options.size,
            "dimension": row if row in ("64", "256") else options.dimension,
            "epochs": options.epochs,
            "batch": options.batch,
            "optimiser": options.optimiser,
            "lr": options.lr,
            "warm_up": options.warm_up,
            "threads": 1,
            "save_every": 25,
        }
        return [f"{name}={value}" for name, value in values.items()]

    def trained(self, row):
        """RUN/model.onnx of a row."""
        run = self.out / row
        if not (run / "model.onnx").exists():
            footages = self.footages("train", self.options.every, row != "no-stills")
            cache = {"cache": self.out / "frames", "workers": 1, "resume": True, "quiet": self.options.quiet}
            augmentation = [f"largest={self.options.largest}"]
            train_tracker(
                "tdt",
                footages,
                run,
                assignments=self.settings(row),
                augmentation=augmentation,
                teacher=self.teacher(row),
                **cache,
            )
        return run / "model.onnx"

    def score(self, row):
        """Figures of both ways by tracker, kept in OUT/ROW/figures.json."""
        file = self.out / row / "figures.json"
        if not file.exists():
            model, footages = self.trained(row), self.footages("val", self.options.judge, False)
            figures = {way: self.judged(model, row, way, footages) for way in WAYS}
            metrics = [json.loads(line) for line in (self.out / row / "metrics.jsonl").read_text().splitlines()]
            figures["iterations"] = metrics[-1]["iteration"]
            write_text(file, json.dumps(figures, indent=1))
        return json.loads(file.read_text())

    def judged(self, model, row, way, footages):
        """What one way gives on the second halves."""
        detector, encoder = open_detector(model, threads=1), None
        if way == "two-stage":
            detector = detector.without_embeddings()
            encoder = open_encoder(self.teacher(row).spec, threads=1)
        boxes, seconds = [], 0.0
        for footage in footages:
            sequence = footage_as_sequence(footage)
            frames = list(sequence)  # read before the clock starts
            start = time.process_time()
            boxes.append(detect_sequence(replace(sequence, read=partial(iter, frames)), detector, encoder).boxes)
            seconds += time.process_time() - start
        seen = DetectedFootage(footages, boxes)
        figures = {"AP": seen.average_precision, "limit": seen.thresholds.get("limit")}
        for tracker in ("fused", "fairmot"):
            start = time.process_time()
            figures[tracker] = seen.tracking_metrics(tracker)
            if tracker == "fused":
                seconds += time.process_time() - start
        return figures | {"frames/s": sum(footage.length for footage in footages) / seconds}


def page(study, rows):
    """The table of all rows that have figures."""
    settings = override(TDT.settings(), study.settings("0288"))
    options = study.options
    lines = [
        f"{settings.backbone} at {settings.size}, batches of {settings.batch}, {settings.optimiser} with lr"
        f" {settings.lr:g}, scale up to {options.largest}, every {options.every}th frame of the first halves;"
        f" judged on every {options.judge}th frame of the second halves:\n",
        "| row | iterations | way | tracker | " + " | ".join(COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 4) + "|",
    ]
    for row in rows:
        file = study.out / row / "figures.json"
        if not file.exists():
            continue
        figures = json.loads(file.read_text())
        for way in WAYS:
            for tracker in ("fused", "fairmot"):
                metrics, part = figures[way][tracker], figures[way]
                cells = [
                    f"{100 * metrics['MOTA']:.1f}",
                    f"{100 * metrics['IDF1']:.1f}",
                    f"{metrics['IDSW']:.0f}",
                    f"{100 * part['AP']:.1f}",
                    f"{part['frames/s']:.1f}",
                ]
                lines.append(f"| {row} | {figures['iterations']} | {way} | {tracker} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write_page(path, text):
    """Replace the part of the page between MARKS."""
    before, _, rest = path.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    write_text(path, before + MARKS[0] + text + MARKS[1] + after)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/tdt"))
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=["0288"])
    parser.add_argument("--adapt", type=Path, help="the crop network of the row adapt")
    parser.add_argument("--backbone", default=TRUNK, help="people-fpn: the people detector's, frozen")
    parser.add_argument("--size", default="448x256")
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--optimiser", default="adam", help="adam learns faster than sgd in few iterations")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warm-up", type=int, default=40)
    parser.add_argument("--largest", type=float, default=1.2, help="largest scale of the augmentation")
    parser.add_argument("--every", type=int, default=10, help="of the frames of the first halves")
    parser.add_argument("--judge", type=int, default=5, help="of the frames of the second halves")
    parser.add_argument("--only-train", action="store_true")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    PYRAMIDS[TRUNK], BACKBONES[TRUNK] = PeoplePyramid, PeopleBackbone
    study = Study(options)
    for row in options.rows:
        study.trained(row)
        if not options.only_train:
            study.score(row)
            write_page(options.page, page(study, ROWS))


if __name__ == "__main__":
    main()
