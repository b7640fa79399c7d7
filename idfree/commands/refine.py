"""make whole-video tracks of any tracker's results: link tracklets, fill gaps, smooth boxes

example: idfree refine runs/track/street/street.txt street.mp4 -o runs/refine/street
         idfree refine results/ MOT17/train -o refined     (a folder of NAME.txt; filled boxes have the score 0)
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import output_folder


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("results", type=Path, help="NAME.txt in MOTChallenge format (or as track --format), or a folder of them")
    add_("source", nargs="?", help="the video, folder of images, or MOTChallenge folder(s) they belong to")
    add_("-o", "--out", type=output_folder, help="folder for the results (default: runs/refine/NAME)")
    what = "links tracklets by appearance, too: colour or model.onnx (crop Re-ID), of the images of the source (none)"
    add_("--appearance", default="none", help=what)
    what = "follow the camera: auto (if the source has images), flow or ecc, GMC files or none (auto)"
    add_("--camera", default="auto", help=what)
    add_("--fps", type=float, help="frame rate, if there is no source or its own is wrong (30)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Refine every file; return the summary."""
    from idfree.pipelines.refine import refine

    return refine(
        options.results,
        options.source,
        options.out,
        appearance=options.appearance,
        camera=options.camera,
        frame_rate=options.fps,
        device=options.device,
        quiet=options.quiet,
        on_result=None if options.json or options.quiet else print_summary,
    )


def print_summary(path: Path, summary: dict[str, Any]) -> None:
    """Print the counts of one file before and after."""
    print(
        f"{path}: {summary['tracks']} tracks ({summary['tracks_before']} before), {summary['boxes']} boxes,"
        f" {summary['filled']} of them filled in"
    )
