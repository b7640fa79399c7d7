"""track a synthetic street in several ways: an annotated video, a picture, a page and a table of metrics

example: idfree demo -o runs/demo
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import output_folder
from idfree.commands.next_steps import command_line, next_step, tell
from idfree.core.wording import counted

WHY_OFFLINE_IS_BETTER = (
    "offline also fills in boxes that the detector missed; perfect association has the detected ones alone"
)
SHOWN = ("HOTA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "-o", "--out", type=output_folder, default=Path("runs/demo"), help="folder for the results (default: runs/demo)"
    )
    parser.add_argument(
        "--frames", type=int, default=200, metavar="N", help="number of frames, at 20 per second (default: 200)"
    )
    parser.add_argument("--people", type=int, default=24, metavar="N", help="number of people (default: 24)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run the demonstration; return the paths and the metrics."""
    from idfree.pipelines.demo import FOOTAGE, MIN_VISIBILITY, run_demo

    result = run_demo(options.out, people=options.people, frames=options.frames, seed=options.seed, quiet=options.quiet)
    named = {"video": result.video, "picture": result.image, "tracks": result.tracks, "page": result.page}
    paths = {name: str(path) for name, path in named.items()}
    if not (options.json or options.quiet):
        people, frames = counted(options.people, "person", "people"), counted(options.frames, "frame")
        print(f"A synthetic video: {people}, {frames}, simulated detections with errors")
        print_metrics(result.metrics)
        if result.hidden:
            seen = f"in no frame visible by {100 * MIN_VISIBILITY:.0f} %"
            print(f"  not evaluated: {result.hidden} of {people}, {seen}")
        for name, path in paths.items():
            print(f"  {name:9}{path}")
        footage = result.tracks.parent / FOOTAGE
        print(f"  footage  {footage / 'street.mp4'}, with detections (det.txt)")
        print(f"  truth    {result.truth}, ground truth (gt/gt.txt)")
        own = f"{command_line('track', 'VIDEO', '--video')}; with --adapt, an appearance model is chosen for it first"
        evaluation = command_line("eval", result.tracks, result.truth)
        tell(options, next_step("To evaluate the tracks", evaluation), next_step("To track your own video", own))
    return {**paths, "metrics": result.metrics}


def print_metrics(metrics: dict[str, dict[str, float]]) -> None:
    """Print a table of the trackers."""
    from idfree.show import tables

    columns = tuple(column for column in tables.TRACKING if column.key in SHOWN)
    tables.show(tables.comparison_table({name: {"COMBINED": values} for name, values in metrics.items()}, columns))
    print("  * or bold: the best of its column")
    print(f"  {WHY_OFFLINE_IS_BETTER}")
