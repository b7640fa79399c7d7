"""write an HTML page to watch tracks, find their mistakes, and correct them by mouse

example: idfree view runs/track/street/street.txt street.mp4 -o street.html
         idfree view runs/track/street/street.txt street.mp4 --truth MOT17/train/street --embed
         idfree view runs/track/street/street.txt street.mp4 --appearance model.onnx
"""

import argparse
from pathlib import Path

from idfree.commands.common_options import RESULTS, output_file
from idfree.commands.next_steps import command_line, next_step, tell


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("results", type=Path, help=f"{RESULTS}; or a folder with one such file")
    add_(
        "source",
        nargs="?",
        help="the video, folder of images, or MOTChallenge sequence; without it, the page shows boxes alone",
    )
    add_("-o", "--out", type=output_file(".html"), help="the .html file (default: beside the results)")
    add_(
        "--truth",
        type=Path,
        help="gt.txt or its sequence folder: identity switches, misses and false positives are marked",
    )
    what = "add a map of embeddings (t-SNE): of model.onnx or colour, or stored in NAME.npy or a folder of these"
    add_("--appearance", help=what)
    add_(
        "--embed",
        action="store_true",
        help="store the frames in the page, as JPEG, instead of a link to the video file",
    )
    add_("--frames", type=int, metavar="N", help="the first N frames only, as of `track --frames N` (default: all)")


def run(options: argparse.Namespace) -> dict[str, str]:
    """Write the page; return its path."""
    from idfree.pipelines.view import view

    path = view(
        options.results,
        options.source,
        options.out,
        truth=options.truth,
        appearance=options.appearance,
        embed=options.embed,
        frames=options.frames,
        quiet=options.quiet or options.json,
    )
    if not options.json and not options.quiet:
        print(path)
    drawn = command_line("show", "SAVED.txt", options.source) if options.source else ""
    tell(
        options,
        next_step("To watch and correct the tracks, open it in a browser", path.resolve().as_uri()),
        next_step("To draw the tracks that it saves", drawn) if drawn else "",
    )
    return {"page": str(path)}
