"""The options of the kinds of `idfree data` that read labels."""

import argparse
from pathlib import Path

DATA = (
    "MOTChallenge sequences with gt/gt.txt or a folder of them, or any other format of `idfree data convert --list`, "
    "tracking results among them; crops of Market-1501, MSMT17 or VeRi-776 (simplereid)"
)
IMAGES = "the video, or folder of images or of videos (default: those beside the labels)"


def add_data(parser: argparse.ArgumentParser) -> None:
    """Declare the options for the data that is read."""
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help=DATA)
    parser.add_argument("--images", type=Path, help=IMAGES)
    parser.add_argument(
        "--half",
        choices=("none", "train", "val"),
        default="none",
        help="use a half of each video: train is the first, val the second (default: none, all frames)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change how labels are read: min_visibility=0.25, classes=car,bus, crowdhuman=full|visible|head",
    )
