"""evaluate tracking results against ground truth: HOTA, CLEAR and Identity metrics, as TrackEval computes them

example: idfree eval runs/track/train MOT17/train
         idfree eval runs/sort runs/fairmot MOT17/train --half val    (compared, the best marked)
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.commands.next_steps import tell, view_step
from idfree.core.errors import UserError

if TYPE_CHECKING:
    from idfree.show.tables import Column, Table

PROTOCOLS = ("auto", "mot17", "mot20", "mot15", "plain")
MISTAKES = ("IDSW", "CLR_FP", "CLR_FN")
STYLES = ("table", "csv", "markdown", "latex")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "results", type=Path, nargs="+", help="folder of NAME.txt, or one file; several of these are compared"
    )
    parser.add_argument("truth", type=Path, help="ground truth: MOTChallenge sequence, folder of sequences, or gt.txt")
    what = "preprocessing of a benchmark; auto recognises it by the gt.txt (default: auto)"
    parser.add_argument("--protocol", choices=PROTOCOLS, default="auto", help=what)
    parser.add_argument(
        "--metrics", default="", metavar="NAME,…", help="show these columns alone: HOTA,IDF1,IDSW_small …"
    )
    parser.add_argument(
        "--per-sequence", action="store_true", help="compare several results by sequence, not only combined"
    )
    add_frame_subset(parser)
    add_first_frames(parser)
    add_style(parser)


def add_first_frames(parser: argparse.ArgumentParser) -> None:
    """Declare the option that leaves out what follows the first frames."""
    what = "use the first N frames of each sequence only, for results of `track --frames N` (default: all)"
    parser.add_argument("--frames", type=int, metavar="N", help=what)


def add_frame_subset(parser: argparse._ActionsContainer) -> None:
    """Declare the options that select frames; results are numbered as in the whole sequence."""
    parser.add_argument(
        "--half",
        choices=("none", "train", "val"),
        default="none",
        help="use a half of each sequence: train is the first, val the second (default: none, all frames)",
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="use frames 1, 1+N, 1+2N … only (default: 1)")


def add_style(parser: argparse.ArgumentParser) -> None:
    """Declare the options for the style of the table."""
    for style in STYLES[1:]:
        parser.add_argument(
            f"--{style}", dest="style", action="store_const", const=style, help=f"print the table as {style}"
        )
    parser.set_defaults(style="table")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate, and print a table; return TrackEval's metrics by sequence, for several results by result first."""
    from idfree.pipelines.evaluate import evaluate
    from idfree.show.tables import TRACKING, TRACKING_BY_SIZE, comparison_table, score_table

    columns = select_columns((*TRACKING, *TRACKING_BY_SIZE), options.metrics) if options.metrics else TRACKING
    subset = (options.half, options.every)
    metrics = {
        name: evaluate(path, options.truth, options.protocol, *subset, frames=options.frames, quiet=options.quiet)
        for name, path in zip(short_names(options.results), options.results, strict=True)
    }
    if len(metrics) > 1:
        print_table(comparison_table(metrics, columns, options.per_sequence), options.style, options.json)
        return metrics
    (of_sequences,) = metrics.values()
    print_table(score_table(of_sequences, columns), options.style, options.json)
    if options.style == "table" and sys.stdout.isatty():  # else the table may be read by a program
        tell(options, mistakes_step(options.results[0], options.truth, of_sequences, options.frames))
    return of_sequences


def mistakes_step(results: Path, truth: Path, metrics: dict[str, dict[str, float]], frames: int | None) -> str:
    """How to see the mistakes in the sequence with the lowest HOTA; "" if there are none, or no file of its name."""
    from idfree.pipelines.evaluate import COMBINED, RESULT_FILES

    name = min(metrics.keys() - {COMBINED}, key=lambda name: metrics[name]["HOTA"])
    files = [results] if results.is_file() else [results / layout.format(name) for layout in RESULT_FILES]
    found = [file for file in files if file.is_file()]
    if not found or not any(metrics[name][key] for key in MISTAKES):
        return ""
    truth = truth if truth.is_file() or (truth / "gt").is_dir() else truth / name
    limit = () if frames is None else ("--frames", frames)
    return view_step(found[0], truth if has_images(truth) else None, "--truth", truth, *limit)


def has_images(truth: Path) -> bool:
    """Whether the folder of a sequence has images or a video, which `view` can show; a gt.txt has none."""
    from idfree.sequences.images import IMAGE_SUFFIXES
    from idfree.sequences.video import VIDEO_SUFFIXES

    files = (file for pattern in ("*", "*/*") for file in truth.glob(pattern))
    return truth.is_dir() and any(file.suffix.lower() in (*IMAGE_SUFFIXES, *VIDEO_SUFFIXES) for file in files)


def select_columns(columns: "tuple[Column, ...]", metrics: str) -> "tuple[Column, ...]":
    """Select columns by comma-separated headers or TrackEval's names. Raises UserError."""
    from idfree.show.tables import set_details

    by_name = {name.lower(): column for column in columns for name in (column.header, column.key)}
    names = [name.strip() for name in metrics.split(",")]
    unknown = [name for name in names if name.lower() not in by_name]
    if unknown:
        raise UserError(f"--metrics {','.join(unknown)}: there are {', '.join(c.header for c in columns)}")
    return set_details((by_name[name.lower()] for name in names), ())


def short_names(results: list[Path]) -> list[str]:
    """A name for each result: that of its folder or file, or the whole path if two are the same."""
    names = [path.stem if path.is_file() else path.resolve().name for path in results]
    return names if len(set(names)) == len(names) else [str(path) for path in results]


def print_table(table: "Table", style: str, json: bool) -> None:
    """Print a table in one of STYLES; nothing if the output is JSON."""
    from idfree.show import table_formats, tables

    if json:
        return
    if style == "table":
        tables.show(table)
    else:
        print(table_formats.FORMATS[style](table), end="")
