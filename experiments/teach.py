"""A detector's own feature maps against colour, crop networks and no looks, on the boxes of that detector.

    python experiments/teach.py --data ../shared/data --out runs/teach [--only yolox|retail] [--videos PETS09-S2L1 …]

writes the tables of docs/teach.md, and goes on where it was stopped: each figure is kept in OUT/figures.json.
Detectors: yolox_nano (416×416) and, with the package openvino, person-detection-retail-0013 (480×816). "whole": taught
on the video that it is judged on (no label is used, so that is allowed); "half": taught on the first half, judged on
the second. All rows have the same boxes, those of score 0.25 and more. Rows:

    no looks           bytetrack, the default without embeddings
    colour             striped colour histograms, thresholds of their own
    taught, no colour  the head alone (--set detector.colour=false; --alone)
    taught             what `idfree teach` gives, colour beside the head
    adapt              the crop network of `idfree adapt`, trained on the same boxes (--adapt, minutes for each video)
    0287 on crops      a network trained with identities of other people, thresholds from tracklets (--crops)

About half an hour on two idle cores, without --adapt and --crops.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

import idfree
from idfree.core.files import write_text
from idfree.detectors import open_detector
from idfree.pipelines.open_appearance import open_appearance
from idfree.pipelines.open_detector import add_colour
from idfree.sequences import open_source

PAGE = Path(__file__).resolve().parents[1] / "docs" / "teach.md"
EVERY = (1, 3, 5)
MIN_SCORE = 0.25
TRUTH = {
    "PETS09-S2L1": "MOT15/train/PETS09-S2L1",
    "TUD-Campus": "MOT15/train/TUD-Campus",
    "ETH-Sunnyday": "moving/ETH-Sunnyday",
    "MOT17-09": "MOT17/train/MOT17-09-SDP",
    "MOT17-04": "MOT17/train/MOT17-04-SDP",
}
DETECTORS = {
    "yolox": ("models/yolox_nano.onnx", {"classes": "person"}),
    "retail": ("models/omz/person-detection-retail-0013-FP16.xml", {"set": ["detector.size=816x480"]}),
}
HALVES = ("PETS09-S2L1", "MOT17-09", "ETH-Sunnyday", "MOT17-04")
ROWS = ("no looks", "colour", "taught, no colour", "taught", "adapt", "0287 on crops")
TEACHER = "models/omz/person-reidentification-retail-0287-eps.onnx"
TIMED = 40  # frames


class Study:
    """The data, the folder of results, and the figures that are known."""

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

    def detector(self, kind):
        file, options = DETECTORS[kind]
        return self.data / file, options

    def frames(self, name):
        return open_source(self.video(name))[0].length

    def taught(self, kind, name, part):
        """The taught file, and what making it took: in a process of its own, as its memory is of interest."""
        run = self.out / kind / part / name / "run"
        file, options = self.detector(kind)

        def make():
            command = [sys.executable, "-m", "idfree", "teach", file, self.video(name), "-o", run, "-q", "--json"]
            command += [word for key, value in options.items() for word in as_option(key, value)]
            command += ["--frames", self.frames(name) // 2 + 1] if part == "half" else []
            start = time.perf_counter()
            report = json.loads(subprocess.run([*map(str, command)], check=True, stdout=subprocess.PIPE).stdout)
            usage = resource.getrusage(resource.RUSAGE_CHILDREN)
            report["seconds"], report["megabytes"] = time.perf_counter() - start, usage.ru_maxrss / 1024
            return {key: value for key, value in report.items() if key not in ("videos", "advice")}

        return self.kept(f"{kind} {part} {name} teach", make)

    def detections(self, kind, name, part, row):
        """The folder of the boxes and embeddings of a row."""
        folder = self.out / kind / part / name / row.replace(" ", "_").replace(",", "")
        model = self.taught(kind, name, part)["model"]
        if row in ("taught", "taught, no colour"):
            options = {"set": ["detector.colour=false"]} if "no colour" in row else {}
            idfree.detect(self.video(name), folder, model, min_score=MIN_SCORE, **options)
            return folder
        boxes = self.detections(kind, name, part, "taught")
        if row == "no looks":
            return boxes
        appearance = {"colour": "colour", "0287 on crops": str(self.data / TEACHER)}.get(row)
        if row == "adapt":
            run = self.out / kind / part / name / "adapt_run"
            frames = {"frames": self.frames(name) // 2 + 1} if part == "half" else {}
            idfree.adapt(self.video(name), run, boxes, **frames)
            appearance = str(run / "appearance.onnx")
        idfree.detect(self.video(name), folder, boxes, appearance=appearance)
        return folder

    def tracked(self, kind, name, part, row):
        """[IDF1, HOTA] in percent at every n-th frame."""

        def make():
            folder, scores = self.detections(kind, name, part, row), []
            for every in EVERY:
                out = folder.parent / "tracks" / f"{row.replace(' ', '_')}-{every}"
                start = self.frames(name) // 2 + 2 if part == "half" else 1
                looks = {"appearance": "none"} if row == "no looks" else {}
                idfree.track_videos(
                    self.video(name), out, detector=folder, every=every, start=start, camera="none", **looks
                )
                half = "val" if part == "half" else "none"
                metrics = idfree.evaluate(out / f"{name}.txt", self.data / TRUTH[name], half=half, every=every)
                scores.append([100 * metrics["COMBINED"][key] for key in ("IDF1", "HOTA")])
            return scores

        return self.kept(f"{kind} {part} {name} {row}", make)

    def retrieval(self, kind, name, part, row):
        """R1, mAP and TPR at FAR 0.1 of embeddings of detections that match the truth, in percent."""

        def make():
            folder = self.detections(kind, name, part, row)
            half = "val" if part == "half" else "none"
            truth = self.data / TRUTH[name]
            file = next(folder.glob("*.npy"))
            metrics = next(iter(idfree.evaluate_appearance(file, truth, half=half).values()))
            return [None if metrics.get(key) is None else 100 * metrics[key] for key in ("R1", "mAP", "TPR@0.1")]

        return self.kept(f"{kind} {part} {name} {row} retrieval", make)

    def times(self, kind, name):
        """CPU milliseconds of a frame by way, one thread, median over frames of one video."""

        def make():
            file, options = self.detector(kind)
            settings = [each.removeprefix("detector.") for each in options.get("set", [])]
            plain = open_detector(
                file, None, options.get("classes", ""), [*settings, f"min_score={MIN_SCORE}"], threads=1
            )
            model = self.taught(kind, name, "whole")["model"]
            taught = [
                open_detector(model, assignments=[f"min_score={MIN_SCORE}", f"colour={colour}"], threads=1)
                for colour in ("false", "true")
            ]
            add_colour(taught[1])
            colour, crops = (open_appearance(each, threads=1) for each in ("colour", str(self.data / TEACHER)))
            ways = {
                "detector alone": plain,
                "taught, no colour": taught[0],
                "taught": taught[1],
                "detector, then colour": partial(then, plain, colour),
                "detector, then 0287": partial(then, plain, crops),
            }
            frames = [frame for frame, _ in zip(open_source(self.video(name))[0], range(TIMED), strict=False)]
            spent = {way: [cpu_time(function, frame) for frame in frames] for way, function in ways.items()}
            boxes = float(np.mean([len(plain(frame).detections) for frame in frames]))
            return {"boxes": boxes, **{way: 1000 * float(np.median(each)) for way, each in spent.items()}}

        return self.kept(f"{kind} {name} times", make)


def then(detector, encoder, frame):
    """Detect, then embed each box."""
    return encoder(frame.image, detector(frame).detections.xyxy)


def cpu_time(function, frame):
    """CPU seconds of a call."""
    start = time.process_time()
    function(frame)
    return time.process_time() - start


def as_option(key, value):
    """Words of the command line."""
    return [f"--{key}", value] if isinstance(value, str) else [w for each in value for w in (f"--{key}", each)]


def cells(scores):
    """IDF1 at 1 / 3 / 5, its mean, and mean HOTA."""
    idf1, hota = np.array(scores).T
    return f"{' / '.join(f'{value:.1f}' for value in idf1)} | {idf1.mean():.1f} | {hota.mean():.1f}"


def tracking_table(study, kind, part, names, rows):
    """Lines of the table of tracking."""
    yield "| video | embeddings | IDF1 at every 1st / 3rd / 5th frame | mean IDF1 | mean HOTA |\n|---|---|---|---|---|"
    means = {}
    for name in names:
        for row in rows:
            scores = study.tracked(kind, name, part, row)
            means.setdefault(row, []).append(scores)
            print(kind, part, name, row, cells(scores), flush=True)
            yield f"| {name} | {row} | {cells(scores)} |"
    for row, scores in means.items():
        yield f"| mean | {row} | {cells(np.mean(scores, axis=0))} |"


def retrieval_table(study, kind, part, names, rows):
    """Lines of the table of retrieval."""
    yield "| video | embeddings | R1 | mAP | TPR at FAR 0.1 |\n|---|---|---|---|---|"
    for name in names:
        for row in (row for row in rows if row != "no looks"):
            values = study.retrieval(kind, name, part, row)
            yield f"| {name} | {row} | " + " | ".join("–" if v is None else f"{v:.1f}" for v in values) + " |"


def cost_tables(study, kind, part, names):
    """Lines of the tables of teaching's cost, and of the time of a frame."""
    yield "| video | tracklets | boxes | seconds | peak MB | boxes identical |\n|---|---|---|---|---|---|"
    for name in names:
        made = study.taught(kind, name, part)
        columns = (made["tracklets"], made["boxes"], round(made["seconds"]), round(made["megabytes"]))
        yield f"| {name} | " + " | ".join(map(str, columns)) + f" | {'yes' if made['identical'] else 'no'} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/teach"))
    parser.add_argument("--only", choices=DETECTORS)
    parser.add_argument("--videos", nargs="+", choices=TRUTH, default=list(TRUTH))
    parser.add_argument("--parts", nargs="+", choices=("whole", "half"), default=["whole", "half"])
    for row in ("adapt", "crops", "alone"):
        parser.add_argument(f"--{row}", action="store_true")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    study, lines = Study(options.data, options.out), []
    wanted = {"adapt": options.adapt, "0287 on crops": options.crops, "taught, no colour": options.alone}
    rows = [row for row in ROWS if wanted.get(row, True)]
    for kind in [options.only] if options.only else DETECTORS:
        for part in options.parts:
            names = [name for name in options.videos if part == "whole" or name in HALVES]
            title = (
                "taught on the video itself" if part == "whole" else "taught on the first half, judged on the second"
            )
            lines += [f"\n### {kind}, {title}\n", *tracking_table(study, kind, part, names, rows), ""]
            lines += [*retrieval_table(study, kind, part, names, rows), "", *cost_tables(study, kind, part, names)]
        name = options.videos[0]
        times = study.times(kind, name)
        lines += [f"\n### {kind}, CPU milliseconds of a frame of {name}, one thread, {times.pop('boxes'):.1f} boxes\n"]
        lines += ["| way | ms |\n|---|---|", *(f"| {way} | {value:.1f} |" for way, value in times.items())]
        page = options.page.read_text(encoding="utf-8")
        start, end = (f"<!-- {kind}: {word} -->" for word in ("begin", "end"))
        text = "\n".join(lines).strip()
        page = re.sub(f"{start}.*{end}", lambda _: f"{start}\n\n{text}\n\n{end}", page, flags=re.DOTALL)  # noqa: B023
        write_text(options.page, page)
        lines = []


if __name__ == "__main__":
    main()
