"""Stored results, command-line options and pages of the experiments.

An experiment stores each result as soon as it is computed and reads it from then on, so that an interrupted one resumes
and its page can be written again at any time. To measure again, delete the file, or the result from `figures.json`.
"""

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from idfree.core.files import make_folder, write_text
from idfree.show.table_formats import to_markdown
from idfree.show.tables import TRACKING, Row, Table, show

DOCS = Path(__file__).resolve().parents[1] / "docs"
DATA = Path("../shared/data")


class Results:
    """Results by key, in FOLDER/figures.json."""

    def __init__(self, folder: Path):
        make_folder(folder)
        self.file = folder / "figures.json"
        self.values: dict[str, Any] = json.loads(self.file.read_text()) if self.file.is_file() else {}

    def get(self, key: str, compute: Callable[[], Any]) -> Any:
        """The result of a key. compute: called, and its value stored, only if there is none yet."""
        if key not in self.values:
            self.values[key] = compute()
            write_text(self.file, json.dumps(self.values, indent=1))
        return self.values[key]


def stored(file: Path, compute: Callable[[], Any]) -> Any:
    """The content of a JSON file; if there is none, it is written with the value of `compute` first."""
    if not file.exists():
        make_folder(file.parent)
        write_text(file, json.dumps(compute(), indent=1))
    return json.loads(file.read_text())


def make_parser(description: str, out: str | None = None, page: Path | None = None) -> argparse.ArgumentParser:
    """A parser with --data, --out (default: runs/OUT) and --page where a default is given."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data sets (default %(default)s)")
    if out is not None:
        where = "folder of results; an interrupted run resumes (default %(default)s)"
        parser.add_argument("--out", type=Path, default=Path("runs") / out, help=where)
    if page is not None:
        parser.add_argument("--page", type=Path, default=page, help="page to write (default docs/" + page.name + ")")
    return parser


def markdown_row(*cells: object) -> str:
    """A row of a table in Markdown."""
    return "|" + "".join(" |" if cell == "" else f" {cell} |" for cell in cells)


def markdown_header(*titles: str) -> str:
    """The header of a table in Markdown, two lines."""
    return f"{markdown_row(*titles)}\n{'|---' * len(titles)}|"


def markdown_table(titles: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    return "\n".join([markdown_header(*titles), *(markdown_row(*cells) for cells in rows)])


def write_section(page: Path, name: str, lines: Iterable[str]) -> None:
    """Replace what stands between <!-- NAME: begin --> and <!-- NAME: end --> on a page.

    Raises ValueError if the page lacks one of the two.
    """
    text = page.read_text(encoding="utf-8")
    begin, end = (f"<!-- {name}: {word} -->" for word in ("begin", "end"))
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page}: expected the lines {begin} and {end}")
    section = "\n".join(lines).strip()
    write_text(page, f"{before}{begin}\n\n{section}\n\n{end}{after}")


def tracking_table(
    headers: Iterable[str], keys: Iterable[str], rows: Iterable[tuple[Iterable[str], dict[str, float]]]
) -> Table:
    """A table of tracking metrics. headers: of the labels. keys: metrics to show. rows: labels and metrics of each."""
    chosen = set(keys)
    columns = tuple(column for column in TRACKING if column.key in chosen)
    return Table(tuple(headers), columns, (tuple(Row(tuple(labels), metrics) for labels, metrics in rows),))


def show_section(title: str, table: Table) -> str:
    """Print a table under its title; the same as a section of a page."""
    print(f"\n{title}")
    show(table)
    return f"## {title}\n\n{to_markdown(table)}"
