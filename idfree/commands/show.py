"""draw tracking results on their video, or plot them; or plot embeddings with their true identities

example: idfree show runs/track/street/street.txt street.mp4 -o street-annotated.mp4
         idfree show runs/track/street/street.txt street.mp4 --plot heat -o heat.svg
         idfree show embeddings runs/outrack/best.pt MOT17/train -o embeddings
         idfree show embeddings features MOT17/train -o embeddings     (features/NAME.npy: boxes and an embedding each)
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import RESULTS, RESULTS_SOURCE
from idfree.commands.data_options import IMAGES
from idfree.commands.eval import add_frame_subset
from idfree.core.errors import UserError

EMBEDDINGS = "embeddings"
PLOT_DEFAULTS = {"points": 1000, "gap": 20, "min_iou": 0.5, "images": None, "half": "none", "every": 1}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("results", type=Path, help=f"{RESULTS}; or a folder of these; or the word {EMBEDDINGS}")
    parser.add_argument(
        "source", help=f"{RESULTS_SOURCE}; after {EMBEDDINGS}: model or embeddings, as of eval-appearance"
    )
    parser.add_argument(
        "truth",
        nargs="?",
        type=Path,
        help=f"only after {EMBEDDINGS}: MOTChallenge sequences with ground truth",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        help="the .mp4, with --plot the .png or .svg; or a folder (default: beside the results, of embeddings"
        " runs/show/embeddings)",
    )
    plots = "a picture instead of a video: paths of the feet (trails), person-seconds in each place (heat), or the"
    plots += " frames in which each identity is seen (timeline)"
    parser.add_argument("--plot", choices=("trails", "heat", "timeline"), help=plots)
    parser.add_argument(
        "--video-height", type=int, metavar="N", help="height of the video in pixels (default: the source's)"
    )
    parser.add_argument(
        "--show", action="store_true", help="show the video in a window; without -o, no file is written"
    )
    parser.add_argument("--fps", type=float, help="frames per second of the video (default: the source's)")
    group = parser.add_argument_group(f"options of `idfree show {EMBEDDINGS}`")
    group.add_argument(
        "--points", type=int, metavar="N", help="points plotted per sequence, evenly over time (default: 1000)"
    )
    group.add_argument(
        "--gap",
        type=int,
        metavar="FRAMES",
        help="greatest distance of the two frames whose embeddings are matched (default: 20)",
    )
    group.add_argument("--min-iou", type=float, help="least IoU of a detection and its ground truth (default: 0.5)")
    group.add_argument("--images", type=Path, help=IMAGES)
    add_frame_subset(group)
    parser.set_defaults(**PLOT_DEFAULTS)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Draw results, and return the paths of the videos; or plot embeddings, and return statistics and paths."""
    if options.truth is not None:
        if str(options.results) != EMBEDDINGS:
            raise UserError(f"show {options.results} {options.source} {options.truth}: expected show RESULTS SOURCE")
        return run_embeddings(options)
    changed = [
        f"--{name.replace('_', '-')}" for name, value in PLOT_DEFAULTS.items() if getattr(options, name) != value
    ]
    if changed:
        raise UserError(f"{' '.join(changed)}: only for `idfree show embeddings MODEL|FEATURES TRUTH`")
    on_file = None if options.json or options.quiet else print
    if options.plot:
        from idfree.pipelines.plot_tracks import plot_tracks

        sources = (options.results, options.source, options.out)
        return {**plot_tracks(*sources, plot=options.plot, frame_rate=options.fps, on_plot=on_file)}
    from idfree.pipelines.annotate import annotate

    return annotate(
        options.results,
        options.source,
        options.out,
        show=options.show,
        video_height=options.video_height,
        frame_rate=options.fps,
        quiet=options.quiet,
        on_video=on_file,
    )


def run_embeddings(options: argparse.Namespace) -> dict[str, Any]:
    """Plot embeddings, and print statistics; return both, by sequence."""
    from idfree.pipelines.plot_embeddings import plot_embeddings

    plots = plot_embeddings(
        options.source,
        options.truth,
        options.out or Path("runs") / "show" / "embeddings",
        points=options.points,
        gap=options.gap,
        images=options.images,
        min_iou=options.min_iou,
        half=options.half,
        every=options.every,
        device=options.device,
        quiet=options.quiet,
    )
    if not options.json:
        for name, statistics in plots.items():
            print_statistics(name, statistics)
    return plots


def print_statistics(name: str, statistics: dict[str, Any]) -> None:
    """Print the statistics of a sequence in one line, and the paths of its plots."""
    numbers = {key: value for key, value in statistics.items() if isinstance(value, float | int)}
    texts = (f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}" for key, value in numbers.items())
    print(f"{name}: {'  '.join(texts)}")
    for path in statistics["plots"].values():
        print(f"  {path}")
