"""Demonstration on a synthetic street: compare trackers, and write a video, an image and the tracks."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from idfree.core.files import make_folder, write_bytes
from idfree.core.progress import progress
from idfree.core.types import Annotation, Image, Tracks
from idfree.detectors import PrecomputedDetector
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.pipelines.track import prepare
from idfree.pipelines.tracking_run import TrackingRun, concatenate_tracks
from idfree.sequences.motchallenge import write_results
from idfree.show.video_output import VideoOutput
from idfree.synthetic.scene import SyntheticSequence, make_street

TRACKERS = {"sort": "motion alone", "bytetrack": "motion, with weak detections", "fused": "motion and appearance"}
MIN_VISIBILITY = 0.25  # less visible people are ignored in the evaluation


@dataclass(frozen=True)
class DemoResult:
    """Files of the demonstration, and TrackEval's metrics by tracker."""

    video: Path
    image: Path
    tracks: Path
    metrics: dict[str, dict[str, float]]


def run_demo(out: str | Path, *, people: int = 24, frames: int = 200, seed: int = 0, quiet: bool = True) -> DemoResult:
    """Render a street of 20 frames per second, track it with TRACKERS, and write the tracks of `fused`."""
    out = Path(out)
    make_folder(out)
    street = make_street(seed, people, frames)
    metrics = {f"{name}: {cues}": measure(street, name) for name, cues in TRACKERS.items()}
    result = DemoResult(out / "street.mp4", out / "street.png", out / "street.txt", metrics)
    tracks, image = write_video(street, result.video, frames, quiet)
    write_results(result.tracks, tracks)
    if image is not None:
        write_bytes(result.image, cv2.imencode(".png", image)[1].tobytes())
    return result


def measure(street: SyntheticSequence, tracker: str) -> dict[str, float]:
    """TrackEval's metrics of a tracker on the simulated detections; no image is rendered."""
    results = prepare_run(street, tracker, images=False).track_all()
    ground_truth = replace(street.truth, score=(street.truth.visibility >= MIN_VISIBILITY).astype(float))
    return compute_metrics(evaluate(ground_truth, results, "plain", street.sequence.length))


def write_video(street: SyntheticSequence, path: Path, frames: int, quiet: bool) -> tuple[Annotation, Image | None]:
    """Track with `fused` and write the annotated video; return the tracks, and the image with the most of them."""
    run = prepare_run(street, "fused", images=True)
    most, fullest = 0, None
    results: list[tuple[int, Tracks]] = []
    with VideoOutput(path, street.sequence.frame_rate) as output:
        for frame, tracks in progress(run, "demo", frames, quiet):
            image = output.add(frame, tracks)
            results.append((frame.number, tracks))
            if len(tracks) > most:
                most, fullest = len(tracks), image
    return concatenate_tracks(results), fullest


def prepare_run(street: SyntheticSequence, tracker: str, images: bool) -> TrackingRun:
    """A run on the simulated detections."""
    detector = PrecomputedDetector(street.detections, street.sequence.size_hw)
    return prepare(street.sequence, detector, tracker, images=images)
