"""What test_workers has others do: a module that their processes can import."""

import os
import signal
from pathlib import Path

from idfree.core.errors import MissingExtra


def double(item):
    if item == "refused":
        raise MissingExtra("torch", "train", "this")  # an error that takes more than its message to make
    if item == "missing":
        raise FileNotFoundError(2, "No such file", "there.mp4")
    if item == "large":
        raise MemoryError
    return 2 * item


def die_once(folder, item):
    """Kill this process, unless that was done before: a marker file says so."""
    marker = Path(folder) / f"{item}.tried"
    if item == "fragile" and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item.upper()


def die(item):
    if item == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "wrong":
        raise ZeroDivisionError("a mistake")
    return item.upper()


def interrupt_itself(item):
    os.kill(os.getpid(), signal.SIGINT)
    return item


def wait_for(folder, item):
    """Say that it has begun; then wait for ever, but for `first`."""
    (Path(folder) / item).touch()
    while item != "first":
        signal.pause()
