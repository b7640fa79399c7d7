"""synthetic streets with exact ground truth and simulated detections, as MOTChallenge folders

example: idfree data synth -o streets --scenes 4 --camera shake --misses 0.1
"""

import argparse
from typing import Any

from idfree.commands.common_options import output_folder
from idfree.commands.next_steps import command_line, next_step, tell


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "-o",
        "--out",
        type=output_folder,
        required=True,
        help="folder to write a folder street-SEED for each scene into",
    )
    parser.add_argument(
        "--scenes",
        type=int,
        default=1,
        metavar="N",
        help="number of scenes, with the seeds --seed, --seed + 1 … (default: 1)",
    )
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="number of scenes made in parallel (default: 1)"
    )
    add_video(parser)
    add_people(parser)
    add_recording(parser)
    add_detections(parser)


def add_video(parser: argparse.ArgumentParser) -> None:
    """Declare the length and the size of the videos."""
    add = parser.add_argument
    add("--frames", type=int, default=200, metavar="N", help="number of frames of a scene (default: 200)")
    add("--fps", type=float, default=20.0, help="frames per second (default: 20)")
    add("--width", type=int, default=640, metavar="PX", help="width of the images (default: 640)")
    add("--height", type=int, default=480, metavar="PX", help="height of the images (default: 480)")
    add("--images", action="store_true", help="write JPEG files in img1/ instead of a video")


def add_people(parser: argparse.ArgumentParser) -> None:
    """Declare who walks in the street, and what hides them."""
    add = parser.add_argument
    add("--people", type=int, default=24, metavar="N", help="number of people in a scene (default: 24)")
    add(
        "--lookalikes",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="share of the people who wear the clothes of another (default: 0.2)",
    )
    add(
        "--occlusion",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="time that a barrier hides those who pass behind it; 0: no barrier (default: 0)",
    )


def add_recording(parser: argparse.ArgumentParser) -> None:
    """Declare how the camera moves, and how well it sees."""
    add = parser.add_argument
    add(
        "--camera",
        choices=("still", "pan", "zoom", "shake"),
        default="still",
        help="motion of the camera (default: still)",
    )
    add("--light", type=float, default=1.0, metavar="FACTOR", help="factor of brightness; 0.3 is dusk (default: 1)")
    add(
        "--noise",
        type=float,
        default=0.0,
        metavar="LEVELS",
        help="standard deviation of the image noise, in grey levels of 255 (default: 0)",
    )


def add_detections(parser: argparse.ArgumentParser) -> None:
    """Declare the faults of the simulated detections."""
    add = parser.add_argument
    add(
        "--misses",
        type=float,
        default=0.02,
        metavar="SHARE",
        help="share of fully visible people without a detection (default: 0.02)",
    )
    add(
        "--jitter",
        type=float,
        default=0.03,
        metavar="SHARE",
        help="standard deviation of detected boxes, relative to their size (default: 0.03)",
    )
    add(
        "--false-positives",
        type=float,
        default=0.3,
        metavar="N",
        help="mean number of false positives per frame (default: 0.3)",
    )
    add(
        "--merged",
        type=float,
        default=0.0,
        metavar="P",
        help="probability that two overlapping people get one detection (default: 0)",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Write streets; print and return their folders."""
    from idfree.pipelines.synthesise import SceneSettings, synthesise
    from idfree.synthetic.street import StreetSettings

    street = StreetSettings(
        lookalikes=options.lookalikes,
        miss_clear=options.misses,
        jitter=options.jitter,
        false_positives=options.false_positives,
        merged=options.merged,
    )
    settings = SceneSettings(
        people=options.people,
        frames=options.frames,
        frame_rate=options.fps,
        size_hw=(options.height, options.width),
        occlusion=options.occlusion,
        camera=options.camera,
        light=options.light,
        noise=options.noise,
        images=options.images,
        street=street,
    )
    folders = synthesise(options.out, settings, options.scenes, options.seed, options.workers, options.quiet)
    written = [str(folder) for folder in folders]
    tell(options, *written, next_step("To track them", command_line("track", options.out, "--detector", "det")))
    return {"written": written}
