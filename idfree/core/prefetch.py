"""Prefetching: iterate in a background thread while the consumer uses earlier items."""

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
Message = tuple[bool, Any]  # (False, item), or at the end (True, the exception, or None if there was none)

PATIENCE = 5.0  # seconds that a live source may take for its current item when it is cancelled
POLL_INTERVAL = 0.1  # seconds between two checks for cancellation while the queue is full


def prefetch(items: Iterable[T], depth: int = 1, patience: float | None = None) -> Generator[T]:
    """Yield the same items in the same order, produced by a background thread.

    At most `depth` + 1 items are produced in advance. An exception of the producer is raised here, after the items
    before it. If this generator is closed, the thread ends after its current item and closes `items`. patience: seconds
    to wait for that, before a source that gives no item any more (a pipe, a camera) is left behind; None for no limit.
    A thread that is left behind in C++ (OpenCV) when Python ends aborts the process, however late it returns.
    """
    buffer: queue.Queue[Message] = queue.Queue(depth)
    cancelled = threading.Event()
    thread = threading.Thread(target=produce, args=(iter(items), buffer, cancelled), name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            is_end, item = buffer.get()
            if is_end and item is None:
                return
            if is_end:
                raise item
            yield item
    finally:
        cancelled.set()
        thread.join(patience)


def produce(items: Iterator[Any], buffer: "queue.Queue[Message]", cancelled: threading.Event) -> None:
    """Put (False, item) for each item, then (True, the exception that ended the iteration, or None)."""
    failure = None
    try:
        for item in items:
            if not put_until_cancelled(buffer, (False, item), cancelled):
                break
    except BaseException as error:
        failure = error
    finally:
        if isinstance(items, Generator):
            items.close()
    put_until_cancelled(buffer, (True, failure), cancelled)


def put_until_cancelled(buffer: "queue.Queue[Message]", message: Message, cancelled: threading.Event) -> bool:
    """Put a message as soon as the queue has room; return False if cancelled before that."""
    while not cancelled.is_set():
        try:
            buffer.put(message, timeout=POLL_INTERVAL)
            return True
        except queue.Full:
            continue
    return False
