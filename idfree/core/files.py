"""Atomic writing of files: write to a temporary file in the same folder, then rename it."""

import errno
import os
import platform
import re
import shutil
import stat
import tempfile
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from idfree.core.errors import UserError, first_line

WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # not EIO, which may be of a file that is read
PARTIAL = re.compile(r"\..*\.(\d+)(?:-([0-9a-f]{8}))?\.partial(\.[^.]*)?", re.DOTALL)
FILE_SUFFIXES = (  # of files that commands read and write, or that users may expect them to write
    *(".txt", ".csv", ".json", ".parquet", ".npy", ".npz", ".xml", ".yaml", ".zip", ".html"),
    *(".mp4", ".avi", ".mov", ".mkv", ".webm", ".gif", ".png", ".jpg", ".jpeg", ".svg", ".pdf"),
    *(".onnx", ".pt", ".pth"),
)
LONGEST_NAME = 255  # bytes of a file's name, on all common file systems
RECORDS: list[list[Path]] = []  # folders created so far in each running block of `empty_folders_removed`
CLEANING = threading.Lock()  # what another thread begins to write meanwhile would be taken for a leftover


@contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path to write to; rename it to `path` if the block succeeds, delete it if the block raises.

    The temporary file lies in the folder of `path` (renaming across file systems is not atomic) and has its suffix
    (video writers choose the container by it). A link stays, the file that it names is replaced; pipes and character
    devices (/dev/stdout) get the bytes at the end. Raises UserError if the folder cannot be created or written to.
    """
    path = Path(path)
    if is_special(path):
        with write_through(path) as partial:
            yield partial
        return
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    partial = path.with_name(partial_name(path))
    make_folder(path.parent)
    remove_leftovers(path.parent)
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder")
    try:
        yield partial
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:
        if not is_failed_write(error, partial, path):
            raise
        raise UserError(f"cannot write {path}: {write_failure(error)}") from error
    finally:
        partial.unlink(missing_ok=True)


def partial_name(path: Path) -> str:
    """Name of a temporary file for `path`, no longer than LONGEST_NAME if that of `path` is not.

    Of a name that would be too long, the end is replaced by a code for the whole.
    """
    ending = f".{os.getpid()}-{host_code()}.partial{path.suffix}"
    stem, room = os.fsencode(path.stem), LONGEST_NAME - len(os.fsencode(f".{ending}"))
    if len(stem) <= room:
        return f".{path.stem}{ending}"
    code = f"{zlib.crc32(stem):08x}"
    return f".{stem[: max(room - len(code), 0)].decode('utf-8', 'ignore')}{code}{ending}"


def is_failed_write(error: OSError | RuntimeError, *paths: Path) -> bool:
    """Whether an exception tells that one of these files could not be written.

    Libraries name no file, and NumPy and PyTorch not even an error number, if the disk is full.
    """
    if isinstance(error, RuntimeError):
        return "PytorchStreamWriter" in str(error)
    if error.filename is None:
        return error.errno is None or error.errno in WRITE_ERRORS
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else ""
    return name.removeprefix("file:") in map(str, paths)  # FFmpeg's names begin with it


def write_failure(error: OSError | RuntimeError) -> str:
    """What failed; NumPy's own error tells only how many bytes it has written."""
    if text := getattr(error, "strerror", None):
        return str(text)
    return f"{first_line(error)}: is the disk full?" if isinstance(error, OSError) else first_line(error)


def is_special(path: Path) -> bool:
    """Whether a path is neither a regular file nor a folder, nor a link to one. Raises UserError for a link loop."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UserError(f"cannot write {path}: {error.strerror}") from error
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def write_through(path: Path) -> Iterator[Path]:
    """Yield a temporary path; its bytes go to the pipe or character device `path` if the block succeeds.

    Raises UserError for other kinds (disks, sockets), and for a pipe that nobody reads.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        raise UserError(f"cannot write {path}: it is neither a file, nor a pipe or character device")
    with tempfile.TemporaryDirectory() as folder:
        partial = Path(folder) / path.name
        yield partial
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)  # does not wait for the reader of a pipe
            os.set_blocking(descriptor, True)
            with partial.open("rb") as source, open(descriptor, "wb") as target:
                shutil.copyfileobj(source, target)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from error


@cache
def host_code() -> str:
    """A code for this machine, in the names of temporary files, as folders may be shared."""
    return f"{zlib.crc32(platform.node().encode()):08x}"


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files in a folder whose process was killed, when this process first writes into it.

    Those of other machines, whose processes cannot be seen, stay.
    """
    with CLEANING:
        remove_leftovers_once(folder, os.getpid())


@cache
def remove_leftovers_once(folder: Path, process: int) -> None:
    """`remove_leftovers`, the first time that it is called with this folder in this process."""
    try:
        names = [entry.name for entry in os.scandir(folder) if ".partial" in entry.name]
    except OSError:
        return
    for name in names:
        match = PARTIAL.fullmatch(name)
        if match and match[2] in (None, host_code()) and not is_running(int(match[1])):
            with suppress(OSError):
                (folder / name).unlink()


def is_running(process: int) -> bool:
    """Whether another process of this number exists."""
    if process == os.getpid():  # of a process before this one, such as in a container, which counts from 1 again
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True


def write_text(path: Path | str, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8 with Unix line ends. Raises UserError."""
    write_bytes(path, text.encode())


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write `data` to `path` atomically. Raises UserError."""
    with atomic_write(path) as partial:
        try:
            partial.write_bytes(data)
        except OSError as error:
            raise UserError(f"cannot write {path}: {write_failure(error)}") from error


def is_named_like_file(path: Path) -> bool:
    """Whether the name of a path that is no folder ends as those of files do, such as .gif or .onnx."""
    return path.suffix.lower() in FILE_SUFFIXES and not os.path.isdir(path)


def refuse_overwriting(outputs: Iterable[Path], inputs: Iterable[Path | str]) -> None:
    """Raises UserError if an output is an input, or would lie directly in a folder that is one; call it before writing.

    Also if two outputs are one file, as the results of a video called `summary` in summary.json.
    Files and folders are the same if links and other spellings lead to them. inputs: what does not exist (names such as
    `people`, addresses) counts for nothing.
    """
    sources: dict[tuple[int, int] | None, Path | str] = {file_identity(path): path for path in inputs}
    sources.pop(None, None)
    written: set[str] = set()
    for output in outputs:
        if (name := os.path.abspath(output)) in written:
            raise UserError(f"{output} would be written twice, with different contents: rename the source")
        written.add(name)
        if (source := sources.get(file_identity(output))) is not None:
            raise UserError(f"{output} would overwrite {source}, which is read: choose another output with -o")
        if (source := sources.get(file_identity(output.parent))) is not None:
            raise UserError(f"{output} would change the folder {source}, which is read: choose another output with -o")


def file_identity(path: Path | str | int) -> tuple[int, int] | None:
    """Device and inode of a file or folder, the same for all its names; None if there is none, or for pipes.

    path: or the number of an open file.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a name with NUL or surrogates
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode) else None


def make_folder(path: Path) -> None:
    """Create the folder `path` and its parents if needed. Raises UserError if it cannot be created or written to."""
    try:
        for record in RECORDS:
            record.extend(folder for folder in (*reversed(path.parents), path) if not os.path.lexists(folder))
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        found = "it is a file" if path.exists() else "it is a link to what does not exist"
        raise UserError(f"cannot make the folder {path}: {found}") from None
    except OSError as error:
        raise UserError(f"cannot make the folder {path}: {error.strerror}") from error
    except ValueError:
        raise UserError(f"cannot make the folder {path}: a name cannot hold zero bytes") from None
    if not os.access(path, os.W_OK):
        raise UserError(f"cannot write into the folder {path}: permission denied")


@contextmanager
def empty_folders_removed() -> Iterator[None]:
    """If the block raises, remove the folders that `make_folder` created in it and that are empty."""
    made: list[Path] = []
    RECORDS.append(made)
    try:
        yield
    except BaseException:
        for folder in reversed(made):
            with suppress(OSError, ValueError):  # not empty, never created, or no possible name
                folder.rmdir()
        raise
    finally:
        RECORDS.pop()
