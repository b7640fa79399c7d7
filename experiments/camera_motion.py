"""What following the camera is worth: no motion, the `flow` of BoT-SORT, and `auto`, on static and moving cameras.

    python experiments/camera_motion.py --data ../shared/data --out runs/camera_motion

writes the tables of docs/camera_motion.md to OUT/table.md. Every video is read once for each detector and frame step;
its detections, colours and camera motion are kept, then each tracker runs on them. A finished part is kept in
OUT/*.json, so that the command goes on where it was stopped; --only NAME restricts it to sequences of that name.
About half an hour of one core.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.appearance import open_encoder
from idfree.core.files import make_folder, write_text
from idfree.core.progress import progress
from idfree.detectors import PrecomputedDetector
from idfree.evaluation.frame_subset import select_every_nth
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.pipelines.open_detector import DetectorConfig
from idfree.pipelines.selection import Selection
from idfree.pipelines.stored_detections import load_detections
from idfree.pipelines.track import prepare
from idfree.pipelines.tracker_settings import with_min_score
from idfree.pipelines.tracking_run import concatenate_tracks
from idfree.pipelines.tuning_sequence import without_image
from idfree.sequences import open_source
from idfree.sequences.motchallenge import open_sequence, read_ground_truth
from idfree.synthetic.moving_camera import move_camera
from idfree.synthetic.scene import make_street
from idfree.trackers.auto_camera_motion import AutoCameraMotion
from idfree.trackers.camera_motion import CameraMotion, no_motion
from idfree.trackers.registry import make_tracker

REAL = {  # video, folder with det/ and gt/
    "TUD-Campus": ("videos/TUD-Campus.mp4", "MOT15/train/TUD-Campus"),
    "ETH-Sunnyday": ("moving/ETH-Sunnyday", "moving/ETH-Sunnyday"),
    "KITTI-17": ("videos/KITTI-17.mp4", "MOT15/train/KITTI-17"),
    "PETS09-S2L1": ("videos/PETS09-S2L1.mp4", "MOT15/train/PETS09-S2L1"),
    "MOT17-09": ("videos/MOT17-09.mp4", "MOT17/train/MOT17-09-FRCNN"),
    "MOT17-04": ("videos/MOT17-04.mp4", "MOT17/train/MOT17-04-FRCNN"),
}
MOVES = ("pan", "zoom", "shake")
TRACKERS = ("bytetrack", "botsort", "ocsort", "fused")
STEPS = (1, 3, 5)
KEYS = ("IDF1", "HOTA", "MOTA")
SIZES = {"640×480": (480, 640), "1080p": (1080, 1920)}  # for the speed


class NoMotion:
    """As if the camera stood still."""

    def estimate(self, image, xyxy=None):
        return no_motion()


CAMERAS = {"none": NoMotion, "flow": CameraMotion, "auto": AutoCameraMotion}


def real(data, name, kind):
    """Sequence, its detector, its truth, what is selected of the detections, and no maps."""
    video, folder = (data / part for part in REAL[name])
    (sequence,) = open_source(video)
    truth = read_ground_truth(folder / "gt" / "gt.txt")
    if kind == "public":
        return sequence, load_detections("det", open_sequence(folder)), truth, Selection(), None
    model = DetectorConfig.from_options(data / "models" / "yolox_nano.onnx", classes="0")
    return sequence, model.open()(sequence), truth, Selection(classes=model.class_numbers()), None


def synthetic(move):
    """The same of a street of 12 seconds, whose simulated detections count as public ones; with the true maps."""
    street, maps = move_camera(make_street(seed=5, people=24, frames=240, size_hw=(720, 1280)), move)
    boxes = replace(street.detections, embedding=None)
    return street.sequence, PrecomputedDetector(boxes, street.sequence.size_hw), street.truth, Selection(), maps


def record(run, step, maps):
    """Views of every `step`-th frame by camera, without images; ms a frame and px of error by camera."""
    sequence, motions = run.sequence, {name: make() for name, make in CAMERAS.items()}
    views = {name: [] for name in CAMERAS}
    spent, errors, pending = {n: [] for n in CAMERAS}, {n: [] for n in CAMERAS}, []
    for frame in progress(sequence, f"{sequence.name} /{step}", sequence.length, False):
        if maps is not None:
            pending.append(maps[frame.number - 1])
        if (frame.number - 1) % step:
            continue
        view = run.make_view(frame)
        for name, motion in motions.items():
            start = time.thread_time()
            camera = motion.estimate(frame.image, view.detections.xyxy)
            spent[name].append(1000 * (time.thread_time() - start))
            if maps is not None:
                errors[name].append(distance(camera, composed(pending), sequence.size_hw))
            views[name].append((frame.number, replace(without_image(view), camera=camera)))
        pending = []
    figures = {
        name: {"ms": float(np.median(spent[name])), "error": float(np.mean(errors[name])) if errors[name] else None}
        for name in CAMERAS
    }
    figures["auto"]["moved"] = float(np.mean([not np.array_equal(v.camera, no_motion()) for _, v in views["auto"]]))
    figures["auto"]["doubtful"] = motions["auto"].doubtful
    return views, figures


def composed(maps):
    """The product of maps, the first applied first."""
    total = np.eye(3)
    for affine in maps:
        total = np.vstack([affine, [0, 0, 1]]) @ total
    return total[:2]


def distance(estimate, truth, size_hw):
    """Mean distance in px of the image's corners under two maps."""
    height, width = size_hw
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]])
    return float(np.linalg.norm(corners @ (estimate - truth).T, axis=1).mean())


def judge(name, views, sequence, truth, step, detector, protocol):
    """Figures of a tracker, with colours for `fused` alone."""
    if name != "fused":
        views = [(n, replace(v, detections=replace(v.detections, embedding=None))) for n, v in views]
    tracker = make_tracker(name, with_min_score(name, (), detector), sequence.frame_rate)
    results = concatenate_tracks([(number, tracker.update(view)) for number, view in views])
    results, _ = select_every_nth(results, step, sequence.length)
    truth, length = select_every_nth(truth, step, sequence.length)
    found = compute_metrics(evaluate(truth, results, *protocol, frames=length))
    return {key: round(100 * found[key], 2) for key in KEYS}


def measure(data, name, kind, step, encoder):
    """All figures of one sequence, detector and frame step."""
    found = synthetic(name) if name in MOVES else real(data, name, kind)
    sequence, detector, truth, selection, maps = found
    run = prepare(sequence, detector, "fused", selection=selection, camera="none", encoder=encoder)
    views, figures = record(run, step, maps)
    protocol = ("plain",) if name in MOVES else ()
    for camera in CAMERAS:
        for tracker in TRACKERS:
            figures[camera][tracker] = judge(tracker, views[camera], sequence, truth, step, detector, protocol)
    return figures


def speed(data):
    """CPU ms a frame by method, at two sizes: the least of three medians over 60 frames of ETH-Sunnyday, resized."""
    import cv2

    cv2.setNumThreads(1)
    (sequence,) = open_source(data / REAL["ETH-Sunnyday"][0])
    images = [frame.image for frame, _ in zip(sequence, range(60), strict=False)]
    found = {}
    for title, (height, width) in SIZES.items():
        resized = [cv2.resize(image, (width, height)) for image in images]
        found[title] = {
            name: min(median_ms(make(), resized) for _ in range(3)) for name, make in CAMERAS.items() if name != "none"
        }
    return found


def median_ms(motion, images):
    """Median of the CPU time of an estimate."""
    spent = []
    for image in images:
        start = time.thread_time()
        motion.estimate(image)
        spent.append(1000 * (time.thread_time() - start))
    return float(np.median(spent[1:]))


def table(results, times):
    """The page's tables in Markdown."""
    lines = ["| sequence, detections | every | " + " | ".join(TRACKERS) + " | px error | auto moved |"]
    lines.append("|---" * (len(TRACKERS) + 4) + "|")
    for (name, kind, step), figures in results.items():
        cells = [" / ".join(f"{figures[c][tracker]['IDF1']:.1f}" for c in CAMERAS) for tracker in TRACKERS]
        errors = [figures[c]["error"] for c in CAMERAS]
        error = " / ".join(f"{e:.2f}" for e in errors) if errors[0] is not None else "–"
        moved = f"{100 * figures['auto']['moved']:.0f} %"
        lines.append(f"| {name}, {kind} | {step} | {' | '.join(cells)} | {error} | {moved} |")
    lines += ["", "| | " + " | ".join(times) + " |", "|---" * (len(times) + 1) + "|"]
    for method in ("flow", "auto"):
        lines.append(f"| {method} | " + " | ".join(f"{row[method]:.1f} ms" for row in times.values()) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/camera_motion"))
    parser.add_argument("--only", nargs="+", default=[*MOVES, *REAL])
    parser.add_argument("--detectors", nargs="+", default=["public", "yolox_nano"])
    options = parser.parse_args()
    make_folder(options.out)
    encoder, results = open_encoder("colour"), {}
    for kind in options.detectors:
        for name in options.only:
            for step in STEPS if name in REAL or kind == "public" else ():
                file = options.out / f"{name}-{kind}-{step}.json"
                if not file.exists():
                    write_text(file, json.dumps(measure(options.data, name, kind, step, encoder), indent=1))
                results[name, kind, step] = json.loads(file.read_text())
    file = options.out / "speed.json"
    if not file.exists():
        write_text(file, json.dumps(speed(options.data), indent=1))
    write_text(options.out / "table.md", table(results, json.loads(file.read_text())))
    print((options.out / "table.md").read_text())


if __name__ == "__main__":
    main()
