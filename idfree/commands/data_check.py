"""report what labelled data contains, what is odd in it, and which methods it can train

example: idfree data check MOT17/train CrowdHuman/annotation_train.odgt
"""

import argparse
from typing import TYPE_CHECKING, Any

from idfree.commands.data_options import add_data
from idfree.core.command_line import print_json
from idfree.core.errors import UserError
from idfree.core.wording import counted

if TYPE_CHECKING:
    from idfree.pipelines.check_data import DataCheck, DataReport
    from idfree.show.tables import Table

MAX_WARNINGS = 10  # of a source
FAULTS = {  # statistics, and what they count
    "missing": "missing images",
    "unreadable": "unreadable images",
    "beyond": "boxes that extend beyond their image",
    "outside": "boxes outside their image",
    "degenerate": "boxes without area",
    "duplicates": "boxes whose id another box of the image has",
    "jumps": "boxes far from where their id was before",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_data(parser)
    parser.add_argument("--all", action="store_true", help="decode every image (default: a sample)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Print a table with a row for each source, and the faults. Raises UserError after it if labels are invalid."""
    from dataclasses import asdict

    from idfree.pipelines.check_data import check_data

    report = check_data(
        options.data,
        images=options.images,
        half=options.half,
        set=options.set,
        decode_all=options.all,
        seed=options.seed,
        quiet=options.quiet,
    )
    if not options.json:
        print_report(report)
    if report.faults:
        if options.json:
            print_json(asdict(report))
        raise UserError(
            f"{counted(len(report.faults), 'part')} of the data cannot be read, as"
            " listed: `idfree train` and `data convert` refuse data with these"
        )
    return asdict(report)


def print_report(report: "DataCheck") -> None:
    """Print the table, a line for each source, then the faults, at most MAX_WARNINGS of each source."""
    from idfree.show import tables

    if report.sources:
        tables.show(make_table(report.sources))
        print(*map(describe_source, report.sources), sep="\n")
    for warnings in (report.faults, *(source.warnings for source in report.sources)):
        for warning in warnings[:MAX_WARNINGS]:
            print(warning)
        if len(warnings) > MAX_WARNINGS:
            print(f"… and {len(warnings) - MAX_WARNINGS} more like these (--json lists all)")


def make_table(reports: "list[DataReport]") -> "Table":
    """A row for each source; 80 characters are enough unless names are long."""
    from idfree.show.tables import Column, Row, Table, count_column

    columns = (
        *(count_column(key, better="") for key in ("images", "boxes", "ignored")),
        count_column("identities", better=""),
        Column("boxes_per_image", "per image", style="number"),
        Column("height_50", "height", style="number", decimals=0),
    )
    return Table(("Source", "Kind"), columns, (tuple(Row((r.name, r.kind), r.statistics) for r in reports),))


def describe_source(report: "DataReport") -> str:
    """What a source can be used for, how high its boxes are, and how many faults of which kind it has."""
    low, high = report.statistics["height_5"], report.statistics["height_95"]
    methods = f"for {', '.join(report.feeds)}" if report.feeds else "cannot train any method"
    if not report.feeds and report.statistics["missing"] == report.statistics["images"]:
        methods += ": images missing"
    heights = [] if low is None or high is None else [f"9 of 10 boxes are {low:.0f} to {high:.0f} px high"]
    faults = [f"{report.statistics[key]:.0f} {fault}" for key, fault in FAULTS.items() if report.statistics[key]]
    return f"{report.name}: " + "; ".join([methods, *heights, *faults])
