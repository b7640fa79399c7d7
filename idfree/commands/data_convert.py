"""convert labels or results to another format; images are linked, not copied

example: idfree data convert CrowdHuman/annotation_train.odgt --to coco -o converted
         idfree data convert runs/track/street/street.txt --images street.mp4 --to cvat -o to_correct
         idfree data convert --list
"""

import argparse
from typing import Any, NoReturn

from idfree.commands.common_options import output_folder
from idfree.commands.data_options import add_data

FORMATS = (
    *("mot", "results", "coco", "cvat", "cvat-mot", "label-studio", "yolo", "yolo-track", "kitti", "trackeval"),
    *("rerun", "odgt", "jde", "voc"),
)


class ListFormats(argparse.Action):
    """Print the table of formats, and end, as --version does."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from idfree.datasets.format_list import list_formats

        print(list_formats(), end="")
        parser.exit(0)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_data(parser)
    parser.add_argument("--to", choices=FORMATS, required=True, metavar="FORMAT", help=f"one of {', '.join(FORMATS)}")
    parser.add_argument("--list", action=ListFormats, nargs=0, help="list the formats, and what each can represent")
    parser.add_argument("-o", "--out", type=output_folder, required=True, help="folder to write into")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Convert; print and return the paths written."""
    from idfree.pipelines.convert_data import convert_data

    paths = convert_data(
        options.data,
        options.to,
        options.out,
        images=options.images,
        half=options.half,
        set=options.set,
        quiet=options.quiet,
    )
    written = [str(path) for path in paths]
    if not (options.json or options.quiet):
        print(*written, sep="\n")
    return {"written": written}
