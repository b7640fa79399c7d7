"""A file that grows while the work goes on, as NAME.partial, and gets its name when the work ends, however it ends."""

import os
import shutil
from io import FileIO
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.file_lock import lock_kept, process_with_lock, try_to_lock
from idfree.core.files import atomic_write, file_identity, is_special, make_folder, remove_leftovers


class GrowingFile:
    """Appends to PATH.partial; `finish` renames it to PATH, `discard` deletes it.

    Each `append` is written at once, whole or not at all, so that a process that is killed leaves all that came before.
    Raises UserError if the file cannot be written, or if another process is writing it.
    """

    def __init__(self, path: Path):
        make_folder(path.parent)
        remove_leftovers(path.parent)
        if path.is_dir():
            raise UserError(f"cannot write {path}: it is a folder")
        self.path, self.partial = path, path.with_name(f"{path.name}.partial")
        self.size = 0  # bytes of whole appends
        try:
            self.file = open_alone(self.partial, path)
        except OSError as error:
            raise UserError(f"cannot write {self.partial}: {error.strerror}") from error

    def append(self, data: bytes) -> None:
        """Write these bytes at the end. Raises UserError, with the file as it was before."""
        rest = memoryview(data)
        try:
            self.file.seek(self.size)
            while rest:
                rest = rest[self.file.write(rest) :]
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror or error}") from error
        self.size += len(data)

    def finish(self) -> None:
        """Give the file its name, with the whole appends only. Raises UserError."""
        try:
            self.trim()
            with lock_kept(self.file):
                self.file.close()
                if self.path.is_symlink() or is_special(self.path):  # where a link leads may be another file system
                    with atomic_write(self.path) as target:
                        shutil.copyfile(self.partial, target)
                    self.discard()
                else:
                    os.replace(self.partial, self.path)
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror or error}") from error

    def trim(self) -> None:
        """Cut off what an append that failed has left."""
        if not self.file.closed:
            self.file.truncate(self.size)

    def discard(self) -> None:
        """Delete it."""
        with lock_kept(self.file):
            self.file.close()
            self.partial.unlink(missing_ok=True)


def open_alone(partial: Path, path: Path) -> FileIO:
    """Open the file `partial`, emptied and locked; it will be `path`. Raises UserError if another process writes it."""
    while True:
        file = FileIO(os.open(partial, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b")
        if not try_to_lock(file):
            process = process_with_lock(file)
            file.close()
            number = "" if process is None else f" (process {process})"
            raise UserError(f"{path} is being written by another run{number}: wait for it, or choose another -o")
        try:
            if file_identity(partial) == file_identity(file.fileno()):
                file.truncate(0)
                return file
        except BaseException:  # Ctrl-C
            partial.unlink(missing_ok=True)
            file.close()
            raise
        file.close()  # the other process has just finished, and renamed or deleted it
