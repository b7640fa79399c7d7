"""The people model beside yolox_nano: AP50, CPU time of a frame, and tracking, for docs/people_model.md.

Used by people_model.py --judge, which see. Detections and embeddings of each video are computed once and kept below
OUT; tracks are made of them with the default tracker at every n-th frame, following the camera where it moves.
"""

import json
import time
from pathlib import Path

import numpy as np

import idfree
from idfree.core.files import write_text
from idfree.detectors import open_detector
from idfree.pipelines.open_appearance import open_appearance
from idfree.sequences import open_source

EVERY = (1, 3, 5)
TRUTH = {
    "TUD-Campus": "MOT15/train/TUD-Campus",
    "ETH-Sunnyday": "moving/ETH-Sunnyday",
    "KITTI-17": "MOT15/train/KITTI-17",
    "PETS09-S2L1": "MOT15/train/PETS09-S2L1",
    "MOT17-09": "MOT17/train/MOT17-09-SDP",
    "MOT17-04": "MOT17/train/MOT17-04-SDP",
}
UNSEEN = ("TUD-Campus", "ETH-Sunnyday", "KITTI-17")  # settings were not chosen on them; for TUD-Campus see the card
MOVING = ("ETH-Sunnyday", "KITTI-17")
YOLOX = "models/yolox_nano.onnx"
ROWS = {  # detector, classes, `--appearance`, settings of the detector
    "yolox_nano, motion alone": (YOLOX, "person", "none", ()),
    "yolox_nano + colour": (YOLOX, "person", "colour", ()),
    "people, motion alone": ("people", "", "none", ()),
    "people + colour, parts as they come": ("people", "", "colour", ("detector.part_score=1",)),
    "people + colour": ("people", "", "colour", ()),
    "people + its crop network": ("people", "", "people", ()),
}
JUDGED = ("yolox_nano + colour", "people + colour")
TIMED, WARM = 40, 5  # frames; the first ones are not counted


class Judge:
    """The data, the folder of results, and the figures that are known: OUT/figures.json."""

    def __init__(self, data, out):
        self.data, self.out = data, out
        out.mkdir(parents=True, exist_ok=True)
        self.file = out / "figures.json"
        self.figures = json.loads(self.file.read_text()) if self.file.is_file() else {}

    def kept(self, key, make):
        """The figure of a key, made once."""
        if key not in self.figures:
            self.figures[key] = make()
            write_text(self.file, json.dumps(self.figures, indent=1))
        return self.figures[key]

    def video(self, name):
        return self.data / "moving" / name if "ETH" in name else self.data / "videos" / f"{name}.mp4"

    def detector(self, row):
        """Detector, classes, appearance and settings of a row."""
        spec, classes, appearance, settings = ROWS[row]
        return (spec if spec == "people" else str(self.data / spec)), classes, appearance, list(settings)

    def detections(self, name, row):
        """The folder of the boxes and embeddings of a row."""
        spec, classes, appearance, settings = self.detector(row)
        folder = self.out / name / row.replace(" ", "_").replace(",", "")
        plain = "people + colour" if spec == "people" else "yolox_nano + colour"
        if appearance == "none":  # the boxes of another row, without its embeddings
            return self.detections(name, plain)
        if appearance == "people":
            idfree.detect(self.video(name), folder, self.detections(name, plain), appearance="people")
            return folder
        idfree.detect(self.video(name), folder, spec, classes=classes, appearance=appearance, set=settings)
        return folder

    def precision(self, name, row):
        """AP50 in percent."""

        def make():
            metrics = idfree.evaluate_detection(self.detections(name, row), self.data / TRUTH[name])
            return 100 * metrics["COMBINED"]["AP"]

        return self.kept(f"{name} {row} AP", make)

    def tracked(self, name, row):
        """[IDF1, HOTA] in percent at every n-th frame."""

        def make():
            folder, scores = self.detections(name, row), []
            for every in EVERY:
                out = self.out / name / "tracks" / f"{row.replace(' ', '_').replace(',', '')}-{every}"
                options = {"appearance": "none"} if ROWS[row][2] == "none" else {}
                camera = "flow" if name in MOVING else "none"
                idfree.track_videos(self.video(name), out, detector=folder, every=every, camera=camera, **options)
                metrics = idfree.evaluate(out / f"{name}.txt", self.data / TRUTH[name], every=every)
                scores.append([100 * metrics["COMBINED"][key] for key in ("IDF1", "HOTA")])
            return scores

        return self.kept(f"{name} {row}", make)

    def milliseconds(self, name, row, threads):
        """Median CPU time of a frame in ms, detector and embeddings, and wall time with so many threads."""

        def make():
            spec, classes, appearance, settings = self.detector(row)
            settings = [each.removeprefix("detector.") for each in settings]
            detector = open_detector(spec, None, classes, settings, threads=threads)
            encoder = open_appearance(appearance, threads=threads) if appearance == "colour" else None
            spent = []
            for frame, _ in zip(open_source(self.video(name))[0], range(WARM + TIMED), strict=False):
                start = time.process_time(), time.perf_counter()
                found = detector(frame).detections
                if encoder is not None:
                    encoder(frame.image, found.xyxy[found.score >= 0.25])  # weaker ones are rarely tracked
                spent.append((time.process_time() - start[0], time.perf_counter() - start[1]))
            return (1000 * np.median(spent[WARM:], axis=0)).tolist()

        return self.kept(f"{name} {row} {threads} ms", make)


def cells(scores):
    """IDF1 at 1 / 3 / 5, its mean, and mean HOTA."""
    idf1, hota = np.array(scores).T
    return f"{' / '.join(f'{value:.1f}' for value in idf1)} | {idf1.mean():.1f} | {hota.mean():.1f}"


def tables(judge, names, rows):
    """Lines of the tables."""
    heading = "| video | | AP50 | IDF1 at every 1st / 3rd / 5th frame | mean IDF1 | mean HOTA |\n" + "|---" * 6 + "|"
    seen = tuple(name for name in TRUTH if name not in UNSEEN)
    for title, group in (("Not used to choose settings", UNSEEN), ("Used to choose settings", seen)):
        chosen, found = [name for name in names if name in group], {}
        if not chosen:
            continue
        yield f"\n### {title}\n\n{heading}"
        for name in chosen:
            for row in rows:
                precision, scores = judge.precision(name, row), judge.tracked(name, row)
                found.setdefault(row, []).append((precision, scores))
                print(name, row, f"{precision:.1f}", cells(scores), flush=True)
                yield f"| {name} | {row} | {precision:.1f} | {cells(scores)} |"
        for row, values in found.items():
            precision, scores = np.mean([value[0] for value in values]), np.mean([value[1] for value in values], axis=0)
            yield f"| mean | {row} | {precision:.1f} | {cells(scores)} |"
    yield "\n### Milliseconds of a frame, detector and appearance, median\n"
    yield "| video | | CPU, one thread | CPU, two threads | wall, two threads |\n|---|---|---|---|---|"
    for name in [each for each in ("PETS09-S2L1", "MOT17-09") if (judge.data / "videos").is_dir()]:
        for row in JUDGED:
            one, two = (judge.milliseconds(name, row, threads) for threads in (1, 2))
            yield f"| {name} | {row} | {one[0]:.0f} | {two[0]:.0f} | {two[1]:.0f} |"


def write_tables(page: Path, lines):
    """Put lines between the marks of a page."""
    text, start, end = page.read_text(encoding="utf-8"), "<!-- judge: begin -->", "<!-- judge: end -->"
    before, _, rest = text.partition(start)
    write_text(page, f"{before}{start}\n\n{lines.strip()}\n\n{end}{rest.partition(end)[2]}")
