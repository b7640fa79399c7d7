"""Files that appear whole or not at all: write beside the target, then rename."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from idfree.core.errors import UserError


@contextmanager
def whole(path: Path | str) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes `path` when the block ends well and vanishes when it does not.

    The temporary file lies in the same folder (a rename across file systems is not atomic) and keeps the suffix
    (video writers choose the container by it). Raises UserError where the folder cannot be made or written to.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    make_folder(path.parent)
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        if error.filename is None or Path(os.fsdecode(error.filename)) not in (partial, path):
            raise
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` to `path` as UTF-8 with Unix line ends, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def make_folder(path: Path) -> None:
    """Make `path` and its parents, and be sure that it can be written to. Raises UserError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK):
        raise UserError(f"cannot write into the folder {path}: permission denied")
