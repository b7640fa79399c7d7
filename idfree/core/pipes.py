"""Named pipes (FIFOs, `/dev/stdin`, `<(command)`): they can be read once, and wait for somebody who writes."""

import logging
import os
import select
import stat
from pathlib import Path

from idfree.core.errors import UserError

CHUNK = 1 << 16  # bytes read at a time
SILENCE = 1.0  # seconds without a writer after which a message says what is being waited for

SYSTEM = ("/dev", "/proc")  # folders of the pipes and devices of the system

LOG = logging.getLogger("idfree")


def is_pipe(path: Path | str) -> bool:
    """Whether a path is a named pipe. Its contents cannot be looked at in advance: what is read is gone."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):  # ValueError: a name with a zero byte
        return False


def is_null_device(path: Path | str) -> bool:
    """Whether a path is the null device, which is read as an empty file."""
    try:
        return os.path.samestat(os.stat(path), os.stat(os.devnull))
    except (OSError, ValueError):
        return False


def refuse_device(path: Path | str) -> None:
    """Raises UserError for a device that is neither a terminal nor the null device, and OSError as `os.stat` does."""
    mode = os.stat(path).st_mode
    if not (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) or is_null_device(path):
        return
    with open(path, "rb", buffering=0) as file:
        if not file.isatty():
            raise UserError(f"{path} is a device, expected a file")


class PipeReader:
    """A named pipe as a file object with `read` and `close`.

    Opening does not wait; the first read waits for data, and the logger "idfree" says so after SILENCE seconds.
    FFmpeg's callbacks swallow KeyboardInterrupt: `interrupted` tells that it occurred, and the data seem to end there.
    Raises UserError if the pipe cannot be opened.
    """

    def __init__(self, path: Path | str):
        self.path = path
        self.interrupted = False
        self.started = False
        try:
            self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # otherwise waits for a writer
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error

    def read(self, size: int = CHUNK) -> bytes:
        """Return up to `size` bytes as soon as there are any; b"" at the end."""
        if self.interrupted:  # FFmpeg asks again
            return b""
        try:
            if not self.started:
                self.wait_for_data()
            return os.read(self.descriptor, size)
        except KeyboardInterrupt:
            self.interrupted = True
            return b""

    def wait_for_data(self) -> None:
        """Wait until somebody has written, or has opened and closed the pipe without writing."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        if not poll.poll(1000 * SILENCE):
            LOG.warning("%s is a pipe: waiting for somebody to write into it", self.path)
            poll.poll()
        self.started = True
        os.set_blocking(self.descriptor, True)

    def close(self) -> None:
        """Close the pipe; a second call does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def read_bytes(path: Path | str) -> bytes:
    """Contents of a file or a named pipe. Raises OSError as `Path.read_bytes`, KeyboardInterrupt while waiting."""
    if not is_pipe(path):
        return Path(path).read_bytes()
    return read_pipe(path)


def is_of_system(path: Path | str) -> bool:
    """Whether a path is that of a pipe or device of the system, such as /dev/stdin and /dev/fd/63."""
    return any(Path(path).absolute().is_relative_to(folder) for folder in SYSTEM)


def read_pipe(path: Path | str) -> bytes:
    """Contents of a pipe, to its end. Raises UserError, and KeyboardInterrupt while waiting."""
    pipe, chunks = PipeReader(path), []
    try:
        while chunk := pipe.read():
            chunks.append(chunk)
    finally:
        pipe.close()
    if pipe.interrupted:
        raise KeyboardInterrupt
    return b"".join(chunks)
