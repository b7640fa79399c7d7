"""Work that goes on in a thread of its own while what came of it so far is used."""

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 0.1  # seconds between two looks at whether anybody still wants the items


def prefetch(items: Iterable[T], depth: int = 1) -> Generator[T]:
    """The same items in order, made by another thread, at most `depth` more of them than were asked for and one.

    What that thread raises is raised here, in its place among the items. When this generator is closed, the thread ends
    after the item that it is at, and closes `items`.
    """
    made: queue.Queue[tuple[bool, Any]] = queue.Queue(depth)
    unwanted = threading.Event()
    thread = threading.Thread(target=make, args=(iter(items), made, unwanted), name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            last, item = made.get()
            if last and item is None:
                return
            if last:
                raise item
            yield item
    finally:
        unwanted.set()
        thread.join()


def make(items: Iterator[Any], made: "queue.Queue[tuple[bool, Any]]", unwanted: threading.Event) -> None:
    """Put (False, item) for each item, and in the end (True, what went wrong, or None)."""
    ending = None
    try:
        for item in items:
            if not put(made, (False, item), unwanted):
                break
    except BaseException as error:
        ending = error
    finally:
        if isinstance(items, Generator):
            items.close()
    put(made, (True, ending), unwanted)


def put(made: "queue.Queue[tuple[bool, Any]]", thing: tuple[bool, Any], unwanted: threading.Event) -> bool:
    """Wait until there is room; False if nobody wants it any more."""
    while not unwanted.is_set():
        try:
            made.put(thing, timeout=PATIENCE)
            return True
        except queue.Full:
            continue
    return False
