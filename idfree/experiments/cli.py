"""`idfree-experiments list | run TABLE… | report`: the papers' tables, at the scale of this machine or at their own."""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from idfree.core.command_line import Parser, parse_seed, run_command
from idfree.core.errors import UserError
from idfree.core.files import make_folder, write_text
from idfree.experiments.catalogue import TABLES
from idfree.experiments.dry_run import check_table, lines
from idfree.experiments.protocol import MINI, Protocol
from idfree.experiments.results import Results, page
from idfree.experiments.studies import read_studies
from idfree.experiments.table import OneShot, Row, Table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    return run_command("idfree-experiments", partial(run, arguments))


def run(arguments: Sequence[str] | None) -> None:
    """Run the command of these arguments."""
    options = parser().parse_args(arguments)
    options.run(options)


def parser() -> Parser:
    """The options."""
    top = Parser(prog="idfree-experiments", description=__doc__)
    commands = top.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    listing = commands.add_parser("list", help="the tables and their rows; in a clone, its studies")
    listing.set_defaults(run=list_tables)
    running = commands.add_parser("run", help="train and judge the rows of tables; finished rows are kept")
    running.add_argument("tables", nargs="+", choices=[*TABLES, "all"], metavar="TABLE", help="see `list`; or all")
    running.add_argument("--scale", choices=("mini", "full"), default="mini", help="this machine's, or the paper's own")
    running.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with MOT17/, MOT15/, …")
    running.add_argument("--rows", nargs="+", metavar="ROW", help="only rows with these titles")
    running.add_argument("--seeds", nargs="+", type=parse_seed, default=[0], help="random seeds")
    running.add_argument("--device", default="auto", help="device for networks")
    running.add_argument("--dry-run", action="store_true", help="only check data, weights, sizes and settings")
    running.add_argument("-q", "--quiet", action="store_true", help="no progress")
    running.add_argument("--json", action="store_true", help="of --dry-run: one JSON object")
    running.set_defaults(run=run_tables)
    reporting = commands.add_parser("report", help="write the page of all results")
    reporting.add_argument("--page", type=Path, default=Path("docs/results.md"))
    reporting.set_defaults(run=report)
    for command in (running, reporting):
        command.add_argument("-o", "--out", type=Path, default=Path("runs/experiments"), help="networks and results")
        command.add_argument("--results", type=Path, help="folder of results, one file per row and seed (default: OUT)")
    return top


def list_tables(options: argparse.Namespace) -> None:
    """Print all tables with their rows, and the studies of a clone if this is its folder."""
    for table in TABLES.values():
        print(f"{table.name}: {table.title} ({table.paper})")
        print(f"  {'; '.join(row.title for row in table.rows)}")
    for study in read_studies():
        print(f"python {study.script}: {study.question}\n  {study.page}; takes {study.duration}")


def run_tables(options: argparse.Namespace) -> None:
    """Run the rows of tables, or check what they need and print that. Raises UserError if anything is missing."""
    tables = list(TABLES.values()) if "all" in options.tables else [TABLES[name] for name in options.tables]
    check_rows(tables, options.rows)
    plans = [(table, MINI if options.scale == "mini" else table.full) for table in tables]
    reports = {table.name: check_table(table, protocol, options.data, options.rows) for table, protocol in plans}
    if options.dry_run:
        print(json.dumps(reports, indent=2) if options.json else "\n".join(lines(reports)))
        if not_ready := [name for name, report in reports.items() if not report["ready"]]:
            raise UserError(f"not ready: {', '.join(not_ready)} (first: {reports[not_ready[0]]['problems'][0]})")
        return
    if problems := [problem for report in reports.values() for problem in report["problems"]]:
        raise UserError(f"{problems[0]}{f', and {len(problems) - 1} more' * (len(problems) > 1)} (see --dry-run)")
    make_folder(results_of(options, options.scale).folder)
    try:
        for table, protocol in plans:
            run_table(table, protocol, options)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("finished rows are kept, and the same command goes on") from None


def run_table(table: Table, protocol: Protocol, options: argparse.Namespace) -> None:
    """Run the rows of a table that have no results yet."""
    results = results_of(options, options.scale)
    for row in table.chosen_rows(options.rows):
        for seed in options.seeds:
            if not results.has(row, seed):
                print(f"{table.name}: {row.title}, seed {seed}", flush=True)
                results.write(row, seed, judge(row, protocol, seed, options))


def results_of(options: argparse.Namespace, scale: str) -> Results:
    """The results of a scale."""
    return Results((options.results or options.out) / scale)


def check_rows(tables: Sequence[Table], titles: Sequence[str] | None) -> None:
    """Raises UserError for the title of a row that no table has."""
    known = list(dict.fromkeys(row.title for table in tables for row in table.rows))
    if unknown := [title for title in titles or () if title not in known]:
        names = ", ".join(table.name for table in tables)
        raise UserError(f"{names}: no row is called {unknown[0]!r}; there are {', '.join(map(repr, known))}")


def judge(row: Row, protocol: Protocol, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """Train and measure one row. Needs PyTorch."""
    place = (protocol, options.data, options.out / options.scale, options.device, options.quiet)
    if isinstance(row.recipe, OneShot):
        from idfree.experiments.one_shot_rows import OneShotRows

        return OneShotRows(*place).judge(row.recipe, seed)
    from idfree.experiments.crop_rows import CropRows

    return CropRows(*place).judge(row.recipe, seed)


def report(options: argparse.Namespace) -> None:
    """Write the page of all mini results. Raises UserError if there are none."""
    results = results_of(options, "mini")
    if not any(results.folder.glob("rows/*.json")):
        raise UserError(f"{results.folder}/rows: has no results; name their folder with --out or --results")
    write_text(options.page, page(TABLES.values(), results))
    print(options.page)


if __name__ == "__main__":
    sys.exit(main())
