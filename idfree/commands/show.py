"""draw results that exist on the video they belong to

example: idfree show runs/track/street/street.txt street.mp4 -o street-annotated.mp4
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.errors import UserError

if TYPE_CHECKING:
    from idfree.types import Annotation, Sequence


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    parser.add_argument("results", type=Path, help="NAME.txt, or a folder of them, in MOTChallenge format")
    parser.add_argument("source", help="the video, folder of images, or MOTChallenge folder(s) they belong to")
    parser.add_argument(
        "-o", "--out", type=Path, help="the .mp4, or a folder for several (default: beside the results)"
    )
    parser.add_argument("--show", action="store_true", help="show it in a window; then a video is only written with -o")
    parser.add_argument("--fps", type=float, help="frames per second of the video")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Draw every sequence of the source that has results; gives the videos' paths."""
    from idfree.sequences import open_source
    from idfree.sequences.motchallenge import read_results

    sequences = open_source(options.source)
    written = {}
    for sequence in sequences:
        results = results_of(sequence, options.results, alone=len(sequences) == 1)
        path = video_path(sequence, results, options, alone=len(sequences) == 1)
        draw(sequence, read_results(results), path, options)
        written[sequence.name] = str(path) if path else None
        if path and not options.json:
            print(path)
    return written


def results_of(sequence: "Sequence", results: Path, alone: bool) -> Path:
    """The result file of a sequence. Raises UserError where there is none."""
    if results.is_file() and alone:
        return results
    path = results / f"{sequence.name}.txt"
    if not path.is_file():
        raise UserError(f"{results}: no {path.name} for the sequence {sequence.name}")
    return path


def video_path(sequence: "Sequence", results: Path, options: argparse.Namespace, alone: bool) -> Path | None:
    """Where the annotated video goes; None where a window is all that is wanted."""
    if options.out is None:
        return None if options.show else results.with_suffix(".mp4")
    out: Path = options.out
    if out.suffix == ".mp4" and alone:
        return out
    return out / f"{sequence.name}.mp4"


def draw(sequence: "Sequence", results: "Annotation", path: Path | None, options: argparse.Namespace) -> None:
    """Write, or show, one annotated video."""
    from idfree.film import Film
    from idfree.progress import progress

    rate = options.fps or sequence.frame_rate
    with Film(path, rate, sequence.name if options.show else None) as film:
        for frame in progress(sequence, sequence.name, sequence.length, options.quiet):
            film.add(frame, results.tracks_at(frame.number))
