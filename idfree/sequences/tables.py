"""Boxes in tables: MOTChallenge text, CSV, Parquet, NumPy with embeddings; written as CSV, JSON or Parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.errors import MissingExtra, UserError
from idfree.core.files import whole, write_text
from idfree.core.types import Annotation
from idfree.sequences.motchallenge import BOX, read_detections
from idfree.sequences.rows import NUMBER, Columns, find_fault, format_rows, parse, read_text, to_annotation, to_columns

KNOWN = ("frame", "id", "x", "y", "w", "h", "x1", "y1", "x2", "y2", "score", "class", "visibility")
BOXES = (("x", "y", "w", "h"), ("x1", "y1", "x2", "y2"))
EMBEDDING = 7  # where the embedding begins in a row of .npy


def read_boxes(path: Path | str) -> Annotation:
    """Boxes of a whole sequence by the file's suffix, sorted by frame.

    .txt: MOTChallenge rows. .csv: the same, or under a header that names frame, id, x, y, w, h (or x1, y1, x2, y2),
    score, class in any order. .parquet: columns of these names. .npy: (K, 7+D), frame, −1, x, y, w, h, score, and an
    embedding in the rest. Raises UserError where the file is none of these or cannot be right.
    """
    read = READERS.get(Path(path).suffix.lower())
    if read is None:
        raise UserError(f"{path}: boxes are read from files that end in {', '.join(SUFFIXES)}")
    return read(path)


def read_csv(path: Path | str) -> Annotation:
    """A table under a header of known names; without a header, MOTChallenge rows."""
    text = read_text(path)
    header = next((line for line in text.split("\n") if line.strip()), "")
    separator = next((mark for mark in ",;\t" if mark in header), ",")
    found = [name.strip().strip('"').lower() for name in header.split(separator)]
    if not header or NUMBER.fullmatch(found[0]):
        return read_detections(path)
    check_names(found, path)
    names = tuple(name if name in KNOWN else "" for name in found)
    body = text.replace(header, "", 1)  # its line stays, emptied, so that the others keep their numbers
    return to_annotation(parse(body, path, {len(names): names}, usual=len(names)))


def read_parquet(path: Path | str) -> Annotation:
    """The columns of known names. Raises MissingExtra without pyarrow."""
    parquet = load_parquet(f"reading {path}")
    if not Path(path).is_file():
        raise UserError(f"no such file: {path}")
    try:
        table = parquet.read_table(path)
    except (ValueError, OSError) as error:  # pyarrow's own errors are kinds of these
        raise UserError(f"{path} is not a Parquet file: {str(error).splitlines()[0]}") from error
    check_names(table.column_names, path)
    columns: Columns = {}
    for name in (name for name in table.column_names if name in KNOWN):
        try:
            columns[name] = np.array(table.column(name), dtype=np.float64)
        except (ValueError, TypeError):
            raise UserError(f"{path}: column {name} is {table.schema.field(name).type}, expected numbers") from None
    check(columns, path)
    return to_annotation(columns)


def read_npy(path: Path | str) -> Annotation:
    """An array (K, 7+D): frame, −1, x, y, w, h, score, then the embedding of the box, if there is one."""
    try:
        rows = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except (ValueError, OSError, EOFError):
        raise UserError(f"{path} is not a NumPy array of numbers") from None
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.shape[1] < EMBEDDING or rows.dtype.kind not in "fiu":
        found = f"{rows.dtype} {rows.shape}" if isinstance(rows, np.ndarray) else "an archive"
        raise UserError(f"{path} holds {found}, expected numbers (K, 7+D): frame, -1, x, y, w, h, score, embedding")
    columns = dict(zip((*BOX, "score"), rows[:, :EMBEDDING].T.astype(np.float64), strict=True))
    embedding = rows[:, EMBEDDING:] if rows.shape[1] > EMBEDDING else None
    check(columns | ({} if embedding is None else {"embedding": embedding.sum(axis=1)}), path)
    return to_annotation(columns, embedding)


READERS = {".npy": read_npy, ".parquet": read_parquet, ".csv": read_csv, ".txt": read_detections}
SUFFIXES = tuple(READERS)  # those that can hold the most first


def check_names(names: Sequence[str], path: Path | str) -> None:
    """Raises UserError where a table has no frame or no box."""
    if "frame" not in names or not any(set(box) <= set(names) for box in BOXES):
        raise UserError(f"{path}: columns {', '.join(names)}; expected frame, and x, y, w, h or x1, y1, x2, y2")


def check(columns: Columns, path: Path | str) -> None:
    """Raises UserError where a row of a table cannot be right."""
    if fault := find_fault(columns):
        raise UserError(f"{path} row {fault[0] + 1}: {fault[1]}")


def load_parquet(purpose: str) -> Any:
    """The module pyarrow.parquet. Raises MissingExtra."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise MissingExtra("pyarrow", "parquet", purpose) from None
    return pyarrow.parquet


def write_table(path: Path | str, annotation: Annotation, format: str) -> None:
    """Write boxes as "csv", "json" (an array) or "parquet", whole or not at all.

    A row or an object for each box: frame, id, x, y, w, h, score, class, sorted and rounded as in a results file.
    """
    columns = to_columns(annotation)
    if format == "csv":
        write_text(path, ",".join(columns) + "\n" + format_rows("%d,%d,%.2f,%.2f,%.2f,%.2f,%g,%d\n", columns))
    elif format == "json":
        numbers = zip(columns, ("%d", "%d", "%.2f", "%.2f", "%.2f", "%.2f", "%g", "%d"), strict=True)
        box = "{" + ", ".join(f'"{name}": {number}' for name, number in numbers) + "}"
        write_text(path, "[" + format_rows(f"\n{box},", columns).rstrip(",") + "\n]\n")
    elif format == "parquet":
        parquet = load_parquet(f"writing {path}")
        import pyarrow

        with whole(path) as partial:
            parquet.write_table(pyarrow.table(columns), partial)
    else:
        raise UserError(f"cannot write a table as {format!r}; known are csv, json, parquet")
