"""Tables of figures: for a terminal, and as CSV, Markdown and LaTeX.

Ratios come in 0…1 and are shown in per cent; CSV keeps them as they are.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

Better = Literal["higher", "lower", ""]
Metrics = Mapping[str, float | None]

COMBINED = "COMBINED"
ENDLESS = 10_000  # characters to a line where nobody looks: nothing is folded
ARROWS = {"higher": "↑", "lower": "↓", "": ""}
LATEX_ARROWS = {"higher": r"$\uparrow$", "lower": r"$\downarrow$", "": ""}
LATEX = str.maketrans(
    {
        **{sign: "\\" + sign for sign in "&%$#_{}"},
        **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
        **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
    }
)
MARKDOWN = str.maketrans({sign: "\\" + sign for sign in "\\`*_[]<>|#~"})


@dataclass(frozen=True)
class Column:
    """One figure: its key in the data, its header, which way is better, and how it is written."""

    key: str
    header: str
    better: Better = ""
    style: Literal["percent", "count", "number"] = "percent"
    decimals: int = 1

    def text(self, value: float | None) -> str:
        """The value as tables show it, "" where there is none."""
        if value is None or value != value:  # NaN
            return ""
        decimals = 0 if self.style == "count" else self.decimals
        return f"{100 * value if self.style == 'percent' else value:.{decimals}f}"


def ratio(key: str, header: str = "", better: Better = "higher") -> Column:
    """A column of ratios."""
    return Column(key, header or key, better)


def count(key: str, header: str = "", better: Better = "lower") -> Column:
    """A column of whole numbers."""
    return Column(key, header or key, better, "count")


TRACKING = (
    *map(ratio, ("HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR")),
    *(count("IDSW"), count("CLR_FP", "FP"), count("CLR_FN", "FN")),
    *(count("MT", better="higher"), count("PT", better=""), count("ML"), count("Frag")),
    *(ratio("CLR_Re", "Rcll"), ratio("CLR_Pr", "Prcn")),
)
DETECTION = (
    *(ratio("AP"), ratio("AP_small", "small"), ratio("AP_medium", "medium"), ratio("AP_large", "large")),
    *(ratio("Rcll"), ratio("Prcn"), ratio("F1"), Column("threshold", "at score", style="number", decimals=2)),
    *(count("TP", better="higher"), count("FP"), count("FN"), count("GT", better="")),
)
APPEARANCE = (
    *(ratio("TPR@0.1"), ratio("TPR@0.01"), ratio("R1"), ratio("mAP")),
    *(ratio(f"AUC {gap}") for gap in ("1-10", "11-30", "31-60", "61-150", ">150")),
    *(count("crops", better=""), count("people", better="")),
)


@dataclass(frozen=True)
class Row:
    """The labels of a row, as many as the table has label headers, and its figures by key."""

    labels: tuple[str, ...]
    figures: Metrics


@dataclass(frozen=True)
class Table:
    """Rows in groups that a rule sets apart. `rivals`: the best of each column is marked within each group."""

    headers: tuple[str, ...]
    columns: tuple[Column, ...]
    groups: tuple[tuple[Row, ...], ...]
    rivals: bool = False

    def lines(self) -> Iterator[tuple[Row, list[tuple[str, bool]], bool]]:
        """Each row, its cells as text and whether they are the best of their group, and whether a rule follows it."""
        for group in self.groups:
            best = [best_of(column, group) if self.rivals else set() for column in self.columns]
            for number, row in enumerate(group):
                texts = [column.text(row.figures.get(column.key)) for column in self.columns]
                cells = [(text, text in winners) for text, winners in zip(texts, best, strict=True)]
                yield row, cells, number == len(group) - 1 and group is not self.groups[-1]


def best_of(column: Column, rows: Iterable[Row]) -> set[str]:
    """The best value of a column as shown; none where no way is better, or all are alike."""
    known = {row.figures.get(column.key) for row in rows}
    values = {value: column.text(value) for value in known if value is not None and column.text(value)}
    if not column.better or len(set(values.values())) < 2:
        return set()
    return {values[max(values) if column.better == "higher" else min(values)]}


def scores(figures: Mapping[str, Metrics], columns: Sequence[Column] = TRACKING, header: str = "Sequence") -> Table:
    """A row for each name of `figures`, COMBINED set apart below."""
    rows = {name: Row((name,), values) for name, values in figures.items()}
    combined = (rows.pop(COMBINED),) if COMBINED in rows else ()
    return Table((header,), tuple(columns), tuple(group for group in (tuple(rows.values()), combined) if group))


def comparison(
    results: Mapping[str, Mapping[str, Metrics]], columns: Sequence[Column] = TRACKING, per_sequence: bool = False
) -> Table:
    """Several results side by side, the best of each column marked: their COMBINED rows, or sequence by sequence.

    results: figures by name of the result, then by sequence or COMBINED.
    """
    if not per_sequence:
        rows = tuple(Row((name,), figures.get(COMBINED, {})) for name, figures in results.items())
        return Table(("Results",), tuple(columns), (rows,), rivals=True)
    names = list(dict.fromkeys(name for figures in results.values() for name in figures if name != COMBINED))
    groups = [
        tuple(Row((sequence, name), figures[sequence]) for name, figures in results.items() if sequence in figures)
        for sequence in [*names, COMBINED]
    ]
    return Table(("Sequence", "Results"), tuple(columns), tuple(group for group in groups if group), rivals=True)


def show(table: Table, console: "Console | None" = None) -> None:
    """Print a table. In a terminal too narrow for it, its columns continue below; elsewhere lines are never broken."""
    from rich.console import Console

    if console is None:
        console = Console()
        if not console.is_terminal:
            console.width = ENDLESS
    for number, part in enumerate(folded(table, console)):
        console.print(*[""] * (number > 0), drawn(part, console), sep="\n")


def to_text(table: Table, width: int = ENDLESS) -> str:
    """The table as plain text, lines of up to `width` characters; the best of each column has a star."""
    from rich.console import Console

    file = io.StringIO()
    show(table, Console(file=file, width=width, color_system=None, force_terminal=True, legacy_windows=False))
    return "".join(line.rstrip() + "\n" for line in file.getvalue().splitlines())


def folded(table: Table, console: "Console") -> Iterator[Table]:
    """The table in parts that are as wide as the console allows, each with the labels and at least one column."""

    def width_of(part: Table) -> int:
        natural = console.options.update(max_width=ENDLESS)
        return console.measure(drawn(part, console), options=natural).maximum

    rest = table.columns
    while rest:
        fit = len(rest)
        while fit > 1 and width_of(replace(table, columns=rest[:fit])) > console.width:
            fit -= 1
        yield replace(table, columns=rest[:fit])
        rest = rest[fit:]


def drawn(table: Table, console: "Console") -> "RichTable":
    """The table as rich draws it. Colours mark the best, or a star where there are none."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(box=box.HORIZONTALS, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for header in table.headers:
        grid.add_column(Text(header), overflow="fold")  # gives way where not even one figure fits
    for column in table.columns:
        grid.add_column(Text(column.header), justify="right", no_wrap=True)
    star = "" if console.color_system else "*"
    starred = [any(cells[k][1] for _, cells, _ in table.lines()) for k in range(len(table.columns))]
    shown: tuple[str, ...] = ()
    for row, cells, rule in table.lines():
        total = not table.rivals and row.labels[0] == COMBINED
        labels = [Text(label, style="bold" if total else "") for label in fresh(row.labels, shown)]
        values = [
            Text((text or "-") + (star if best else " " * (len(star) * any_best)), style="bold green" if best else "")
            for (text, best), any_best in zip(cells, starred, strict=True)
        ]
        grid.add_row(*labels, *values, end_section=rule, style="bold" if total else None)
        shown = row.labels
    return grid


def fresh(labels: tuple[str, ...], above: tuple[str, ...]) -> tuple[str, ...]:
    """The labels to write: of several, the first only where it is not that of the row above."""
    return ("", *labels[1:]) if len(labels) > 1 and labels[:1] == above[:1] else labels


def to_csv(table: Table) -> str:
    """Labels, and figures as they are, under their keys."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*table.headers, *(column.key for column in table.columns)])
    for group in table.groups:
        for row in group:
            writer.writerow([*row.labels, *(raw(column, row.figures.get(column.key)) for column in table.columns)])
    return file.getvalue()


def raw(column: Column, value: float | None) -> str:
    """A figure with all its digits, "" where there is none."""
    if not column.text(value):
        return ""
    return column.text(value) if column.style == "count" else repr(float(value or 0))


def to_markdown(table: Table) -> str:
    """A GitHub-flavoured table; the best of each column and the COMBINED row are bold."""
    heads = [*table.headers, *(column.header + ARROWS[column.better] for column in table.columns)]
    rows = [[head.translate(MARKDOWN) for head in heads]]
    rows.append(["---"] * len(table.headers) + ["---:"] * len(table.columns))
    shown: tuple[str, ...] = ()
    for row, cells, _ in table.lines():
        total = not table.rivals and row.labels[0] == COMBINED
        texts = [(label.translate(MARKDOWN), total) for label in fresh(row.labels, shown)]
        texts += [(text or "–", best or total) for text, best in cells]
        rows.append([f"**{text}**" if bold and text else text for text, bold in texts])
        shown = row.labels
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def to_latex(table: Table) -> str:
    r"""A tabular of the package booktabs; the best of each column is bold."""
    heads = [header.translate(LATEX) for header in table.headers]
    heads += [f"{column.header.translate(LATEX)} {LATEX_ARROWS[column.better]}".strip() for column in table.columns]
    lines = [rf"\begin{{tabular}}{{{'l' * len(table.headers)}{'r' * len(table.columns)}}}", r"\toprule"]
    lines += [" & ".join(heads) + r" \\", r"\midrule"]
    shown: tuple[str, ...] = ()
    for row, cells, rule in table.lines():
        texts = [label.translate(LATEX) for label in fresh(row.labels, shown)]
        numbers = [(text.replace("-", "$-$") or "--", best) for text, best in cells]
        texts += [rf"\textbf{{{text}}}" if best else text for text, best in numbers]
        lines += [" & ".join(texts) + r" \\", *([r"\midrule"] if rule else [])]
        shown = row.labels
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


FORMATS: Mapping[str, Callable[[Table], str]] = {
    "text": to_text,
    "csv": to_csv,
    "markdown": to_markdown,
    "latex": to_latex,
}
