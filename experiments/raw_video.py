"""A one-shot tracker from raw video: a detector's boxes and motion-only tracklets as labels.

    python experiments/raw_video.py --data ../shared/data --out runs/raw_video

labels the first halves of MOT17-04, MOT17-09 and PETS09-S2L1 by their public detections, trains `fairmot` on them from
random weights, and compares its tracks of the second halves with `bytetrack` on the detections themselves: the table
in docs/training.md. An interrupted run resumes. About 40 minutes of one core.
"""

import argparse
import contextlib
import io
import json
import shutil
import sys
from pathlib import Path

from idfree.cli import main as idfree
from idfree.core.files import make_folder
from idfree.sequences.motchallenge import read_seqinfo

VIDEOS = {
    "MOT17-04": "MOT17/train/MOT17-04-SDP",
    "MOT17-09": "MOT17/train/MOT17-09-SDP",
    "PETS09-S2L1": "MOT15/train/PETS09-S2L1",
}
NETWORK = ("--backbone", "resnet18-fpn", "--size", "576x320", "--epochs", 7, "--batch", 8, "--lr", 5e-4)
TRAINING = ("--set", "schedule=cosine", "--set", "warm_up=100", "--set", "threads=1")
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
    """Write detections and truth under the videos' names."""
    for name, folder in VIDEOS.items():
        make_folder(out / "detections")
        shutil.copyfile(data / folder / "det" / "det.txt", out / "detections" / f"{name}.txt")
        make_folder(out / "truth" / name / "gt")
        shutil.copyfile(data / folder / "gt" / "gt.txt", out / "truth" / name / "gt" / "gt.txt")
        shutil.copyfile(data / folder / "seqinfo.ini", out / "truth" / name / "seqinfo.ini")


def train_network(data, out):
    """Train the network; its ONNX file."""
    for name, folder in VIDEOS.items():
        half = read_seqinfo(data / folder).length // 2 + 1
        source = (data / "videos" / f"{name}.mp4", "--detector", out / "detections" / f"{name}.txt")
        run("label", *source, "--frames", half, "--everybody", "-o", out / "labels")
    model = out / "run" / "model.onnx"
    if not model.exists():
        run("train", "fairmot", out / "labels", *NETWORK, *TRAINING, "--resume", "-o", model.parent)
    return model


def evaluate_tracks(data, out, detections, *options):
    """Tracking metrics of the second halves."""
    results = out / "-".join(("tracks", detections.name, *options)).replace("---", "-")
    for name in VIDEOS:
        run("track", data / "videos" / f"{name}.mp4", "--detector", detections, *options, "-o", results)
    found = run("eval", results, out / "truth", "--half", "val")["COMBINED"]
    return {name: found[name] for name in SHOWN}


def precision(out, detections):
    """Average precision of the second halves' boxes."""
    return {"AP": run("eval-detections", detections, out / "truth", "--half", "val")["COMBINED"]["AP"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/raw_video"))
    options = parser.parse_args()
    data, out = options.data.resolve(), options.out
    write_inputs(data, out)
    model = train_network(data, out)
    detected, given = out / "detected", out / "detections"
    for name in VIDEOS:
        run("detect", data / "videos" / f"{name}.mp4", "--detector", model, "--limit", "tracklets", "-o", detected)
    found, teacher = precision(out, detected), precision(out, given)
    bare = ("--tracker", "fused", "--appearance", "none")
    rows = {
        "the network, fused": found | evaluate_tracks(data, out, detected, "--tracker", "fused"),
        "the network, fairmot": found | evaluate_tracks(data, out, detected, "--tracker", "fairmot"),
        "the network's boxes alone, fused": found | evaluate_tracks(data, out, detected, *bare),
        "the detections it train_network from, bytetrack": teacher
        | evaluate_tracks(data, out, given, "--tracker", "bytetrack"),
    }
    for title, figures in rows.items():
        print(f"{title:<42}", *(f"{name} {100 * value:.1f}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
