"""write a page of HTML to watch tracks, find their mistakes, and correct them by mouse

example: idfree view runs/track/street/street.txt street.mp4 -o street.html
         idfree view runs/track/street/street.txt street.mp4 --truth MOT17/train/street --embed
         idfree view runs/track/street/street.txt street.mp4 --appearance model.onnx
"""

import argparse
from pathlib import Path

from idfree.commands.common_options import output_file


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("results", type=Path, help="NAME.txt, .csv, .json or .parquet, as track writes them, or a folder with one")
    add_("source", nargs="?", help="the video, folder of images, or MOTChallenge folder (none: boxes alone)")
    add_("-o", "--out", type=output_file(".html"), help="the .html (default: beside the results)")
    add_("--truth", type=Path, help="gt.txt, or its sequence folder: marks switches, misses and false positives")
    what = "model.onnx or colour, or embeddings in a file or folder of NAME.npy: adds a map of embeddings (t-SNE)"
    add_("--appearance", help=what)
    add_("--embed", action="store_true", help="frames in the page, as JPEG, instead of a link to the video file")


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
        quiet=options.quiet or options.json,
    )
    if not options.json and not options.quiet:
        print(path)
    return {"page": str(path)}
