"""Tasks that test_workers runs in other processes, which import this module.

Run as a script, it processes the items TASK… of FOLDER in two processes: python tasks_of_workers.py FOLDER TASK TASK.
"""

import os
import signal
import sys
from functools import partial
from pathlib import Path

from idfree.core.errors import MissingExtra
from idfree.core.files import atomic_write
from idfree.core.workers import WorkerPool, map_items


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


class Stuck:
    """An item whose unpickling never ends, as that of a network on a drive that does not answer."""

    def __init__(self, fifo):
        self.fifo = fifo

    def __reduce__(self):
        return never_end, ("stuck", self.fifo)


def never_end(task, fifo):
    """Open the FIFO for writing, which the end of this process closes; then wait for ever.

    "polite": with a temporary file beside the FIFO. "rude": also after an interruption.
    """
    file = os.open(fifo, os.O_WRONLY)
    os.write(file, b".")
    while True:
        try:
            with atomic_write(Path(fifo).with_name(f"{task}.txt")) as partial_file:
                partial_file.touch()
                signal.pause()
        except KeyboardInterrupt:
            if task != "rude":
                raise


def main(fifo, *tasks):
    """Process all tasks in two processes."""
    items = {task: Stuck(fifo) if task == "stuck" else task for task in tasks}
    print(list(map_items(partial(never_end, fifo=fifo), items, WorkerPool(2))))


if __name__ == "__main__":
    main(*sys.argv[1:])
