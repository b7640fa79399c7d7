"""Tables of metrics for the terminal (see table_formats for CSV, Markdown and LaTeX).

Ratios are given in 0…1 and shown in per cent; CSV keeps them unchanged.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

Better = Literal["higher", "lower", ""]
Metrics = Mapping[str, float | None]

COMBINED = "COMBINED"
UNLIMITED_WIDTH = 10_000  # characters per line of output that is not a terminal


@dataclass(frozen=True)
class Column:
    """A metric: its key in the data, its header, which direction is better, and its number format.

    is_detail: in a terminal, it stands in a second table, below the main metrics.
    """

    key: str
    header: str
    better: Better = ""
    style: Literal["percent", "count", "number"] = "percent"
    decimals: int = 1
    is_detail: bool = False

    def text(self, value: float | None) -> str:
        """The formatted value; "" for None and NaN."""
        if value is None or value != value:  # NaN
            return ""
        decimals = 0 if self.style == "count" else self.decimals
        return f"{100 * value if self.style == 'percent' else value:.{decimals}f}"


def ratio_column(key: str, header: str = "", better: Better = "higher") -> Column:
    """A column of ratios."""
    return Column(key, header or key, better)


def count_column(key: str, header: str = "", better: Better = "lower") -> Column:
    """A column of whole numbers."""
    return Column(key, header or key, better, "count")


def set_details(columns: Iterable[Column], keys: Sequence[str]) -> tuple[Column, ...]:
    """The columns, those with these keys as details and no others."""
    return tuple(replace(column, is_detail=column.key in keys) for column in columns)


TRACKING = set_details(
    (
        *map(ratio_column, ("HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR")),
        *(count_column("IDSW"), count_column("CLR_FP", "FP"), count_column("CLR_FN", "FN")),
        *(count_column("MT", better="higher"), count_column("PT", better=""), count_column("ML"), count_column("Frag")),
        *(ratio_column("CLR_Re", "Rcll"), ratio_column("CLR_Pr", "Prcn")),
    ),
    ("LocA", "MOTP", "IDP", "IDR", "MT", "PT", "ML", "Frag", "CLR_Re", "CLR_Pr"),
)
TRACKING_BY_SIZE = (  # chosen by --metrics
    *(count_column(f"IDSW_{size}") for size in ("small", "medium", "large")),
    *(count_column(f"GT_{size}", better="") for size in ("small", "medium", "large")),
)
DETECTION = (
    *(
        ratio_column("AP"),
        ratio_column("AP_small", "small"),
        ratio_column("AP_medium", "medium"),
        ratio_column("AP_large", "large"),
    ),
    *(
        ratio_column("Rcll"),
        ratio_column("Prcn"),
        ratio_column("F1"),
        Column("threshold", "at score", style="number", decimals=2),
    ),
    *(count_column("TP", better="higher"), count_column("FP"), count_column("FN"), count_column("GT", better="")),
)
BY_SIZE_AND_GAP = (
    *(ratio_column(f"TPR@0.1_{size}", size) for size in ("small", "medium", "large")),
    *(ratio_column(f"AUC {gap}") for gap in ("1-10", "11-30", "31-60", "61-150", ">150")),
)
APPEARANCE = (
    *(ratio_column("TPR@0.1"), ratio_column("TPR@0.01"), ratio_column("R1"), ratio_column("mAP")),
    Column("d_prime", "d′", "higher", "number"),
    *set_details(BY_SIZE_AND_GAP, [column.key for column in BY_SIZE_AND_GAP]),
    *(count_column("crops", better=""), count_column("people", better="")),
)


@dataclass(frozen=True)
class Row:
    """Labels of a row, one for each header of the table, and metrics by key."""

    labels: tuple[str, ...]
    metrics: Metrics


@dataclass(frozen=True)
class Table:
    """Groups of rows separated by rules. marks_best: mark the best value of each column within each group."""

    headers: tuple[str, ...]
    columns: tuple[Column, ...]
    groups: tuple[tuple[Row, ...], ...]
    marks_best: bool = False

    def lines(self) -> Iterator[tuple[Row, list[tuple[str, bool]], bool]]:
        """Yield each row, its cells as (text, is best of the group), and whether a rule follows."""
        for group in self.groups:
            best = [best_values(column, group) if self.marks_best else set() for column in self.columns]
            for number, row in enumerate(group):
                texts = [column.text(row.metrics.get(column.key)) for column in self.columns]
                cells = [(text, text in winners) for text, winners in zip(texts, best, strict=True)]
                yield row, cells, number == len(group) - 1 and group is not self.groups[-1]


def best_values(column: Column, rows: Iterable[Row]) -> set[str]:
    """The best formatted value of a column; empty if no direction is better or all values are equal."""
    known = {row.metrics.get(column.key) for row in rows}
    values = {value: column.text(value) for value in known if value is not None and column.text(value)}
    if not column.better or len(set(values.values())) < 2:
        return set()
    return {values[max(values) if column.better == "higher" else min(values)]}


def score_table(
    metrics: Mapping[str, Metrics], columns: Sequence[Column] = TRACKING, header: str = "Sequence"
) -> Table:
    """A row per name of `metrics`, COMBINED in a group of its own at the end unless it is of one sequence alone."""
    rows = {name: Row((name,), values) for name, values in metrics.items()}
    combined = (rows.pop(COMBINED),) if COMBINED in rows else ()
    combined = combined if len(rows) > 1 else ()
    return Table((header,), tuple(columns), tuple(group for group in (tuple(rows.values()), combined) if group))


def comparison_table(
    results: Mapping[str, Mapping[str, Metrics]], columns: Sequence[Column] = TRACKING, per_sequence: bool = False
) -> Table:
    """Compare several results, the best of each column marked: COMBINED rows only, or per sequence.

    results: metrics by name of the result, then by sequence or COMBINED.
    """
    if not per_sequence:
        rows = tuple(Row((name,), metrics.get(COMBINED, {})) for name, metrics in results.items())
        return Table(("Results",), tuple(columns), (rows,), marks_best=True)
    names = list(dict.fromkeys(name for metrics in results.values() for name in metrics if name != COMBINED))
    groups = [
        tuple(Row((sequence, name), metrics[sequence]) for name, metrics in results.items() if sequence in metrics)
        for sequence in [*names, *[COMBINED] * (len(names) > 1)]
    ]
    return Table(("Sequence", "Results"), tuple(columns), tuple(group for group in groups if group), marks_best=True)


def show(table: Table, console: "Console | None" = None) -> None:
    """Print a table. In a terminal, details, and columns that are too many for its width, are in tables below."""
    from rich.console import Console

    if console is None:
        console = Console()
        if not console.is_terminal:
            console.width = UNLIMITED_WIDTH
    for number, part in enumerate(split_columns(table, console)):
        console.print(*[""] * (number > 0), to_rich(part, console), sep="\n")


def to_text(table: Table, width: int = UNLIMITED_WIDTH) -> str:
    """The table as plain text with lines of up to `width` characters; best values are starred."""
    from rich.console import Console

    file = io.StringIO()
    show(table, Console(file=file, width=width, color_system=None, force_terminal=True, legacy_windows=False))
    return "".join(line.rstrip() + "\n" for line in file.getvalue().splitlines())


def split_columns(table: Table, console: "Console") -> Iterator[Table]:
    """Split the columns into tables that fit the console width, each with the labels and at least one column.

    Unless the width is unlimited, details are apart from the other columns.
    """

    def width_of(part: Table) -> int:
        """Characters that a table takes without folding."""
        natural = console.options.update(max_width=UNLIMITED_WIDTH)
        return console.measure(to_rich(part, console), options=natural).maximum

    blocks = [table.columns]
    if console.width < UNLIMITED_WIDTH:
        blocks = [tuple(column for column in table.columns if column.is_detail == detail) for detail in (False, True)]
    for rest in blocks:
        while rest:
            fit = len(rest)
            while fit > 1 and width_of(replace(table, columns=rest[:fit])) > console.width:
                fit -= 1
            yield replace(table, columns=rest[:fit])
            rest = rest[fit:]


def to_rich(table: Table, console: "Console") -> "RichTable":
    """The table as a rich table. The best values are coloured, or starred without colour."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(box=box.HORIZONTALS, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for header in table.headers:
        grid.add_column(Text(header), overflow="fold")  # folds if not even one column fits
    for column in table.columns:
        grid.add_column(Text(column.header), justify="right", no_wrap=True)
    star = "" if console.color_system else "*"
    starred = [any(cells[k][1] for _, cells, _ in table.lines()) for k in range(len(table.columns))]
    labels_above: tuple[str, ...] = ()
    for row, cells, rule in table.lines():
        total = not table.marks_best and row.labels[0] == COMBINED
        labels = [Text(label, style="bold" if total else "") for label in visible_labels(row.labels, labels_above)]
        values = [
            Text((text or "-") + (star if best else " " * (len(star) * any_best)), style="bold green" if best else "")
            for (text, best), any_best in zip(cells, starred, strict=True)
        ]
        grid.add_row(*labels, *values, end_section=rule, style="bold" if total else None)
        labels_above = row.labels
    return grid


def visible_labels(labels: tuple[str, ...], above: tuple[str, ...]) -> tuple[str, ...]:
    """The labels of a row, the first one empty if there are several and it repeats that of the row above."""
    return ("", *labels[1:]) if len(labels) > 1 and labels[:1] == above[:1] else labels
