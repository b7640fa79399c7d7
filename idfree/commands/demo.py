"""see it work: a made-up street, tracked, as a video and a picture

example: idfree demo -o runs/demo
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.files import make_folder, whole
from idfree.types import Image


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    parser.add_argument("-o", "--out", type=Path, default=Path("runs/demo"), help="folder for the results")
    parser.add_argument("--frames", type=int, default=200, help="how long the street is watched, at 20 frames a second")
    parser.add_argument("--people", type=int, default=26, help="how many pass by")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Draw the street, track it, write what came of it; gives the paths and the summary."""
    from idfree.detectors import Given
    from idfree.film import Film
    from idfree.progress import progress
    from idfree.run import prepare
    from idfree.sequences.motchallenge import write_results
    from idfree.sequences.synthetic import street

    make_folder(options.out)
    made = street(options.seed, options.people, options.frames)
    run = prepare(made.sequence, Given(made.detections, made.sequence.size_hw), "fairmot")
    video, still, text = (options.out / f"street.{suffix}" for suffix in ("mp4", "png", "txt"))
    best: tuple[int, Image | None] = (-1, None)
    with Film(video, made.sequence.frame_rate) as film:
        for frame, tracks in progress(run, "demo", options.frames, options.quiet):
            picture = film.add(frame, tracks)
            if len(tracks) > best[0]:
                best = len(tracks), picture
    write_results(text, run.result())
    write_picture(still, best[1])
    summary = {"video": str(video), "picture": str(still), **run.summary(), "tracks_file": str(text)}
    if not options.json:
        print(story(summary, options.people))
    return summary


def story(summary: dict[str, Any], people: int) -> str:
    """What happened, in words, and what to do next."""
    return (
        f"{people} made-up people passed a made-up street in {summary['frames']} frames; the detector missed some, "
        f"invented a few;\nthe tracker ({summary['tracker']}) followed {summary['tracks']} tracks.\n"
        f"  video    {summary['video']}\n  picture  {summary['picture']}\n  tracks   {summary['tracks_file']}\n"
        "Your own: idfree track VIDEO --detector MODEL.onnx --video"
    )


def write_picture(path: Path, image: Image | None) -> None:
    """A PNG file, whole or not at all."""
    import cv2

    if image is not None:
        with whole(path) as partial:
            cv2.imwrite(str(partial), image)
