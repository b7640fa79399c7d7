"""prepare data: `check` what can be trained on, `convert` it, `pack` results for the MOTChallenge server

example: idfree data check MOT17/train CrowdHuman/annotation_train.odgt
         idfree data convert CrowdHuman/annotation_train.odgt --to coco -o converted
         idfree data pack runs/track/test -o mot17.zip --benchmark MOT17
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from idfree.datasets.footage import Footage
    from idfree.datasets.labels import OnFault
    from idfree.pipelines.check_data import DataReport
    from idfree.show.tables import Table

DATA = (
    "MOTChallenge sequences with gt/gt.txt or a folder of them, CrowdHuman's .odgt, COCO's .json, a JDE list, "
    "a folder with boxes.json or of VOC's .xml"
)
IMAGES = "where the pictures or videos lie, if not beside the labels"
FORMATS = ("mot", "coco", "odgt", "jde", "voc")
SHOWN = 10  # warnings of a source


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    kinds = parser.add_subparsers(dest="kind", metavar="check|convert|pack", required=True)
    check = kinds.add_parser("check", help="what is in data to train on, what is odd, which methods it can feed")
    add_data(check)
    check.add_argument("--all", action="store_true", help="decode every picture, not a sample")
    convert = kinds.add_parser("convert", help="from any of the formats to another; pictures are linked, not copied")
    add_data(convert)
    convert.add_argument("--to", choices=FORMATS, required=True, help="the format")
    convert.add_argument("-o", "--out", type=Path, required=True, help="the folder to write into")
    pack = kinds.add_parser("pack", help="check results and zip them as the server wants them")
    pack.add_argument("results", type=Path, help="a folder of NAME.txt")
    pack.add_argument("-o", "--out", type=Path, help="the zip (default: RESULTS.zip)")
    pack.add_argument(
        "--benchmark", default="auto", help="MOT15, MOT16, MOT17, MOT20 or DanceTrack; auto looks at names"
    )
    for kind in (check, convert, pack):  # what every command takes may also stand behind the second word
        kind.add_argument("-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help="no progress")
        kind.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object on stdout")
        kind.add_argument("--seed", type=int, default=argparse.SUPPRESS, help="of whatever is random (default: 0)")


def add_data(parser: argparse.ArgumentParser) -> None:
    """Options that say what is read."""
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help=DATA)
    parser.add_argument("--images", type=Path, help=IMAGES)
    parser.add_argument("--half", choices=("none", "train", "val"), default="none", help="of n frames, 1…⌊n/2⌋+1 train")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="min_visibility=0.25, classes=car,bus, crowdhuman=full|visible|head",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Check, convert or pack; gives what was found or written."""
    return {"check": check, "convert": convert, "pack": pack}[options.kind](options)


def opened(options: argparse.Namespace, complain: "OnFault | None" = None) -> "list[Footage]":
    """The footage that the user names."""
    from idfree.core.settings import override
    from idfree.datasets.footage import FootageSettings
    from idfree.datasets.labels import raise_fault
    from idfree.datasets.open_footage import open_all

    settings = override(FootageSettings(), options.set)
    return open_all(options.data, options.half, options.images, settings, complain or raise_fault)


def check(options: argparse.Namespace) -> dict[str, Any]:
    """Print a table with a row for each source, and what is odd."""
    from dataclasses import asdict

    import numpy as np

    from idfree.core.progress import progress
    from idfree.pipelines.check_data import inspect

    faults: list[str] = []
    found, random = opened(options, faults.append), np.random.default_rng(options.seed)
    watched = progress(found, "check", len(found), options.quiet, "sources")
    reports = [inspect(footage, random, every=options.all) for footage in watched]
    if not options.json:
        show(reports, faults)
    return {"sources": [asdict(report) for report in reports], "faults": faults}


def show(reports: "list[DataReport]", faults: list[str]) -> None:
    """The table, then what is odd."""
    from idfree.show import tables

    if reports:
        tables.show(table(reports))
    for warnings in (faults, *(report.warnings for report in reports)):
        for warning in warnings[:SHOWN]:
            print(warning)
        if len(warnings) > SHOWN:
            print(f"… and {len(warnings) - SHOWN} more like these (--json lists all)")


def table(reports: "list[DataReport]") -> "Table":
    """A row for each source."""
    from idfree.show.tables import Column, Row, Table, count

    columns = (
        *(count(key, better="") for key in ("pictures", "boxes", "ignored")),
        count("identities", "ids", ""),
        Column("boxes_a_picture", "a picture", style="number"),
        *(Column(f"height_{q}", f"h {q}%", style="number", decimals=0) for q in (5, 50, 95)),
        *(count(key) for key in ("beyond", "outside", "degenerate", "duplicates", "jumps", "missing", "unreadable")),
    )
    rows = tuple(Row((r.name, r.kind, " ".join(r.feeds) or "nothing"), r.figures) for r in reports)
    return Table(("Source", "Kind", "Feeds"), columns, (rows,))


def convert(options: argparse.Namespace) -> dict[str, Any]:
    """Write each source in the format asked for."""
    from idfree.core.progress import progress
    from idfree.datasets.convert import convert

    found = opened(options)
    writing = convert(found, options.to, options.out)
    written = [str(path) for path in progress(writing, "convert", len(found), options.quiet, "sources")]
    if not options.json:
        print(*written, sep="\n")
    return {"written": written}


def pack(options: argparse.Namespace) -> dict[str, Any]:
    """Pack; gives the names of the files in the zip."""
    from idfree.datasets.submission import pack

    results: Path = options.results
    out = options.out or results.with_name(results.resolve().name + ".zip")
    names = pack(results, out, options.benchmark)
    if not options.json:
        print(f"{out}: {len(names)} files, ready to upload")
    return {"zip": str(out), "files": names}
