"""Ctrl-C and SIGTERM wait for the end of a block of code that must not be interrupted."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LOG = logging.getLogger("idfree")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def deferred_interruptions(what: str) -> Iterator[None]:
    """Let the handlers of SIGINT and SIGTERM run at the end of the block, and not within it.

    For libraries in C++ that call Python where no exception may leave it: a KeyboardInterrupt ends the process there,
    without a sentence, and files that were being written stay. what: that is waited for, as it is told.
    """
    if threading.current_thread() is not threading.main_thread():  # other threads have no signals
        yield
        return
    received: list[int] = []

    def remember(number: int, _: object) -> None:
        received.append(number)
        LOG.error("interrupted: ends after %s", what)  # told also where warnings are silenced

    before = {number: signal.getsignal(number) for number in SIGNALS}
    handlers = {number: handler for number, handler in before.items() if callable(handler)}
    for number in handlers:
        signal.signal(number, remember)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for first in received[:1]:
            handlers[signal.Signals(first)](first, None)
