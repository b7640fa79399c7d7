"""Tables as text, CSV, Markdown and LaTeX."""

import csv
import io
from collections.abc import Callable, Mapping

from idfree.show.tables import COMBINED, Column, Table, to_text, visible_labels

ARROWS = {"higher": "↑", "lower": "↓", "": ""}
LATEX_ARROWS = {"higher": r"$\uparrow$", "lower": r"$\downarrow$", "": ""}
LATEX_ESCAPES = str.maketrans(
    {
        **{sign: "\\" + sign for sign in "&%$#_{}"},
        **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
        **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
    }
)
MARKDOWN_ESCAPES = str.maketrans({sign: "\\" + sign for sign in "\\`*_[]<>|#~"})


def to_csv(table: Table) -> str:
    """CSV with labels and unrounded values; headers are the metric keys."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*table.headers, *(column.key for column in table.columns)])
    for group in table.groups:
        for row in group:
            writer.writerow(
                [*row.labels, *(exact_text(column, row.metrics.get(column.key)) for column in table.columns)]
            )
    return file.getvalue()


def exact_text(column: Column, value: float | None) -> str:
    """A value with all its digits; "" for None."""
    if not column.text(value):
        return ""
    return column.text(value) if column.style == "count" else repr(float(value or 0))


def to_markdown(table: Table) -> str:
    """A GitHub-flavoured table; the best of each column and the COMBINED row are bold."""
    heads = [*table.headers, *(column.header + ARROWS[column.better] for column in table.columns)]
    rows = [[head.translate(MARKDOWN_ESCAPES) for head in heads]]
    rows.append(["---"] * len(table.headers) + ["---:"] * len(table.columns))
    labels_above: tuple[str, ...] = ()
    for row, cells, _ in table.lines():
        total = not table.marks_best and row.labels[0] == COMBINED
        texts = [(label.translate(MARKDOWN_ESCAPES), total) for label in visible_labels(row.labels, labels_above)]
        texts += [(text or "–", best or total) for text, best in cells]
        rows.append([f"**{text}**" if bold and text else text for text, bold in texts])
        labels_above = row.labels
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def to_latex(table: Table) -> str:
    r"""A tabular of the package booktabs; the best of each column is bold."""
    heads = [header.translate(LATEX_ESCAPES) for header in table.headers]
    heads += [
        f"{column.header.translate(LATEX_ESCAPES)} {LATEX_ARROWS[column.better]}".strip() for column in table.columns
    ]
    lines = [rf"\begin{{tabular}}{{{'l' * len(table.headers)}{'r' * len(table.columns)}}}", r"\toprule"]
    lines += [" & ".join(heads) + r" \\", r"\midrule"]
    labels_above: tuple[str, ...] = ()
    for row, cells, rule in table.lines():
        texts = [label.translate(LATEX_ESCAPES) for label in visible_labels(row.labels, labels_above)]
        numbers = [(text.replace("-", "$-$") or "--", best) for text, best in cells]
        texts += [rf"\textbf{{{text}}}" if best else text for text, best in numbers]
        lines += [" & ".join(texts) + r" \\", *([r"\midrule"] if rule else [])]
        labels_above = row.labels
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


FORMATS: Mapping[str, Callable[[Table], str]] = {
    "text": to_text,
    "csv": to_csv,
    "markdown": to_markdown,
    "latex": to_latex,
}
