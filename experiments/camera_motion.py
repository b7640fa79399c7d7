"""Tracking with no camera motion, BoT-SORT's `flow` and `auto`, on static and moving cameras; their error and speed.

    python experiments/camera_motion.py --data ../shared/data --out runs/camera_motion

Writes the tables of docs/camera_motion.md to OUT/table.md. Every video is read once for each detector and frame step;
all trackers run on the same detections, colour histograms and camera motion. Results are stored in OUT/*.json; --only
NAME restricts the run to sequences of that name. Takes about half an hour of one core.
"""

import time
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

import numpy as np
from footage import EVERY, TRUTH, video_path
from study import make_parser, markdown_header, markdown_row, stored

from idfree.appearance import open_encoder
from idfree.core.files import write_text
from idfree.core.progress import progress
from idfree.core.types import Annotation, Sequence
from idfree.detectors import PrecomputedDetector
from idfree.evaluation.frame_subset import select_every_nth
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.pipelines.detection.open_detector import DetectorConfig
from idfree.pipelines.detection.stored_detections import load_detections
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.tracking.tracker_settings import with_min_score
from idfree.pipelines.tracking.tracking_run import concatenate_tracks
from idfree.pipelines.tuning.sequence import without_image
from idfree.sequences import open_source
from idfree.sequences.motchallenge import open_sequence, read_ground_truth
from idfree.synthetic.moving_camera import move_camera
from idfree.synthetic.scene import make_street
from idfree.trackers.auto_camera_motion import AutoCameraMotion
from idfree.trackers.camera_motion import CameraMotion, no_motion
from idfree.trackers.registry import make_tracker

VIDEOS = {name: folder.replace("-SDP", "-FRCNN") for name, folder in TRUTH.items()}  # with det/ and gt/
MOVES = ("pan", "zoom", "shake")  # of a synthetic camera
DETECTORS = ("public", "yolox_nano")
TRACKERS = ("bytetrack", "botsort", "ocsort", "fused")
KEYS = ("IDF1", "HOTA", "MOTA")
TIMED_SIZES = {"640×480": (480, 640), "1080p": (1080, 1920)}
TIMED_FRAMES, ROUNDS = 60, 3


class NoMotion:
    """A static camera."""

    def estimate(self, image, xyxy=None):
        return no_motion()


CAMERAS = {"none": NoMotion, "flow": CameraMotion, "auto": AutoCameraMotion}


@dataclass(frozen=True)
class Source:
    """A sequence, its detector, ground truth, and selection of detections.

    motion: true maps (F, 2, 3) from the previous frame, if they are known. protocol: of the evaluation.
    """

    sequence: Sequence
    detector: object
    truth: Annotation
    selection: Selection = field(default_factory=Selection)
    motion: np.ndarray | None = None
    protocol: tuple = ()


def open_real(data, name, kind):
    """A recorded video with its public detections, or those of yolox_nano."""
    folder = data / VIDEOS[name]
    (sequence,) = open_source(video_path(data, name))
    truth = read_ground_truth(folder / "gt" / "gt.txt")
    if kind == "public":
        return Source(sequence, load_detections("det", open_sequence(folder)), truth)
    model = DetectorConfig.from_options(data / "models" / "yolox_nano.onnx", classes="0")
    return Source(sequence, model.open()(sequence), truth, Selection(classes=model.class_numbers()))


def open_synthetic(move):
    """A rendered street of 12 seconds seen by a moving camera, with simulated detections and the true motion."""
    street, motion = move_camera(make_street(seed=5, people=24, frames=240, size_hw=(720, 1280)), move)
    boxes = PrecomputedDetector(replace(street.detections, embedding=None), street.sequence.size_hw)
    return Source(street.sequence, boxes, street.truth, motion=motion, protocol=("plain",))


class Recording:
    """Views without images of every n-th frame by camera motion, with the time and the error of each estimate."""

    def __init__(self, source, step):
        self.source, self.step = source, step
        self.estimators = {name: make() for name, make in CAMERAS.items()}
        self.views, self.milliseconds, self.errors = ({name: [] for name in CAMERAS} for _ in range(3))

    def run(self, run):
        """Read the sequence. run: gives the view of a frame."""
        sequence, motion, pending = self.source.sequence, self.source.motion, []
        for frame in progress(sequence, f"{sequence.name} /{self.step}", sequence.length, False):
            if motion is not None:
                pending.append(motion[frame.number - 1])
            if (frame.number - 1) % self.step == 0:
                self.add(frame, run.make_view(frame), pending)
                pending = []
        return self

    def add(self, frame, view, motion):
        """Add a frame. motion: the true maps since the last one, none if they are not known."""
        for name, estimator in self.estimators.items():
            start = time.thread_time()
            camera = estimator.estimate(frame.image, view.detections.xyxy)
            self.milliseconds[name].append(1000 * (time.thread_time() - start))
            if motion:
                self.errors[name].append(corner_error(camera, compose(motion), self.source.sequence.size_hw))
            self.views[name].append((frame.number, replace(without_image(view), camera=camera)))

    def figures(self):
        """Median ms a frame and mean error in px by camera motion; how often `auto` moved, and doubted."""
        figures = {}
        for name, errors in self.errors.items():
            error = float(np.mean(errors)) if errors else None
            figures[name] = {"ms": float(np.median(self.milliseconds[name])), "error": error}
        moved = [not np.array_equal(view.camera, no_motion()) for _, view in self.views["auto"]]
        return figures | {
            "auto": figures["auto"] | {"moved": float(np.mean(moved)), "doubtful": self.estimators["auto"].doubtful}
        }


def compose(maps):
    """The product (2, 3) of affine maps, the first applied first."""
    total = np.eye(3)
    for affine in maps:
        total = np.vstack([affine, [0, 0, 1]]) @ total
    return total[:2]


def corner_error(estimate, truth, size_hw):
    """Mean distance in px of the image's corners under two maps."""
    height, width = size_hw
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]])
    return float(np.linalg.norm(corners @ (estimate - truth).T, axis=1).mean())


def track(name, views, source, step):
    """Metrics in percent of a tracker; colour histograms are used by `fused` only."""
    if name != "fused":
        views = [(n, replace(view, detections=replace(view.detections, embedding=None))) for n, view in views]
    tracker = make_tracker(name, with_min_score(name, (), source.detector), source.sequence.frame_rate)
    results = concatenate_tracks([(number, tracker.update(view)) for number, view in views])
    results, _ = select_every_nth(results, step, source.sequence.length)
    truth, length = select_every_nth(source.truth, step, source.sequence.length)
    found = compute_metrics(evaluate(truth, results, *source.protocol, frames=length))
    return {key: round(100 * found[key], 2) for key in KEYS}


def measure(data, name, kind, step, encoder):
    """All results of one sequence, detector and frame step."""
    source = open_synthetic(name) if name in MOVES else open_real(data, name, kind)
    run = make_tracking_run(
        source.sequence, source.detector, "fused", selection=source.selection, camera="none", encoder=encoder
    )
    recording = Recording(source, step).run(run)
    figures = recording.figures()
    for camera in CAMERAS:
        figures[camera] |= {name: track(name, recording.views[camera], source, step) for name in TRACKERS}
    return figures


def measure_speed(data):
    """CPU ms a frame by estimator and image size: the least of three medians over frames of ETH-Sunnyday, resized."""
    import cv2

    cv2.setNumThreads(1)
    (sequence,) = open_source(video_path(data, "ETH-Sunnyday"))
    images, found = [frame.image for frame in islice(sequence, TIMED_FRAMES)], {}
    for title, (height, width) in TIMED_SIZES.items():
        resized = [cv2.resize(image, (width, height)) for image in images]
        estimators = {name: make for name, make in CAMERAS.items() if name != "none"}
        found[title] = {
            name: min(median_ms(make(), resized) for _ in range(ROUNDS)) for name, make in estimators.items()
        }
    return found


def median_ms(motion, images):
    """Median of the CPU time of an estimate, without the first."""
    spent = []
    for image in images:
        start = time.thread_time()
        motion.estimate(image)
        spent.append(1000 * (time.thread_time() - start))
    return float(np.median(spent[1:]))


def table_lines(results, times):
    """Lines of the page's tables; cells hold the values with no motion, `flow` and `auto`."""
    yield markdown_header("sequence, detections", "every", *TRACKERS, "px error", "auto moved")
    for (name, kind, step), figures in results.items():
        cells = [" / ".join(f"{figures[c][tracker]['IDF1']:.1f}" for c in CAMERAS) for tracker in TRACKERS]
        errors = [figures[c]["error"] for c in CAMERAS]
        error = " / ".join(f"{e:.2f}" for e in errors) if errors[0] is not None else "–"
        yield markdown_row(f"{name}, {kind}", step, *cells, error, f"{100 * figures['auto']['moved']:.0f} %")
    yield "\n" + markdown_header("", *times)
    for method in ("flow", "auto"):
        yield markdown_row(method, *(f"{row[method]:.1f} ms" for row in times.values()))


def main():
    parser = make_parser(__doc__, "camera_motion")
    parser.add_argument("--only", nargs="+", choices=[*MOVES, *VIDEOS], default=[*MOVES, *VIDEOS])
    parser.add_argument("--detectors", nargs="+", choices=DETECTORS, default=list(DETECTORS))
    options = parser.parse_args()
    encoder, results = open_encoder("colour"), {}
    for kind in options.detectors:
        for name in options.only:
            for step in EVERY if name in VIDEOS or kind == "public" else ():
                file = options.out / f"{name}-{kind}-{step}.json"
                results[name, kind, step] = stored(file, partial(measure, options.data, name, kind, step, encoder))
    times = stored(options.out / "speed.json", partial(measure_speed, options.data))
    text = "\n".join(table_lines(results, times)) + "\n"
    write_text(options.out / "table.md", text)
    print(text)


if __name__ == "__main__":
    main()
