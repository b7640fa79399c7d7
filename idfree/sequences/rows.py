"""Rows of numbers about boxes: read from text, checked, and turned into an Annotation and back.

A layout maps how many columns a row may have to their names. The names known here are frame, id, x, y, w, h (or x1, y1,
x2, y2), score, class and visibility; a column of any other name is read and left alone, one named "" is not read.
"""

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import xywh_to_xyxy, xyxy_to_xywh
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Floats

Layouts = Mapping[int, tuple[str, ...]]
Columns = dict[str, Floats]

WHOLE = ("frame", "id", "class")
LARGEST = 2.0**53  # beyond it a float64 no longer holds every whole number
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)

PLAIN = np.frombuffer(b"0123456789.,+-eE \r\n", dtype=np.uint8)  # what rows of plain numbers are written with


def read_text(path: Path | str) -> str:
    """The text of a file, without byte-order mark, its lines ended by newlines. Raises UserError."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, expected a file") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text file (UTF-8)") from None
    if "\0" in text:
        raise UserError(f"{path} is not a text file: it holds zero bytes")
    return text


def parse(text: str, path: Path | str, layouts: Layouts, usual: int) -> Columns:
    """The columns of `text` by name, each (K,). Its first row tells the separator and which of `layouts` it has.

    Columns are separated by commas, semicolons or white space. Text without rows has the columns layouts[usual].
    Raises UserError with `path` and line where a row has another number of columns, or a field cannot be right.
    """
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    if not first:
        return {name: np.zeros(0) for name in layouts[usual] if name}
    separator = next((mark for mark in ",;" if mark in first), None)
    names = layouts.get(len(split(first, separator)), layouts[usual])
    used = [index for index, name in enumerate(names) if name]
    rows = parse_plain(text, separator, len(names), used)
    if rows is None:
        rows = parse_any(text, separator, len(names), used)
    if rows is None:
        rows = parse_by_line(text, path, separator, names, used)
    columns = {names[index]: rows[:, k] for k, index in enumerate(used)}
    if wrong := find_fault(columns):
        row, fault = wrong
        numbers = [number for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        raise UserError(f"{path} line {numbers[row]}: {fault}")
    return columns


def parse_plain(text: str, separator: str | None, width: int, used: list[int]) -> Floats | None:
    """The numbers (K, used) of plain rows, twice as fast as NumPy reads them; None where a row is not as plain.

    Numbers between commas, line after line, are what JSON has between brackets, and its parser is quick.
    """
    if separator != ",":
        return None
    body = text.strip()
    signs = np.frombuffer(body.encode(), dtype=np.uint8)
    commas = np.append(np.cumsum(signs == ord(","))[signs == ord("\n")], (signs == ord(",")).sum())
    if not np.array_equal(commas, np.arange(1, len(commas) + 1) * (width - 1)) or not np.isin(signs, PLAIN).all():
        return None
    try:
        numbers = np.array(json.loads(f"[{body.replace(chr(10), ',')}]"), dtype=np.float64)
    except ValueError:
        return None
    return numbers.reshape(-1, width)[:, used]


def parse_any(text: str, separator: str | None, width: int, used: list[int]) -> Floats | None:
    """The numbers (K, used) as NumPy reads them; None where it refuses."""
    columns = used if len(used) < width else None
    try:
        rows = np.loadtxt(
            io.StringIO(text), delimiter=separator, comments=None, quotechar='"', usecols=columns, ndmin=2
        )
    except ValueError:
        return None
    return rows if rows.shape[1] == len(used) else None


def parse_by_line(
    text: str, path: Path | str, separator: str | None, names: tuple[str, ...], used: list[int]
) -> Floats:
    """The numbers (K, used) of a text that the fast reader refuses, slowly. Raises UserError at its first fault."""
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        fields = split(line, separator)
        fault = line_fault(line, fields, separator, names)
        if fault:
            raise UserError(f"{path} line {number}: {fault}")
        rows.append([float(fields[index]) for index in used])
    return np.array(rows)


def split(line: str, separator: str | None) -> list[str]:
    """The fields of a line, bare of quotes and surrounding space; no separator means white space."""
    if separator is None:
        return line.split()
    fields = next(csv.reader([line.strip()], delimiter=separator)) if '"' in line else line.split(separator)
    return [field.strip() for field in fields]


def line_fault(line: str, fields: list[str], separator: str | None, names: tuple[str, ...]) -> str | None:
    """What is wrong with a line, or None."""
    odd = [(name, field) for name, field in zip(names, fields, strict=False) if name and not NUMBER.fullmatch(field)]
    if not odd and len(fields) == len(names):
        return None
    others = [mark for mark in ",;" if mark != separator and mark in line]
    if others or (separator and any(len(field.split()) > 1 for field in fields)):
        mixed = f"'{others[0]}'" if others else "white space"
        usual = f"'{separator}'" if separator else "white space"
        return f"columns separated by {mixed}, the first row has {usual}; a file has one separator"
    if len(fields) != len(names):
        named = ", ".join(name or "…" for name in names)
        return f"{len(fields)} column{'s' * (len(fields) != 1)}, expected {len(names)} ({named})"
    name, field = odd[0]
    return f"{name} is {shorten(field)}, expected a {'whole ' * (name in WHOLE)}number"


def shorten(field: str) -> str:
    """A field as a message shows it."""
    return repr(field if len(field) <= 20 else field[:20] + "…") if field else "empty"


def find_fault(columns: Columns) -> tuple[int, str] | None:
    """The first row that cannot be right, and why: a value not finite or not whole, or a frame before the first."""
    faults: list[tuple[int, str]] = []
    for name, values in columns.items():
        wrong = ~np.isfinite(values)
        expected = f"{name} is {{:g}}, expected a finite number"
        if name in WHOLE and not wrong.any():
            wrong = (values != np.rint(values)) | (np.abs(values) > LARGEST)
            expected = f"{name} is {{:g}}, expected a whole number"
        if name == "frame" and not wrong.any():
            wrong = values < 1
            expected = "frame {:g}, expected 1 or more (frames count from 1)"
        if wrong.any():
            row = int(wrong.argmax())
            faults.append((row, expected.format(values[row])))
    return min(faults, key=lambda fault: fault[0], default=None)


def to_annotation(columns: Columns, embedding: NDArray[np.floating[Any]] | None = None) -> Annotation:
    """Checked columns as an Annotation sorted by frame (rows of one frame stay in order).

    frame and a box are needed. Missing: id is −1, score 1, class 0, visibility 1.
    """
    frame = columns["frame"].astype(np.int64)
    if "x1" in columns:
        xyxy = np.column_stack([columns[name] for name in ("x1", "y1", "x2", "y2")])
    else:
        xyxy = xywh_to_xyxy(np.column_stack([columns[name] for name in ("x", "y", "w", "h")]))
    annotation = Annotation(
        frame=frame,
        id=filled(columns, "id", -1).astype(np.int64),
        xyxy=xyxy,
        score=filled(columns, "score", 1.0),
        class_id=filled(columns, "class", 0).astype(np.int64),
        visibility=filled(columns, "visibility", 1.0),
        embedding=embedding,
    )
    return annotation if (np.diff(frame) >= 0).all() else annotation[np.argsort(frame, kind="stable")]


def filled(columns: Columns, name: str, default: float) -> Floats:
    """A column, or `default` in every row."""
    return np.ascontiguousarray(columns.get(name, np.full(len(columns["frame"]), default)))


def to_columns(annotation: Annotation, visibility: bool = False) -> dict[str, NDArray[Any]]:
    """What files say of each box: frame, id, x, y, w, h, score, class[, visibility], sorted by frame then id.

    x, y, w, h are rounded to 2 decimals, score and visibility to 4.
    """
    rows = annotation[np.lexsort((annotation.id, annotation.frame))]
    x, y, w, h = np.round(xyxy_to_xywh(rows.xyxy), 2).T + 0.0  # adding 0 turns −0 into 0
    columns = {"frame": rows.frame, "id": rows.id, "x": x, "y": y, "w": w, "h": h}
    columns |= {"score": np.round(rows.score, 4) + 0.0, "class": rows.class_id}
    return columns | ({"visibility": np.round(rows.visibility, 4)} if visibility else {})


def format_rows(row: str, columns: Mapping[str, NDArray[Any]]) -> str:
    """Each row of `columns` in the format `row`, all by one format: a loop over the rows takes twice as long."""
    values = np.column_stack(list(columns.values()))
    return row * len(values) % tuple(values.ravel().tolist())
