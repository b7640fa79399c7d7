"""draw results that exist on the video they belong to; or, beside the truth, embeddings

example: idfree show runs/track/street/street.txt street.mp4 -o street-annotated.mp4
         idfree show embeddings runs/outrack/best.pt MOT17/train -o looks
         idfree show embeddings features MOT17/train -o looks     (features/NAME.npy: boxes and an embedding each)
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.commands.data import IMAGES
from idfree.commands.eval import add_part
from idfree.core.errors import UserError

if TYPE_CHECKING:
    from idfree.core.types import Annotation, Sequence

EMBEDDINGS = "embeddings"
OF_EMBEDDINGS = {"points": 1000, "gap": 20, "min_iou": 0.5, "images": None, "half": "none", "every": 1}  # by default


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    parser.add_argument("results", type=Path, help="NAME.txt, or a folder of them, in MOTChallenge format")
    parser.add_argument("source", help="the video, folder of images, or MOTChallenge folder(s) they belong to")
    parser.add_argument(
        "truth",
        nargs="?",
        type=Path,
        help="of `embeddings MODEL|FEATURES TRUTH`: the sequences; MODEL and FEATURES as of eval-appearance",
    )
    parser.add_argument(
        "-o", "--out", type=Path, help="the .mp4, or a folder for several (default: beside the results)"
    )
    parser.add_argument("--show", action="store_true", help="show it in a window; then a video is only written with -o")
    parser.add_argument("--fps", type=float, help="frames per second of the video")
    group = parser.add_argument_group("of embeddings")
    group.add_argument("--points", type=int, help="drawn of each sequence (1000), evenly over time")
    group.add_argument("--gap", type=int, metavar="FRAMES", help="at most, between the two matched (20)")
    group.add_argument("--min-iou", type=float, help="of a detection with the person that it is (0.5)")
    group.add_argument("--images", type=Path, help=IMAGES)
    add_part(parser)
    parser.set_defaults(**OF_EMBEDDINGS)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Draw every sequence of the source that has results; gives the videos' paths, of embeddings their figures."""
    if options.truth is not None:
        if str(options.results) != EMBEDDINGS:
            raise UserError(f"show {options.results} {options.source} {options.truth}: expected show RESULTS SOURCE")
        from idfree.commands import show_embeddings

        return show_embeddings.run(options)
    refuse_options_of_embeddings(options)
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


def refuse_options_of_embeddings(options: argparse.Namespace) -> None:
    """Raises UserError where something was said that would change nothing."""
    said = [f"--{name.replace('_', '-')}" for name, usual in OF_EMBEDDINGS.items() if getattr(options, name) != usual]
    if said:
        raise UserError(f"{' '.join(said)}: only for `idfree show embeddings MODEL|FEATURES TRUTH`")


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
    from idfree.core.progress import progress
    from idfree.show.video_output import VideoOutput

    rate = options.fps or sequence.frame_rate
    with VideoOutput(path, rate, sequence.name if options.show else None) as film:
        for frame in progress(sequence, sequence.name, sequence.length, options.quiet):
            film.add(frame, results.tracks_at(frame.number))
