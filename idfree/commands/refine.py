"""make whole-video tracks of any tracker's results: link tracklets, fill gaps, smooth boxes

example: idfree refine runs/track/street/street.txt street.mp4 -o runs/refine/street
         idfree refine results/ MOT17/train -o refined     (a folder of NAME.txt; filled boxes have the score 0)
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from idfree.commands.common_options import RESULTS, RESULTS_SOURCE, output_folder
from idfree.commands.next_steps import tell, video_called, view_step
from idfree.core.wording import counted


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("results", type=Path, help=f"{RESULTS}; or a folder of these")
    add_("source", nargs="?", help=RESULTS_SOURCE)
    add_("-o", "--out", type=output_folder, help="folder for the results (default: runs/refine/NAME)")
    what = "link tracklets by appearance, too, from the images of the source: colour (histogram) or model.onnx (crop"
    what += " Re-ID) (default: none)"
    add_("--appearance", default="none", help=what)
    what = "camera motion compensation: auto (if the source has images), flow, ecc, none, or a GMC file or a folder"
    what += " of GMC-NAME.txt (default: auto)"
    add_("--camera", default="auto", help=what)
    add_("--fps", type=float, help="frames per second (default: the source's, without source 30)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Refine every file; return the summary."""
    from idfree.pipelines.refine import refine

    written: list[Path] = []
    summary = refine(
        options.results,
        options.source,
        options.out,
        appearance=options.appearance,
        camera=options.camera,
        frame_rate=options.fps,
        device=options.device,
        quiet=options.quiet,
        on_result=None if options.json or options.quiet else partial(print_summary, written=written),
    )
    if written:
        source = None if options.source is None else video_called(written[0].stem, [options.source])
        tell(options, view_step(written[0], source))
    return summary


def print_summary(path: Path, summary: dict[str, Any], written: list[Path]) -> None:
    """Print the counts of one file before and after; append its path to `written`."""
    written.append(path)
    print(
        f"{path}: {counted(summary['tracks'], 'track')} ({summary['tracks_before']} before),"
        f" {counted(summary['boxes'], 'box')}, {summary['filled']} of them filled in"
    )
