"""Work in a thread: order, errors, cancellation."""

import threading

import pytest

from idfree.core.background import Background

UNHURRIED = 60  # seconds, only reached by a failure


def test_items_are_processed_in_order_by_another_thread():
    seen: list[tuple[int, str]] = []
    with Background(lambda item: seen.append((item, threading.current_thread().name)), name="mine") as background:
        for item in range(20):
            background.put(item)
    assert seen == [(item, "mine") for item in range(20)]


def test_nothing():
    with Background(print):
        pass


def put_until_it_fails(background, failed):
    background.put(1)
    assert failed.wait(UNHURRIED)
    while True:
        background.put(2)


def test_an_error_reaches_the_caller_at_the_next_item():
    failed, seen = threading.Event(), []

    def fail(item: int) -> None:
        seen.append(item)
        failed.set()
        raise OSError("full")

    background = Background(fail)
    with pytest.raises(OSError, match="full"), background:
        put_until_it_fails(background, failed)
    assert seen == [1]
    assert not background.thread.is_alive()


def test_an_error_of_the_last_item_is_raised_at_the_end():
    def fail(item: int) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Background(fail) as background:
        background.put(1)


def test_an_error_of_the_caller_ends_it_after_the_current_item():
    begun, go_on, seen = threading.Event(), threading.Event(), []

    def work(item: int) -> None:
        begun.set()
        go_on.wait(UNHURRIED)
        seen.append(item)

    def interrupt(background):
        background.put(1)
        background.put(2)
        assert begun.wait(UNHURRIED)
        background.cancelled.set()
        go_on.set()
        raise KeyboardInterrupt

    background = Background(work)
    with pytest.raises(KeyboardInterrupt), background:
        interrupt(background)
    assert seen == [1]


def test_a_full_queue_waits():
    go_on, seen = threading.Event(), []

    def work(item: int) -> None:
        go_on.wait(UNHURRIED)
        seen.append(item)

    with Background(work, depth=1) as background:
        threading.Timer(0.3, go_on.set).start()
        for item in range(5):
            background.put(item)
    assert seen == list(range(5))
