"""Write tables of boxes as CSV, JSON or Parquet, part by part: memory does not grow with the number of rows."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import MissingExtra, UserError
from idfree.core.files import atomic_write
from idfree.core.types import Annotation
from idfree.sequences.rows import format_rows, to_columns

Table = dict[str, NDArray[Any]]  # columns by name

CLASS_NAME = "class_name"  # column of text
PART_ROWS = 1 << 16  # rows that are converted at a time, and of a Parquet file's row groups, at most
NUMBER_FORMATS = {"frame": "%d", "id": "%d", **dict.fromkeys("xywh", "%.2f"), "score": "%g", "class": "%d"}


def write_table(
    path: Path | str, annotation: Annotation, format: str, class_names: Mapping[int, str] = MappingProxyType({})
) -> None:
    """Write boxes atomically as "csv", "json" or "parquet": see `write_table_parts`. Raises UserError."""
    ordered = annotation[np.lexsort((annotation.id, annotation.frame))]
    parts = (ordered[start : start + PART_ROWS] for start in range(0, len(ordered), PART_ROWS))
    has_times = annotation.time is not None and bool(np.isfinite(annotation.time).all())
    write_table_parts(path, parts, format, class_names, has_times)


def write_table_parts(
    path: Path | str, parts: Iterable[Annotation], format: str, class_names: Mapping[int, str], has_times: bool
) -> None:
    """Write boxes atomically as "csv", "json" (an array of objects) or "parquet". Raises UserError for other formats.

    Columns or keys frame, id, x, y, w, h, score, class, class_name if `class_names` (by class) has any ("" for those
    that it lacks), and time in seconds if `has_times`; rounded as in a results file, times to the microsecond. parts:
    the boxes of successive frames, each sorted as in a results file.
    """
    formats = NUMBER_FORMATS | ({CLASS_NAME: "%s"} if class_names else {}) | ({"time": "%.12g"} if has_times else {})
    tables = (to_table(part, class_names, has_times) for part in parts)
    if format == "parquet":
        parquet = import_parquet(f"writing {path}")
        with atomic_write(path) as partial:
            write_parquet(parquet, partial, tables, formats)
        return
    if format not in ("csv", "json"):
        raise UserError(f"cannot write a table as {format!r}; known are csv, json, parquet")
    pieces = csv_pieces(tables, formats) if format == "csv" else json_pieces(tables, formats)
    with atomic_write(path) as partial, partial.open("wb") as file:
        for piece in pieces:
            file.write(piece.encode())


def to_table(part: Annotation, class_names: Mapping[int, str], has_times: bool) -> Table:
    """The columns of some boxes."""
    table: Table = dict(to_columns(part))
    if class_names:
        names = [class_names.get(number, "") for number in table["class"].tolist()]
        table[CLASS_NAME] = np.array(names, dtype=object)
    if has_times and part.time is not None:
        table["time"] = np.round(part.time[np.lexsort((part.id, part.frame))], 6)
    return table


def csv_pieces(tables: Iterable[Table], formats: Mapping[str, str]) -> Iterator[str]:
    """The text of a CSV file: a header, then rows. formats: of the columns' numbers, by name."""
    yield ",".join(formats) + "\n"
    for table in tables:
        yield format_table(",".join(formats.values()) + "\n", table, quote_csv)


def json_pieces(tables: Iterable[Table], formats: Mapping[str, str]) -> Iterator[str]:
    """The text of a JSON file: an array of objects, a line each. formats: of the columns' numbers, by name."""
    row = "\n{" + ", ".join(f'"{name}": {number}' for name, number in formats.items()) + "},"
    end = "["  # of the row before
    for table in tables:
        if len(table["frame"]):
            yield end + format_table(row, table, json.dumps).removesuffix(",")
            end = ","
    yield ("[" if end == "[" else "") + "\n]\n"


def write_parquet(parquet: Any, path: Path, tables: Iterable[Table], names: Iterable[str]) -> None:
    """Write a Parquet file of these columns, with a row group for each table. parquet: the module."""
    import pyarrow

    types = dict.fromkeys(("frame", "id", "class"), pyarrow.int64()) | {CLASS_NAME: pyarrow.string()}
    schema = pyarrow.schema([(name, types.get(name, pyarrow.float64())) for name in names])
    with parquet.ParquetWriter(path, schema) as writer:
        for table in tables:
            arrays = [pyarrow.array(table[name], type=schema.field(name).type) for name in schema.names]
            writer.write_table(pyarrow.table(arrays, schema=schema))


def format_table(row: str, table: Table, quote: Callable[[str], str]) -> str:
    """`format_rows`, with class names quoted."""
    if CLASS_NAME not in table:
        return format_rows(row, table)
    quoted = {name: quote(name) for name in set(table[CLASS_NAME].tolist())}
    names = np.array([quoted[name] for name in table[CLASS_NAME].tolist()], dtype=object)
    return format_rows(row, {**table, CLASS_NAME: names})


def quote_csv(text: str) -> str:
    """A text as a field of a CSV file."""
    file = io.StringIO()
    csv.writer(file, lineterminator="").writerow([text])
    return file.getvalue()


def import_parquet(purpose: str) -> Any:
    """Import pyarrow.parquet. Raises MissingExtra."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise MissingExtra("pyarrow", "parquet", purpose) from None
    return pyarrow.parquet
