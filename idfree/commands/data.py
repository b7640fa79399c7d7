"""prepare data: `check` and `convert` labels and results, `pack` results for a server, `synth` synthetic video

example: idfree data check MOT17/train CrowdHuman/annotation_train.odgt
         idfree data convert CrowdHuman/annotation_train.odgt --to coco -o converted
         idfree data convert runs/track/street/street.txt --images street.mp4 --to cvat -o to_correct
         idfree data convert --list
         idfree data pack runs/track/test -o mot17.zip --benchmark MOT17
         idfree data synth -o streets --scenes 4 --camera shake --misses 0.1
"""

import argparse
from typing import Any

from idfree.commands import data_check, data_convert, data_pack, data_synth
from idfree.core.command_line import parse_seed

KINDS = {"check": data_check, "convert": data_convert, "pack": data_pack, "synth": data_synth}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the kinds and their options; the docstring of each is its help text."""
    kinds = parser.add_subparsers(dest="kind", metavar="|".join(KINDS), required=True)
    for name, module in KINDS.items():
        summary, _, example = (module.__doc__ or "").partition("\n\n")
        style = argparse.RawDescriptionHelpFormatter
        kind = kinds.add_parser(name, help=summary, description=summary, epilog=example, formatter_class=style)
        module.add(kind)
        add_common(kind)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Declare the options of every command, which may stand after the second word, too."""
    add = parser.add_argument
    add("-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help="no progress bars")
    add("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object on stdout")
    add("--seed", type=parse_seed, default=argparse.SUPPRESS, help="random seed (default: 0)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Check, convert, pack or synthesise; return the report, or the paths or names of what was written."""
    return KINDS[options.kind].run(options)
