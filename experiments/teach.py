"""Tracking and retrieval with the embeddings of `idfree teach`, and its cost, on the boxes of the taught detector.

    python experiments/teach.py --data ../shared/data --out runs/teach [--only yolox|retail] [--videos PETS09-S2L1 …]

Writes the tables of docs/teach.md. Detectors: yolox_nano (416×416) and, with the package openvino,
person-detection-retail-0013 (480×816). "whole": trained and evaluated on the same video, which is valid as no label
is read; "half": trained on the first half, evaluated on the second. All rows have the same boxes, those of score 0.25
and more. Rows:

    motion only        the default tracker without appearance, bytetrack
    colour             striped colour histograms with their own thresholds
    taught, no colour  the head alone (--set detector.colour=false; with --alone)
    taught             the head and the colour histogram, the default of `idfree teach`
    adapt              what `idfree adapt` selects for the same boxes without training a network (with --adapt)
    0287 on crops      a re-identification network trained on other people, thresholds from tracklets (with --crops)

Takes about half an hour of two idle cores, without --adapt and --crops.
"""

import json
import resource
import subprocess
import sys
import time
from collections import defaultdict

import numpy as np
from footage import STEP_TITLES, TRUTH, file_name, step_cells, track_at_steps, video_path
from study import DOCS, Results, make_parser, markdown_header, markdown_row, markdown_table, write_section
from teach_times import frame_times

import idfree
from idfree.sequences import open_source

VIDEOS = ("PETS09-S2L1", "TUD-Campus", "ETH-Sunnyday", "MOT17-09", "MOT17-04")
HALVES = ("PETS09-S2L1", "MOT17-09", "ETH-Sunnyday", "MOT17-04")  # long enough for two halves
MIN_SCORE = 0.25
DETECTORS = {
    "yolox": ("models/yolox_nano.onnx", {"classes": "person"}),
    "retail": ("models/omz/person-detection-retail-0013-FP16.xml", {"set": ["detector.size=816x480"]}),
}
ROWS = ("motion only", "colour", "taught, no colour", "taught", "adapt", "0287 on crops")
TEACHER = "models/omz/person-reidentification-retail-0287-eps.onnx"
PARTS = {"whole": "trained on the same video", "half": "trained on the first half, evaluated on the second"}


class Study:
    """The detector of one kind, and its results."""

    def __init__(self, data, out, kind):
        self.data, self.out, self.kind = data, out / kind, kind
        file, self.options = DETECTORS[kind]
        self.file, self.results = data / file, Results(out)

    def half_options(self, name, part):
        """Options that limit training to the first half of a video."""
        return {"frames": open_source(video_path(self.data, name))[0].length // 2 + 1} if part == "half" else {}

    def taught(self, name, part):
        """The report of `idfree teach`, with its seconds and peak memory in MB."""
        return self.results.get(f"{self.kind} {part} {name} teach", lambda: self.teach(name, part))

    def teach(self, name, part):
        """Run `idfree teach` in a process of its own, to measure its memory."""
        video, run = video_path(self.data, name), self.out / part / name / "run"
        command = [sys.executable, "-m", "idfree", "teach", self.file, video, "-o", run, "-q", "--json"]
        for key, value in (self.options | self.half_options(name, part)).items():
            for each in value if isinstance(value, list) else [value]:
                command += [f"--{key}", each]
        start = time.perf_counter()
        report = json.loads(subprocess.run([*map(str, command)], check=True, stdout=subprocess.PIPE).stdout)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        report["seconds"], report["megabytes"] = time.perf_counter() - start, usage.ru_maxrss / 1024
        return {key: value for key, value in report.items() if key not in ("videos", "advice")}

    def detections(self, name, part, row):
        """The folder with the boxes and embeddings of a row, made unless it is there."""
        video, folder = video_path(self.data, name), self.out / part / name / file_name(row)
        if row in ("taught", "taught, no colour"):
            options = {"set": ["detector.colour=false"]} if "no colour" in row else {}
            idfree.detect(video, folder, self.taught(name, part)["model"], min_score=MIN_SCORE, **options)
            return folder
        boxes = self.detections(name, part, "taught")
        if row == "motion only":
            return boxes
        idfree.detect(video, folder, boxes, appearance=self.appearance(name, part, row, boxes))
        return folder

    def appearance(self, name, part, row, boxes):
        """The encoder of boxes of a row, as `--appearance` takes it."""
        if row != "adapt":
            return {"colour": "colour", "0287 on crops": str(self.data / TEACHER)}[row]
        run = self.out / part / name / "adapt_run"
        idfree.adapt(video_path(self.data, name), run, boxes, train=False, **self.half_options(name, part))
        return str(run / "appearance.onnx")

    def tracked(self, name, part, row):
        """(IDF1, HOTA) in percent at each frame step."""
        return self.results.get(f"{self.kind} {part} {name} {row}", lambda: self.track(name, part, row))

    def track(self, name, part, row):
        folder = self.detections(name, part, row)
        options = {"appearance": "none"} if row == "motion only" else {}
        options["half"] = "val" if part == "half" else "none"
        options["start"] = self.half_options(name, part).get("frames", 0) + 1
        video, out = video_path(self.data, name), folder.parent / "tracks" / row.replace(" ", "_")
        return track_at_steps(video, out, self.data / TRUTH[name], detector=folder, camera="none", **options)

    def retrieval(self, name, part, row):
        """R1, mAP and TPR at FAR 0.1 in percent, of detections that match the ground truth; None where undefined."""
        return self.results.get(f"{self.kind} {part} {name} {row} retrieval", lambda: self.retrieve(name, part, row))

    def retrieve(self, name, part, row):
        (file, *_) = self.detections(name, part, row).glob("*.npy")
        half = "val" if part == "half" else "none"
        (metrics, *_) = idfree.evaluate_appearance(file, self.data / TRUTH[name], half=half).values()
        return [None if metrics.get(key) is None else 100 * metrics[key] for key in ("R1", "mAP", "TPR@0.1")]

    def times(self, name):
        """CPU milliseconds a frame of a video by way, and the mean number of boxes."""
        teacher = self.data / TEACHER

        def measure():
            model = self.taught(name, "whole")["model"]
            return frame_times(video_path(self.data, name), (self.file, self.options), model, teacher, MIN_SCORE)

        return self.results.get(f"{self.kind} {name} times", measure)


def tracking_lines(study, part, names, rows):
    """Lines of the table of tracking."""
    yield markdown_header("video", "embeddings", *STEP_TITLES)
    scores_of = defaultdict(list)
    for name in names:
        for row in rows:
            scores = study.tracked(name, part, row)
            scores_of[row].append(scores)
            print(study.kind, part, markdown_row(name, row, *step_cells(scores)), flush=True)
            yield markdown_row(name, row, *step_cells(scores))
    for row, scores in scores_of.items():
        yield markdown_row("mean", row, *step_cells(np.mean(scores, axis=0)))


def retrieval_lines(study, part, names, rows):
    """Lines of the table of retrieval."""
    yield markdown_header("video", "embeddings", "R1", "mAP", "TPR at FAR 0.1")
    for name in names:
        for row in (row for row in rows if row != "motion only"):
            values = study.retrieval(name, part, row)
            yield markdown_row(name, row, *("–" if value is None else f"{value:.1f}" for value in values))


def cost_lines(study, part, names):
    """Lines of the table of the cost of `idfree teach`."""
    yield markdown_header("video", "tracklets", "boxes", "seconds", "peak MB", "boxes identical")
    for name in names:
        report = study.taught(name, part)
        counts = (report["tracklets"], report["boxes"], round(report["seconds"]), round(report["megabytes"]))
        yield markdown_row(name, *counts, "yes" if report["identical"] else "no")


def section_lines(study, parts, videos, rows):
    """Lines of the section of one detector."""
    for part in parts:
        names = [name for name in videos if part == "whole" or name in HALVES]
        yield f"\n### {study.kind}, {PARTS[part]}\n"
        yield from tracking_lines(study, part, names, rows)
        yield ""
        yield from retrieval_lines(study, part, names, rows)
        yield ""
        yield from cost_lines(study, part, names)
    times = dict(study.times(videos[0]))
    boxes = times.pop("boxes")
    yield f"\n### {study.kind}, CPU milliseconds of a frame of {videos[0]}, one thread, {boxes:.1f} boxes\n"
    yield markdown_table(("pipeline", "ms"), ((way, f"{value:.1f}") for way, value in times.items()))


def main():
    parser = make_parser(__doc__, "teach", DOCS / "teach.md")
    parser.add_argument("--only", choices=DETECTORS, help="one detector (default both)")
    parser.add_argument("--videos", nargs="+", choices=VIDEOS, default=list(VIDEOS))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    optional = {"adapt": "adapt", "crops": "0287 on crops", "alone": "taught, no colour"}
    for option, row in optional.items():
        parser.add_argument(f"--{option}", action="store_true", help=f"add the row {row}")
    options = parser.parse_args()
    left_out = {row for option, row in optional.items() if not getattr(options, option)}
    rows = [row for row in ROWS if row not in left_out]
    for kind in [options.only] if options.only else DETECTORS:
        study = Study(options.data, options.out, kind)
        write_section(options.page, kind, section_lines(study, options.parts, options.videos, rows))


if __name__ == "__main__":
    main()
