"""Read text, JSON, XML and NumPy files; whatever is in them, the only error is a UserError that names the file."""

import io
import json
import math
import os
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO
from xml.etree import ElementTree
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.pipes import is_null_device, is_pipe, read_bytes, refuse_device

# What parsers raise for damaged files (SyntaxError and TokenError: NumPy, for the header of an array)
MALFORMED: tuple[type[Exception], ...] = (
    *(ValueError, ArithmeticError, LookupError, TypeError, AttributeError, EOFError, OSError, RecursionError),
    *(MemoryError, SyntaxError, TokenError, NotImplementedError, struct.error, zlib.error, BadZipFile),
)

ZIP = b"PK"  # first bytes of archives, .npz among them
LONGEST = 300  # digits of an integer that can be converted to float64
LONG_INTEGER = re.compile(rf"\d{{{LONGEST + 1}}}")


@contextmanager
def explain_errors(path: Path | str) -> Iterator[None]:
    """Raises UserError in place of the errors of opening and reading a file: missing, a folder, not permitted …"""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, expected a file") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError:
        raise UserError(f"no such file: {str(path)!r} (a name cannot hold zero bytes)") from None


def is_file(path: Path | str) -> bool:
    """Whether a path is a file, a pipe, or a link to one, or the null device, which are read alike.

    False, too, for names that no file can have (Path.is_file raises).
    """
    return os.path.isfile(path) or is_pipe(path) or is_null_device(path)


def is_folder(path: Path | str) -> bool:
    """Whether a path is a folder or a link to one; see `is_file`."""
    return os.path.isdir(path)


def exists(path: Path | str) -> bool:
    """Whether there is a file or folder of this path; see `is_file`."""
    return os.path.exists(path)


def read_content(path: Path | str) -> bytes:
    """The bytes of a file or a pipe. Raises UserError if it is missing, a folder, or cannot be read.

    Also for devices, some of which never end (/dev/zero), but for terminals and the null device.
    """
    with explain_errors(path):
        refuse_device(path)
        return read_bytes(path)


def read_text(path: Path | str) -> str:
    """Read a UTF-8 file, without byte-order mark and with lines ended by newlines. Raises UserError."""
    return decode(read_content(path), path)


def beginning(path: Path, size: int) -> str:
    """The text of the first `size` bytes of a file, without byte-order mark, to tell its kind; "" if unreadable."""
    try:
        with path.open("rb") as file:
            return file.read(size).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def decode(content: bytes, path: Path | str) -> str:
    """The text of UTF-8 bytes; path: for error messages. See `read_text`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text file (UTF-8)") from None
    if "\0" in text:
        raise UserError(f"{path} is not a text file: it holds zero bytes")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: Path | str) -> Any:
    """The value of a JSON file. Raises UserError with the line of a syntax error."""
    return parse_json(read_text(path), str(path))


def parse_json(text: str, place: str) -> Any:
    """The value of a JSON text; integers of more than LONGEST digits are floats. place: file (and line), for messages.

    Raises UserError if it is not JSON, or nested too deep.
    """
    try:
        return json.loads(text, parse_int=parse_long_integer if LONG_INTEGER.search(text) else None)
    except json.JSONDecodeError as error:
        where = f"{place} line {error.lineno}" if error.lineno > 1 or "\n" in text.strip() else place
        raise UserError(f"{where}: is not JSON: {error.msg}") from error
    except RecursionError:
        raise UserError(f"{place}: is not JSON that can be read: its values are nested too deep") from None


def parse_long_integer(digits: str) -> int | float:
    """An int of at most LONGEST digits, else a float: infinity if it is too large for that."""
    return int(digits) if len(digits) <= LONGEST else float(digits)


def read_xml(path: Path | str) -> ElementTree.Element:
    """The root of an XML file. Raises UserError."""
    return parse_xml(read_content(path), str(path))


def parse_xml(content: bytes, place: str) -> ElementTree.Element:
    """The root of an XML text. place: file, for messages. Raises UserError."""
    try:
        return ElementTree.fromstring(content)
    except MALFORMED as error:  # ParseError is a SyntaxError, an unknown encoding a LookupError
        raise UserError(f"{place}: is not XML: {error}") from error


def load_array(path: Path | str) -> NDArray[Any]:
    """The array of an .npy file. Raises UserError if it is another file, holds objects, or is cut off."""
    with explain_errors(path):
        content = read_bytes(path) if is_pipe(path) else None
        with open(path, "rb") if content is None else io.BytesIO(content) as file:
            is_archive = file.read(2) == ZIP
            file.seek(0)
            array = None if is_archive else parse_array(file, path)
    if array is None or array.dtype.kind not in "fiub":
        kind = "an archive" if array is None else f"{str(array.dtype)[:40]} {array.shape}"
        raise UserError(f"{path} holds {kind}, expected numbers (.npy)")
    return array


def parse_array(file: BinaryIO, path: Path | str) -> NDArray[Any]:
    """The array of an open .npy file; memory is allocated only if the file is as large as its header states."""
    try:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
        start = file.tell()
        if math.prod(shape) * dtype.itemsize > file.seek(0, os.SEEK_END) - start:
            raise ValueError("cut off")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
    except MALFORMED:
        raise UserError(f"{path} is not a NumPy array of numbers") from None
