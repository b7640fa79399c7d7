"""score tracking results against the truth: HOTA, CLEAR, Identity

example: idfree eval runs/track/train MOT17/train
         idfree eval runs/sort runs/fairmot MOT17/train --half val    (side by side, the best marked)
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.core.errors import UserError

if TYPE_CHECKING:
    from idfree.show.tables import Column, Table

PROTOCOLS = ("auto", "mot17", "mot20", "mot15", "plain")
STYLES = ("table", "csv", "markdown", "latex")


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    parser.add_argument("results", type=Path, nargs="+", help="a folder of NAME.txt, or one file; several are compared")
    parser.add_argument("truth", type=Path, help="a folder of MOTChallenge sequences, one of them, or a gt.txt")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="auto", help="auto looks at the gt")
    parser.add_argument("--metrics", default="", help="only these columns, comma separated: HOTA,MOTA,IDF1 …")
    parser.add_argument("--per-sequence", action="store_true", help="compare several results sequence by sequence")
    add_part(parser)
    add_style(parser)


def add_part(parser: argparse.ArgumentParser) -> None:
    """Options that cut sequences; results are numbered as in the whole sequence."""
    parser.add_argument("--half", choices=("none", "train", "val"), default="none", help="of n frames, 1…⌊n/2⌋+1 train")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="score frames 1, 1+N, 1+2N … only")


def add_style(parser: argparse.ArgumentParser) -> None:
    """Options that say how the table is written."""
    for style in STYLES[1:]:
        parser.add_argument(f"--{style}", dest="style", action="store_const", const=style, help=f"the table as {style}")
    parser.set_defaults(style="table")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Score, and print the table; gives TrackEval's figures by sequence (and by results, if there are several)."""
    from idfree.show.tables import TRACKING, comparison, scores

    if options.every < 1:
        raise UserError(f"--every {options.every}: expected 1 or more")
    columns = chosen(TRACKING, options.metrics)
    named = dict(zip(labels(options.results), options.results, strict=True))
    figures = {name: score(path, options) for name, path in named.items()}
    if len(figures) > 1:
        show(comparison(figures, columns, options.per_sequence), options)
        return figures
    only = next(iter(figures.values()))
    show(scores(only, columns), options)
    return only


def score(results: Path, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """TrackEval's figures of every sequence, and COMBINED."""
    from idfree.core.progress import progress
    from idfree.evaluation.tracking import Scores, evaluate, figures
    from idfree.pipelines.evaluate import pair, truths

    per_sequence: dict[str, Scores] = {}
    pairs = pair(results, options.truth, options.half, options.every)
    for each in progress(pairs, str(results), len(truths(options.truth)), options.quiet, "sequences"):
        per_sequence[each.name] = evaluate(each.truth, each.results, options.protocol, each.frames, each.names)
    combined = sum(per_sequence.values(), Scores())
    return {name: figures(each) for name, each in {**per_sequence, "COMBINED": combined}.items()}


def chosen(columns: "tuple[Column, ...]", metrics: str) -> "tuple[Column, ...]":
    """The columns asked for, by header or by TrackEval's name. Raises UserError for one that is not there."""
    if not metrics:
        return columns
    known = {name.lower(): column for column in columns for name in (column.header, column.key)}
    asked = [name.strip() for name in metrics.split(",")]
    unknown = [name for name in asked if name.lower() not in known]
    if unknown:
        raise UserError(f"--metrics {','.join(unknown)}: there are {', '.join(c.header for c in columns)}")
    return tuple(known[name.lower()] for name in asked)


def labels(results: list[Path]) -> list[str]:
    """A short name for each: that of its folder, unless two share it."""
    short = [path.stem if path.is_file() else path.resolve().name for path in results]
    return short if len(set(short)) == len(short) else [str(path) for path in results]


def show(table: "Table", options: argparse.Namespace) -> None:
    """Print the table in the style asked for; nothing beside JSON."""
    from idfree.show import tables

    if options.json:
        return
    if options.style == "table":
        tables.show(table)
    else:
        print(tables.FORMATS[options.style](table), end="")
