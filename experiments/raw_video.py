"""Tracking with a one-shot network trained on detections and motion-only tracklets, beside tracking its training boxes.

    python experiments/raw_video.py --data ../shared/data --out runs/raw_video

Labels the first halves of MOT17-04, MOT17-09 and PETS09-S2L1 by their public detections, trains `fairmot` on them from
random weights, and compares its tracks of the second halves with those of `bytetrack` on the detections. Prints the
table of docs/training.md. An interrupted run resumes. Takes about 40 minutes of one core.
"""

import contextlib
import io
import json
import shutil
import sys

from footage import TRAINING, TRUTH, video_path
from study import make_parser

from idfree.cli import main as idfree
from idfree.core.files import make_folder
from idfree.sequences.motchallenge import read_seqinfo

NETWORK = ("--backbone", "resnet18-fpn", "--size", "576x320", "--epochs", 7, "--batch", 8, "--lr", 5e-4)
SCHEDULE = ("--set", "schedule=cosine", "--set", "warm_up=100", "--set", "threads=1")
SHOWN = ("MOTA", "IDF1", "HOTA")


def run(*words):
    """Run a command of the command line; its JSON output. Exits if it fails."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = idfree([*map(str, words), "--json"])
    if status:
        sys.exit(status)
    return json.loads(printed.getvalue())


def write_inputs(data, out):
    """Copy detections and ground truth to OUT/detections and OUT/truth under the names of the videos."""
    make_folder(out / "detections")
    for name in TRAINING:
        folder = data / TRUTH[name]
        shutil.copyfile(folder / "det" / "det.txt", out / "detections" / f"{name}.txt")
        make_folder(out / "truth" / name / "gt")
        shutil.copyfile(folder / "gt" / "gt.txt", out / "truth" / name / "gt" / "gt.txt")
        shutil.copyfile(folder / "seqinfo.ini", out / "truth" / name / "seqinfo.ini")


def train_network(data, out):
    """Train the network unless it is there; its ONNX file."""
    for name in TRAINING:
        half = read_seqinfo(data / TRUTH[name]).length // 2 + 1
        source = (video_path(data, name), "--detector", out / "detections" / f"{name}.txt")
        run("label", *source, "--frames", half, "--everybody", "-o", out / "labels")
    model = out / "run" / "model.onnx"
    if not model.exists():
        run("train", "fairmot", out / "labels", *NETWORK, *SCHEDULE, "--resume", "-o", model.parent)
    return model


def evaluate_tracks(data, out, detections, *options):
    """Tracking metrics of the second halves."""
    results = out / "-".join(("tracks", detections.name, *options)).replace("---", "-")
    for name in TRAINING:
        run("track", video_path(data, name), "--detector", detections, *options, "-o", results)
    found = run("eval", results, out / "truth", "--half", "val")["COMBINED"]
    return {name: found[name] for name in SHOWN}


def average_precision(out, detections):
    """AP of the boxes of the second halves."""
    return {"AP": run("eval-detections", detections, out / "truth", "--half", "val")["COMBINED"]["AP"]}


def measure(data, out, model):
    """Metrics by title."""
    detected, given = out / "detected", out / "detections"
    for name in TRAINING:
        run("detect", video_path(data, name), "--detector", model, "--limit", "tracklets", "-o", detected)
    trackers = {
        "the network, fused": (detected, "--tracker", "fused"),
        "the network, fairmot": (detected, "--tracker", "fairmot"),
        "the network's boxes, fused, motion only": (detected, "--tracker", "fused", "--appearance", "none"),
        "the detections it is trained on, bytetrack": (given, "--tracker", "bytetrack"),
    }
    precision = {folder: average_precision(out, folder) for folder in (detected, given)}
    return {
        title: precision[boxes] | evaluate_tracks(data, out, boxes, *options)
        for title, (boxes, *options) in trackers.items()
    }


def main():
    options = make_parser(__doc__, "raw_video").parse_args()
    data, out = options.data.resolve(), options.out
    write_inputs(data, out)
    for title, figures in measure(data, out, train_network(data, out)).items():
        print(f"{title:<42}", *(f"{name} {100 * value:.1f}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
