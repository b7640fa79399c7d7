"""Read boxes from MOTChallenge text, CSV, JSON, Parquet or NumPy files."""

import csv
import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.pipes import is_pipe
from idfree.core.reading import MALFORMED, load_array, read_content, read_json, read_text
from idfree.core.types import Annotation
from idfree.sequences.motchallenge import BOX, read_detections, read_results
from idfree.sequences.rows import NUMBER, Columns, find_invalid_row, parse_columns, to_annotation
from idfree.sequences.summary_names import read_summary_names
from idfree.sequences.table_writer import CLASS_NAME, import_parquet

LOG = logging.getLogger("idfree")

COLUMN_NAMES = ("frame", "id", "x", "y", "w", "h", "x1", "y1", "x2", "y2", "score", "class", "visibility")
BOX_COLUMNS = (("x", "y", "w", "h"), ("x1", "y1", "x2", "y2"))
NPY_COLUMNS = ("frame", "-1", "x", "y", "w", "h", "score")
EMBEDDING_START = len(NPY_COLUMNS)  # first column of the embedding in a row of .npy


def read_boxes(path: Path | str) -> Annotation:
    """Read the boxes of a whole sequence, sorted by frame, in the format that the suffix names.

    .txt: MOTChallenge rows. .csv: the same without a header, or a header that names frame, id, x, y, w, h (or x1, y1,
    x2, y2), score, class in any order. .parquet: columns of these names. .npy: (K, 7+D) with columns frame, −1, x, y,
    w, h, score, embedding. Raises UserError for other suffixes and for invalid contents.
    """
    read = READERS.get(Path(path).suffix.lower())
    if read is None and is_pipe(path):  # `<(command)` gives a pipe without a suffix
        read = read_csv
    if read is None:
        raise UserError(f"{path}: boxes are read from files that end in {', '.join(SUFFIXES)}")
    return read(path)


def read_csv(path: Path | str) -> Annotation:
    """Read a table with a header of column names, or MOTChallenge rows without a header."""
    text = read_text(path)
    header = next((line for line in text.split("\n") if line.strip()), "")
    separator = next((mark for mark in ",;\t" if mark in header), ",")
    fields = [name.strip().strip('"').lower() for name in header.split(separator)]
    if not header or NUMBER.fullmatch(fields[0]):
        return read_detections(path, text)
    check_names(fields, path)
    names = tuple(name if name in COLUMN_NAMES else "" for name in fields)
    body = text.replace(header, "", 1)  # its line stays, empty, to keep the line numbers
    return to_annotation(parse_columns(body, path, {len(names): names}, default=len(names)))


def read_parquet(path: Path | str) -> Annotation:
    """Read the columns named in COLUMN_NAMES. Raises MissingExtra without pyarrow."""
    parquet = import_parquet(f"reading {path}")
    content = read_content(path)
    try:
        table = parquet.read_table(io.BytesIO(content))
        names, schema = table.column_names, table.schema
    except MALFORMED as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{path} is not a Parquet file: {reason}") from error
    check_names(names, path)
    columns: Columns = {}
    for name in (name for name in names if name in COLUMN_NAMES):
        try:
            columns[name] = np.array(table.column(name), dtype=np.float64)
        except MALFORMED:
            raise UserError(f"{path}: column {name} is {schema.field(name).type}, expected numbers") from None
    check_values(columns, path)
    return to_annotation(columns)


def read_npy(path: Path | str) -> Annotation:
    """Read an array (K, 7+D) with columns frame, −1, x, y, w, h, score, embedding (D may be 0).

    Embeddings that are not finite become zeros (unknown), with a warning: their boxes are tracked by motion.
    """
    rows = load_array(path)
    if rows.ndim != 2 or rows.shape[1] < EMBEDDING_START:
        raise UserError(
            f"{path} holds {rows.dtype} {rows.shape}, expected numbers (K, 7+D): {', '.join(NPY_COLUMNS)}, embedding"
        )
    columns = dict(zip((*BOX, "score"), rows[:, :EMBEDDING_START].T.astype(np.float64), strict=True))
    check_values(columns, path)
    embedding = rows[:, EMBEDDING_START:] if rows.shape[1] > EMBEDDING_START else None
    return to_annotation(columns, None if embedding is None else replace_invalid_embeddings(embedding, path))


def replace_invalid_embeddings(embedding: NDArray[Any], path: Path | str) -> NDArray[Any]:
    """The same embeddings (K, D), with zeros in rows with NaN or infinity, and a warning that counts these."""
    with np.errstate(invalid="ignore", over="ignore"):
        is_invalid = ~np.isfinite(embedding.sum(axis=1, dtype=np.float64))
    if not is_invalid.any():
        return embedding
    LOG.warning(
        "%s: %d of %d embeddings are not finite, the first in row %d; their boxes are tracked by motion alone",
        *(path, np.count_nonzero(is_invalid), len(embedding), is_invalid.argmax() + 1),
    )
    embedding[is_invalid] = 0
    return embedding


def read_json_rows(path: Path | str) -> Annotation:
    """Read an array of objects with the keys of COLUMN_NAMES, as `write_table` writes it."""
    rows = read_json(Path(path))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path}: expected a JSON array of objects with frame, id, x, y, w, h")
    names = list(rows[0]) if rows else ["frame", *BOX_COLUMNS[0]]
    check_names(names, path)
    try:
        values = {
            name: np.array([row[name] for row in rows], dtype=np.float64) for name in names if name in COLUMN_NAMES
        }
        is_table = all(column.ndim == 1 for column in values.values())
    except (KeyError, TypeError, ValueError, OverflowError):
        is_table = False
    if not is_table:
        raise UserError(f"{path}: expected the same keys, with numbers, in every object")
    check_values(values, path)
    return to_annotation(values)


def read_tracks(path: Path | str) -> Annotation:
    """Read tracking results in any format that `idfree track --format` writes. Raises UserError if a box has no id."""
    readers = {".csv": read_csv, ".json": read_json_rows, ".parquet": read_parquet}
    tracks = readers.get(Path(path).suffix.lower(), read_results)(path)
    if len(tracks) and tracks.id.min() < 0:
        raise UserError(f"{path}: has boxes without an id: expected tracking results, not detections")
    return tracks


READERS = {".npy": read_npy, ".parquet": read_parquet, ".csv": read_csv, ".txt": read_detections}
SUFFIXES = tuple(READERS)  # formats that hold the most information first


def check_names(names: Sequence[str], path: Path | str) -> None:
    """Raises UserError if a table has no frame column or no box columns."""
    if "frame" not in names or not any(set(box) <= set(names) for box in BOX_COLUMNS):
        raise UserError(f"{path}: columns {', '.join(names)}; expected frame, and x, y, w, h or x1, y1, x2, y2")


def check_values(columns: Columns, path: Path | str) -> None:
    """Raises UserError for the first invalid row of a table."""
    if invalid := find_invalid_row(columns):
        row, reason = invalid
        raise UserError(f"{path} row {row + 1}: {reason}")


def read_class_names(path: Path | str) -> dict[int, str]:
    """Names of the classes in a table that `write_table` wrote, by number; without, those of summary.json beside it.

    The table was read before, so that faults of its contents are known.
    """
    suffix = Path(path).suffix.lower()
    rows: list[dict[str, Any]]
    if suffix == ".csv":
        rows = list(csv.DictReader(io.StringIO(read_text(path))))
    elif suffix == ".json":
        rows = read_json(Path(path))
    elif suffix == ".parquet":
        table = import_parquet(f"reading {path}").read_table(io.BytesIO(read_content(path)))
        named = {"class", CLASS_NAME} <= set(table.column_names)
        rows = table.select(["class", CLASS_NAME]).to_pylist() if named else []
    else:
        rows = []
    is_named = (row for row in rows if row.get(CLASS_NAME) and row.get("class") is not None)
    named_there = dict(sorted({(int(float(row["class"])), str(row[CLASS_NAME])) for row in is_named}))
    return named_there or read_summary_names(Path(path))
