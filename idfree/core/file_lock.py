"""Locks of open files, against two processes that write one file; the system releases them when a process ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl

LOCKS = Path("/proc/locks")  # Linux's list, rows `1: FLOCK ADVISORY WRITE PROCESS MAJOR:MINOR:INODE 0 EOF`


def try_to_lock(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed; False if it is locked already.

    Where files cannot be locked (Windows, some network file systems), the answer is True.
    """
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def process_with_lock(file: IO[bytes]) -> int | None:
    """The number of the process that has locked an open file, as far as the system tells."""
    status = os.fstat(file.fileno())
    try:
        rows = [row.split() for row in LOCKS.read_text().splitlines()]
    except OSError:
        return None
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    found = [int(row[4]) for row in rows if len(row) > 5 and (row[1], row[5]) == ("FLOCK", place)]
    return next((process for process in found if process > 0), None)  # 0: it cannot be seen from this container


@contextmanager
def lock_kept(file: IO[bytes]) -> Iterator[None]:
    """Within the block, an open file stays locked although it is closed there."""
    if sys.platform == "win32" or file.closed:
        yield
        return
    descriptor = os.dup(file.fileno())
    try:
        yield
    finally:
        os.close(descriptor)
