"""A process of this machine that runs one item and sends its outcome; it ends as soon as its parent does."""

import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from idfree.core.errors import UserError

PARENT_POLL = 0.5  # seconds between two checks that the parent lives, where its pipe does not say so
GRACE = 0.5  # seconds in which an orphan may delete its temporary files
GRACE_ON_CLOSE = 5.0  # the same for processes whose parent waits for them, before it kills them
ITEM_ERRORS = (UserError, OSError, MemoryError)  # reported as the item's outcome; other exceptions are program errors


def run_item(function: Callable[[Any], Any], item: Any) -> Any:
    """Return the result, or one of ITEM_ERRORS as a UserError."""
    try:
        return function(item)
    except ITEM_ERRORS as error:
        return UserError(str(error) or f"{type(error).__name__}: perhaps too little memory")


def start_process(function: Callable[[Any], Any], item: Any) -> tuple[Connection, BaseProcess]:
    """Start a process for one item; return the receiving end of the pipe for its outcome, and the process.

    Function and item are unpickled by `process_main`, not by multiprocessing: opening networks may take long, and the
    process should watch its parent by then.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=process_main, args=(sender, pickle.dumps((function, item))), daemon=True)
    with sigint_blocked():
        process.start()
    sender.close()  # the process has its own copy; the pipe reaches its end when that is closed
    return receiver, process


def end_processes(processes: list[BaseProcess]) -> None:
    """Terminate processes and wait for their end; those that take longer than GRACE_ON_CLOSE are killed."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(GRACE_ON_CLOSE)
        if process.is_alive():
            process.kill()
            process.join()


@contextmanager
def sigint_blocked() -> Iterator[None]:
    """Block SIGINT (Ctrl-C) meanwhile, so that processes started here inherit the mask and ignore it while importing.

    The current process receives a blocked signal afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # otherwise the first start does this, and resets the mask
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def process_main(pipe: Connection, task: bytes) -> None:
    """Main function of a worker process: unpickle (function, item), send (outcome,).

    SIGINT is ignored: the parent decides what Ctrl-C means. SIGTERM, and the end of the parent, interrupt the function
    as Ctrl-C would, so that it deletes its temporary files; then the process ends, killed by SIGTERM, in silence.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(format="idfree: %(message)s", level=logging.WARNING)
    try:
        signal.signal(signal.SIGTERM, interrupt_once)
        threading.Thread(target=end_with_parent, name="parent", daemon=True).start()
        send_outcome(pipe, task)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    except KeyboardInterrupt:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)


def interrupt_once(number: int, _: object) -> None:
    """Signal handler: interrupt as Ctrl-C does; further signals of this number do not disturb the cleaning up."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def send_outcome(pipe: Connection, task: bytes) -> None:
    """Run the task and send (outcome,), unless nobody receives it any more."""
    function, item = pickle.loads(task)
    message = (run_item(function, item),)
    try:
        pipe.send(message)
    except BrokenPipeError:
        raise KeyboardInterrupt from None


def end_with_parent() -> None:
    """Wait for the end of the parent, then end this process: SIGTERM, and after GRACE seconds without any cleaning up.

    The parent's end closes a pipe, which is noticed at once; a program that the parent has forked may hold that pipe
    open, hence the parent's number is compared, too.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    while parent.is_alive() and os.getppid() == parent.pid:
        parent.join(PARENT_POLL)
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE)
    os._exit(128 + signal.SIGTERM)
