"""Figures of rows as JSON files in FOLDER/rows, and the page of all tables with a verdict on each published ranking."""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import make_folder, write_text
from idfree.core.reading import read_json
from idfree.experiments.table import METRICS, OneShot, Ranking, Row, Table

# Deviation of IDF1 between seeds of one network, in points, where no row has several (docs/label_free.md).
DEVIATION = 1.5
FEWEST_ROWS = 2  # of a table that is shown
LOWER_IS_BETTER = ("IDSW", "FN", "ms")
FIRST = ("AP", "CPU ms", "R1", "mAP", "TPR@0.1")  # of the columns
COUNTS = ("IDSW", "CLR_FN", "ms")
SAME_DETECTOR = "All rows have the boxes of the shared detector: the embedding head alone is trained."
OURS = {"FN": "CLR_FN", "ms": "CPU ms"}  # our names of the papers' measures
PAGE = """# Published tables, at the scale of this machine

Made by `idfree-experiments run TABLE… --results experiments/results` and `idfree-experiments report --results
experiments/results`; the folder has the figures of each row and seed. Tables of which fewer than two rows have been run
are left out; `idfree-experiments list` names all. Three videos (first halves train, second halves judge) and 170
photographs, small networks from random weights: the figures cannot be compared with the papers', their order can. A
ranking "holds" or is "reversed" if the difference exceeds what two means of the given number of seeds differ by at
random (one deviation of their difference; of one network {deviation:.1f} points). Rows were run on different machines:
"CPU ms" can be compared between "one-shot" and "detector, then teacher" alone, which were run together. The shared
detector was trained three times, on processors that round otherwise; rows of tables with its boxes are of one and the
same. `fused`, but for the dimensions of FairMOT, is that of before it learnt the distances of two objects from
neighbours ([the default association](association.md), with how far trainings differ).

{tables}
"""


@dataclass(frozen=True)
class Results:
    """Figures kept below a folder, one file per row and seed."""

    folder: Path

    def file(self, row: Row, seed: int) -> Path:
        """The file of a row's figures."""
        return self.folder / "rows" / f"{row.recipe.name}-{seed}.json"

    def write(self, row: Row, seed: int, figures: dict[str, float]) -> None:
        """Keep the figures of a row."""
        file = self.file(row, seed)
        make_folder(file.parent)
        write_text(file, json.dumps(figures, indent=1))

    def has(self, row: Row, seed: int) -> bool:
        """Whether a row has figures. Raises UserError if they are damaged."""
        file = self.file(row, seed)
        return file.exists() and bool(read_figures(file))

    def read(self, row: Row) -> list[dict[str, float]]:
        """The figures of a row, for each seed that was run."""
        name = re.compile(rf"{re.escape(row.recipe.name)}-(-?\d+)\.json")
        seeds = [int(match[1]) for file in self.folder.glob("rows/*.json") if (match := name.fullmatch(file.name))]
        return [read_figures(self.file(row, seed)) for seed in sorted(seeds)]


def read_figures(file: Path) -> dict[str, float]:
    """The figures of a file. Raises UserError if it is damaged."""
    try:
        figures = read_json(file)
        is_number = [type(each) in (int, float) and math.isfinite(each) for each in figures.values()]  # bool is none
        is_valid = bool(is_number) and all(is_number)
    except (UserError, OverflowError, AttributeError):
        is_valid = False
    if not is_valid:
        raise UserError(f"{file}: expected {{NAME: NUMBER, …}}: delete it, and run its row again")
    return dict(figures)


def page(tables: Iterable[Table], results: Results) -> str:
    """The page of all tables of which two rows or more were run, in Markdown."""
    parts = [part for table in tables if (part := section(table, results))]
    return PAGE.format(deviation=DEVIATION, tables="\n\n".join(parts) or "No row has been run.")


def section(table: Table, results: Results) -> str:
    """One table: its rows with the papers' figures and ours, and its rankings. "" with fewer rows that were run than 2.

    A row may have been run for another table, as tables share networks.
    """
    figures = {row.title: results.read(row) for row in table.rows}
    if sum(map(bool, figures.values())) < FEWEST_ROWS:
        return ""
    names = list(dict.fromkeys(name for found in figures.values() for each in found for name in each))
    names.sort(key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    published = list(dict.fromkeys(name for row in table.rows for name in row.published))
    header = ["", *(f"paper: {name}" for name in published), *(each.replace("CLR_", "") for each in names), "seeds"]
    lines = [
        [
            row.title,
            *published_cells(row, published),
            *(cell(name, figures[row.title]) for name in names),
            str(len(figures[row.title])),
        ]
        for row in table.rows
    ]
    verdicts = [verdict(table, ranking, figures) for ranking in table.rankings]
    about = [f"{table.paper}.", f"`idfree-experiments run {table.name}`.", table.note]
    about += [SAME_DETECTOR] if has_same_detector(table) else []
    title = f"## {table.title}\n\n{' '.join(filter(None, about))}"
    return "\n\n".join([title, markdown(header, lines), "\n".join(f"- {text}" for text in verdicts)]).rstrip()


def has_same_detector(table: Table) -> bool:
    """Whether a table compares embeddings alone."""
    return any(isinstance(row.recipe, OneShot) and row.recipe.same_detector for row in table.rows)


def published_cells(row: Row, names: list[str]) -> list[str]:
    """The paper's figures of a row, in the order of the names."""
    return [f"{row.published[name]:g}" if name in row.published else "–" for name in names]


def verdict(table: Table, ranking: Ranking, figures: dict[str, list[dict[str, float]]]) -> str:
    """A sentence on whether a published ranking holds."""
    name = our_name(table, ranking)
    pair = [[each[name] for each in figures[title] if name in each] for title in (ranking.better, ranking.worse)]
    text = f"{ranking.better} above {ranking.worse} ({ranking.measure}): "
    if not all(pair):
        return f"{text}not run."
    if has_same_detector(table) and len(detectors(figures[ranking.better] + figures[ranking.worse])) > 1:
        return f"{text}cannot be compared, as the shared detector was trained again between them."
    scale = 1 if name.endswith(COUNTS) else 100
    means = [scale * float(np.mean(values)) for values in pair]
    gain = (means[1] - means[0]) if ranking.measure in LOWER_IS_BETTER else (means[0] - means[1])
    noise = DEVIATION * float(np.sqrt(sum(1 / len(values) for values in pair))) if scale == 100 else 0.1 * means[1]
    found = "holds" if gain > noise else "reversed" if gain < -noise else "no difference"
    return f"{text}{found}, {means[0]:.1f} and {means[1]:.1f}."


def detectors(found: Iterable[dict[str, float]]) -> set[float]:
    """The average precisions of rows with one detector's boxes: more than one if the detector was trained again."""
    return {each["AP"] for each in found if "AP" in each}


def our_name(table: Table, ranking: Ranking) -> str:
    """The name of a paper's measure among our figures: tracking figures are of the paper's tracker."""
    recipe, name = table.row(ranking.better).recipe, OURS.get(ranking.measure, ranking.measure)
    if name not in METRICS or not isinstance(recipe, OneShot):
        return name
    return f"{recipe.trackers[0]} {name}"


def cell(name: str, found: list[dict[str, float]]) -> str:
    """Mean over the seeds, and their deviation if there are several."""
    values = [each[name] for each in found if name in each]
    if not values:
        return "–"
    scale, digits = (1, 0) if name.endswith(COUNTS) else (100, 1)
    spread = f" ± {scale * np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{scale * np.mean(values):.{digits}f}{spread}"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))
