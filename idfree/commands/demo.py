"""see it work: a made-up street, tracked, as a video, a picture and a table

example: idfree demo -o runs/demo
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.core.files import make_folder, whole

if TYPE_CHECKING:
    from idfree.core.types import Annotation, Image
    from idfree.synthetic.scene import SyntheticSequence

TRACKERS = {"sort": "motion alone", "bytetrack": "motion, with weak detections", "fused": "motion and appearance"}
SEEN = 0.25  # people of whom less is visible need not be found


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    parser.add_argument("-o", "--out", type=Path, default=Path("runs/demo"), help="folder for the results")
    parser.add_argument("--frames", type=int, default=200, help="how long the street is watched, at 20 frames a second")
    parser.add_argument("--people", type=int, default=24, help="how many pass by")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Draw the street, track it, write what came of it; gives the paths and the figures."""
    from idfree.sequences.motchallenge import write_results
    from idfree.show import tables
    from idfree.synthetic.scene import street

    make_folder(options.out)
    made = street(options.seed, options.people, options.frames)
    figures = {f"{name}: {words}": score(made, follow(made, name)) for name, words in TRACKERS.items()}
    video, picture, text = (options.out / f"street.{suffix}" for suffix in ("mp4", "png", "txt"))
    result, still = film(made, video, options)
    write_results(text, result)
    write_picture(picture, still)
    if not options.json:
        columns = tuple(c for c in tables.TRACKING if c.key in ("HOTA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN"))
        print(f"{options.people} made-up people, {options.frames} frames; the detector misses some and invents a few:")
        tables.show(tables.comparison({name: {"COMBINED": each} for name, each in figures.items()}, columns))
        print(f"  video    {video}\n  picture  {picture}\n  tracks   {text}")
        print("Your own: idfree track VIDEO --detector MODEL.onnx --video")
    return {"video": str(video), "picture": str(picture), "tracks": str(text), "figures": figures}


def follow(made: "SyntheticSequence", tracker: str) -> "Annotation":
    """What a tracker makes of the street's detections, no picture drawn."""
    from idfree.detectors import PrecomputedDetector
    from idfree.pipelines.track import prepare

    run = prepare(made.sequence, PrecomputedDetector(made.detections, made.sequence.size_hw), tracker, images=False)
    for _ in run:
        pass
    return run.result()


def score(made: "SyntheticSequence", result: "Annotation") -> dict[str, float]:
    """TrackEval's figures of a result."""
    from idfree.evaluation.tracking import evaluate, figures

    truth = replace(made.truth, score=(made.truth.visibility >= SEEN).astype(float))
    return figures(evaluate(truth, result, "plain", made.sequence.length))


def film(made: "SyntheticSequence", path: Path, options: argparse.Namespace) -> "tuple[Annotation, Image | None]":
    """Track the street with appearance and write the annotated video; gives the tracks and the fullest picture."""
    from idfree.core.progress import progress
    from idfree.detectors import PrecomputedDetector
    from idfree.pipelines.track import prepare
    from idfree.show.video_output import VideoOutput

    run = prepare(made.sequence, PrecomputedDetector(made.detections, made.sequence.size_hw), "fused")
    most, still = 0, None
    with VideoOutput(path, made.sequence.frame_rate) as camera:
        for frame, tracks in progress(run, "demo", options.frames, options.quiet):
            picture = camera.add(frame, tracks)
            if len(tracks) > most:
                most, still = len(tracks), picture
    return run.result(), still


def write_picture(path: Path, image: "Image | None") -> None:
    """A PNG file, whole or not at all."""
    import cv2

    if image is not None:
        with whole(path) as partial:
            cv2.imwrite(str(partial), image)
