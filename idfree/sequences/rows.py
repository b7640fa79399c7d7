"""Parse and validate text with one row of numbers per box, and convert it to an Annotation and back.

A layout maps each allowed number of columns to the column names. `to_annotation` uses the names frame, id, x, y, w, h
(or x1, y1, x2, y2), score, class and visibility; columns of other names are parsed only, those named "" are skipped.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.arrays import MAX_EXACT_INTEGER
from idfree.core.boxes import xywh_to_xyxy, xyxy_to_xywh
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Floats
from idfree.core.wording import counted

Layouts = Mapping[int, tuple[str, ...]]
Columns = dict[str, Floats]

INTEGER_COLUMNS = ("frame", "id", "class")
MAX_FRAME = 10**8  # 38 days at 30 fps: the run of a sequence passes all frames up to the last one with a box
MAX_VALUE = 1e9  # of coordinates and scores: areas, and the differences of areas, stay finite
BOUNDED_COLUMNS = ("x", "y", "w", "h", "x1", "y1", "x2", "y2", "score", "mark")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)

PLAIN_CHARACTERS = np.frombuffer(b"0123456789.,+-eE \r\n", dtype=np.uint8)  # that parse_as_json accepts


def parse_columns(text: str, path: Path | str, layouts: Layouts, default: int) -> Columns:
    """Parse text to columns (K,) by name. The first row determines the separator and which of `layouts` is used.

    The separator is a comma, a semicolon or white space. default: number of columns of the layout of text without rows,
    and of messages if none fits. Raises UserError with `path` and line if a row has another number of columns or an
    invalid value.
    """
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    if not first:
        return {name: np.zeros(0) for name in layouts[default] if name}
    separator = next((mark for mark in ",;" if mark in first), None)
    names = layouts.get(len(split_fields(first, separator)), layouts[default])
    used = [index for index, name in enumerate(names) if name]
    rows = parse_as_json(text, separator, len(names), used)
    if rows is None:
        rows = parse_with_numpy(text, separator, len(names), used)
    if rows is None:
        rows = parse_by_line(text, path, separator, names, used)
    columns = {names[index]: rows[:, k] for k, index in enumerate(used)}
    if invalid := find_invalid_row(columns):
        row, reason = invalid
        line_numbers = [number for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        raise UserError(f"{path} line {line_numbers[row]}: {reason}")
    return columns


def parse_as_json(text: str, separator: str | None, width: int, used: list[int]) -> Floats | None:
    """Parse comma-separated rows of numbers to (K, used) with the JSON parser; None if the text has anything else.

    Twice as fast as np.loadtxt: with line ends replaced by commas, the text is the body of a JSON array.
    """
    if separator != ",":
        return None
    body = text.strip()
    characters = np.frombuffer(body.encode(), dtype=np.uint8)
    is_comma = characters == ord(",")
    commas = np.append(np.cumsum(is_comma)[characters == ord("\n")], is_comma.sum())  # up to the end of each line
    if not np.array_equal(commas, np.arange(1, len(commas) + 1) * (width - 1)):
        return None
    if not np.isin(characters, PLAIN_CHARACTERS).all():
        return None
    try:
        numbers = np.array(json.loads(f"[{body.replace(chr(10), ',')}]"), dtype=np.float64)
    except (ValueError, OverflowError):  # OverflowError: a number of more than 308 digits
        return None
    return numbers.reshape(-1, width)[:, used]


def parse_with_numpy(text: str, separator: str | None, width: int, used: list[int]) -> Floats | None:
    """Parse rows to (K, used) with np.loadtxt; None if it raises."""
    columns = used if len(used) < width else None
    try:
        rows = np.loadtxt(
            io.StringIO(text), delimiter=separator, comments=None, quotechar='"', usecols=columns, ndmin=2
        )
    except (ValueError, OverflowError):
        return None
    line_count = sum(1 for line in text.split("\n") if line.strip())
    return rows if rows.shape == (line_count, len(used)) else None  # quotes may contain line ends


def parse_by_line(
    text: str, path: Path | str, separator: str | None, names: tuple[str, ...], used: list[int]
) -> Floats:
    """Parse rows to (K, used) line by line, if the fast parsers reject the text. Raises UserError for invalid rows."""
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        fields = split_fields(line, separator)
        reason = describe_invalid_line(line, fields, separator, names)
        if reason:
            raise UserError(f"{path} line {number}: {reason}")
        rows.append([float(fields[index]) for index in used])
    return np.array(rows)


def split_fields(line: str, separator: str | None) -> list[str]:
    """Split a line into fields without quotes and surrounding space; separator None means white space."""
    if separator is None:
        return line.split()
    try:
        fields = next(csv.reader([line.strip()], delimiter=separator)) if '"' in line else line.split(separator)
    except csv.Error:  # a field of more than 131,072 characters
        fields = line.split(separator)
    return [field.strip() for field in fields]


def describe_invalid_line(line: str, fields: list[str], separator: str | None, names: tuple[str, ...]) -> str | None:
    """Describe what is wrong with a line; None if it is valid."""
    invalid = [
        (name, field) for name, field in zip(names, fields, strict=False) if name and not NUMBER.fullmatch(field)
    ]
    if not invalid and len(fields) == len(names):
        return None
    others = [mark for mark in ",;" if mark != separator and mark in line]
    if others or (separator and any(len(field.split()) > 1 for field in fields)):
        actual = f"'{others[0]}'" if others else "white space"
        expected = f"'{separator}'" if separator else "white space"
        return f"columns separated by {actual}, the first row has {expected}; a file has one separator"
    if len(fields) != len(names):
        layout = ", ".join(name or "…" for name in names)
        return f"{counted(len(fields), 'column')}, expected {len(names)} ({layout})"
    name, field = invalid[0]
    return f"{name} is {abbreviate(field)}, expected a {'whole ' * (name in INTEGER_COLUMNS)}number"


def abbreviate(field: str) -> str:
    """Quote a field for a message, shortened to 20 characters."""
    return repr(field if len(field) <= 20 else field[:20] + "…") if field else "empty"


def find_invalid_row(columns: Columns) -> tuple[int, str] | None:
    """Find the first invalid row: (index, reason), or None if all are valid; see `column_faults`."""
    invalid: list[tuple[int, str]] = []
    for name, values in columns.items():
        for is_invalid, reason in column_faults(name, values):
            if is_invalid.any():
                row = int(is_invalid.argmax())
                invalid.append((row, reason.format(values[row])))
                break
    return min(invalid, key=lambda each: each[0], default=None)


def column_faults(name: str, values: Floats) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Yield what may be wrong with a column: (mask of the invalid rows, reason with a placeholder for the value).

    Numbers are finite; frame, id and class are whole, frames are 1 to MAX_FRAME, coordinates and scores plausible. A
    check expects that the previous ones have passed.
    """
    yield ~np.isfinite(values), f"{name} is {{:g}}, expected a finite number"
    if name == "frame":
        yield values > MAX_FRAME, f"frame {{:.15g}}, expected at most {MAX_FRAME}: is this column the frame number?"
    if name in INTEGER_COLUMNS:
        is_exact = (values == np.rint(values)) & (np.abs(values) <= MAX_EXACT_INTEGER)
        yield ~is_exact, f"{name} is {{:g}}, expected a whole number"
    if name == "frame":
        yield values < 1, "frame {:g}, expected 1 or more (frames count from 1)"
    if name in BOUNDED_COLUMNS:
        yield np.abs(values) > MAX_VALUE, f"{name} is {{:g}}, expected at most {MAX_VALUE:g}"


def to_annotation(columns: Columns, embedding: NDArray[np.floating[Any]] | None = None) -> Annotation:
    """Convert valid columns to an Annotation, sorted by frame (stable).

    The columns frame and x, y, w, h or x1, y1, x2, y2 are required. Defaults: id −1, score 1, class 0, visibility 1.
    """
    frame = columns["frame"].astype(np.int64)
    if "x1" in columns:
        xyxy = np.column_stack([columns[name] for name in ("x1", "y1", "x2", "y2")])
    else:
        xyxy = xywh_to_xyxy(np.column_stack([columns[name] for name in ("x", "y", "w", "h")]))
    annotation = Annotation(
        frame=frame,
        id=column_or_default(columns, "id", -1).astype(np.int64),
        xyxy=xyxy,
        score=column_or_default(columns, "score", 1.0),
        class_id=column_or_default(columns, "class", 0).astype(np.int64),
        visibility=column_or_default(columns, "visibility", 1.0),
        embedding=embedding,
    )
    return annotation if (np.diff(frame) >= 0).all() else annotation[np.argsort(frame, kind="stable")]


def column_or_default(columns: Columns, name: str, default: float) -> Floats:
    """Return a column, or an array of `default` if it is missing."""
    return np.ascontiguousarray(columns.get(name, np.full(len(columns["frame"]), default)))


def to_columns(annotation: Annotation, visibility: bool = False) -> dict[str, NDArray[Any]]:
    """Convert to the columns of files: frame, id, x, y, w, h, score, class[, visibility], sorted by frame, then id.

    x, y, w, h are rounded to 2 decimals, score and visibility to 4.
    """
    rows = annotation[np.lexsort((annotation.id, annotation.frame))]
    x, y, w, h = np.round(xyxy_to_xywh(rows.xyxy), 2).T + 0.0  # adding 0 converts −0 to 0
    columns = {"frame": rows.frame, "id": rows.id, "x": x, "y": y, "w": w, "h": h}
    columns |= {"score": np.round(rows.score, 4) + 0.0, "class": rows.class_id}
    return columns | ({"visibility": np.round(rows.visibility, 4)} if visibility else {})


def format_rows(row: str, columns: Mapping[str, NDArray[Any]]) -> str:
    """Format each row of `columns` with the format string `row`; one operation, twice as fast as a loop over rows."""
    values = np.column_stack(list(columns.values()))
    return row * len(values) % tuple(values.ravel().tolist())
