"""Read and write single files of zip archives."""

import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from idfree.core.errors import UserError
from idfree.core.files import atomic_write
from idfree.core.reading import MALFORMED, explain_errors
from idfree.datasets.submission import write_entry

MAX_BYTES = 1 << 30  # of an unpacked file of labels: more is no file of labels

UNREADABLE: tuple[type[Exception], ...] = (*MALFORMED, RuntimeError)  # RuntimeError: encrypted


def is_zip(path: Path) -> bool:
    """Whether a path is a file called .zip."""
    return path.suffix.lower() == ".zip" and path.is_file()


def find_entry(path: Path, name: str) -> str | None:
    """The entry of an archive that is `name`, or ends in it in some folder; None if there is none, or no archive."""
    parts = PurePosixPath(name).parts
    try:
        with zipfile.ZipFile(path) as archive:
            return next((n for n in archive.namelist() if PurePosixPath(n).parts[-len(parts) :] == parts), None)
    except MALFORMED:
        return None


def read_entry(path: Path, name: str) -> bytes:
    """The bytes of an entry. Raises UserError if it is damaged, missing, or too large."""
    with explain_errors(path):
        try:
            with zipfile.ZipFile(path) as archive:
                if archive.getinfo(name).file_size > MAX_BYTES:
                    raise UserError(f"{path}: {name} has more than {MAX_BYTES} bytes, too many for labels")
                return archive.read(name)
        except FileNotFoundError:
            raise
        except UNREADABLE as error:
            raise UserError(f"{path}: {name} cannot be read: {error}") from None


def write_archive(path: Path, texts: Mapping[str, str]) -> None:
    """Write an archive of text files by name, atomically; equal texts give equal archives."""
    with atomic_write(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, text in texts.items():
            write_entry(archive, name, text)
