"""see it work: a synthetic street, tracked, as a video, an image and a table

example: idfree demo -o runs/demo
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import output_folder

SHOWN = ("HOTA", "MOTA", "IDF1", "IDSW", "CLR_FP", "CLR_FN")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("-o", "--out", type=output_folder, default=Path("runs/demo"), help="folder for the results")
    parser.add_argument("--frames", type=int, default=200, help="length of the video, at 20 frames per second")
    parser.add_argument("--people", type=int, default=24, help="number of people")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run the demonstration; return the paths and the metrics."""
    from idfree.pipelines.demo import run_demo

    result = run_demo(options.out, people=options.people, frames=options.frames, seed=options.seed, quiet=options.quiet)
    named = {"video": result.video, "picture": result.image, "tracks": result.tracks, "page": result.page}
    paths = {name: str(path) for name, path in named.items()}
    if not (options.json or options.quiet):
        print(f"{options.people} made-up people, {options.frames} frames; the detector misses some and invents a few:")
        print_metrics(result.metrics)
        for name, path in paths.items():
            print(f"  {name:9}{path}")
        print("Your own: idfree track VIDEO --video, or with --adapt, which first selects an appearance model for it")
    return {**paths, "metrics": result.metrics}


def print_metrics(metrics: dict[str, dict[str, float]]) -> None:
    """Print a table of the trackers."""
    from idfree.show import tables

    columns = tuple(column for column in tables.TRACKING if column.key in SHOWN)
    tables.show(tables.comparison_table({name: {"COMBINED": values} for name, values in metrics.items()}, columns))
    print("  * or bold: the best of its column")
