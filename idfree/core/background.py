"""A background thread that processes items in the order in which they are put."""

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, TypeVar

T = TypeVar("T")

POLL_INTERVAL = 0.1  # seconds between two checks whether the thread has failed, while its queue is full


class Background(Generic[T]):
    """Calls a function with each item that is put, in order, in a thread of its own; a context manager.

    depth: items that wait at most, before `put` waits for room. An exception of the function ends the work; it is
    raised by the next `put`, or at the end of the block. The block ends when all items are processed; if an exception
    ends it, once the current item is.
    """

    def __init__(self, function: Callable[[T], Any], depth: int = 2, name: str = "background"):
        self.function = function
        self.waiting: queue.Queue[tuple[T] | None] = queue.Queue(depth)  # None: the end
        self.cancelled = threading.Event()
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self.work, name=name, daemon=True)

    def __enter__(self) -> "Background[T]":
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.insert(None)
                self.thread.join()
                self.raise_failure()
        finally:  # also after Ctrl-C meanwhile
            self.cancelled.set()
            self.thread.join()

    def put(self, item: T) -> None:
        """Hand over an item. Raises the exception of the thread if an earlier item has failed."""
        self.insert((item,))

    def insert(self, message: tuple[T] | None) -> None:
        """Put a message into the queue as soon as there is room."""
        while True:
            self.raise_failure()
            try:
                self.waiting.put(message, timeout=POLL_INTERVAL)
                return
            except queue.Full:
                continue

    def raise_failure(self) -> None:
        """Raise the exception that ended the thread, if there is one."""
        if self.failure is not None:
            raise self.failure

    def work(self) -> None:
        """Process messages until the end, a failure, or a cancellation."""
        while not self.cancelled.is_set():
            try:
                message = self.waiting.get(timeout=POLL_INTERVAL)
            except queue.Empty:
                continue
            if message is None:
                return
            try:
                self.function(*message)
            except BaseException as error:
                self.failure = error
                return
