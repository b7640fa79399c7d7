"""Prefetching keeps items, their order and exceptions."""

import threading
import time

import pytest

from idfree.core.prefetch import prefetch


def test_items_come_in_order_from_another_thread():
    producers = set()

    def items():
        for n in range(100):
            producers.add(threading.current_thread())
            yield n

    assert list(prefetch(items(), depth=3)) == list(range(100))
    assert len(producers) == 1
    assert threading.current_thread() not in producers
    assert not any(thread.is_alive() for thread in producers)
    assert list(prefetch([])) == []


def test_an_exception_is_raised_after_the_items_before_it():
    def items():
        yield 1
        yield 2
        raise ValueError("broken")

    some = prefetch(items())
    assert [next(some), next(some)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(some)


def test_closing_stops_the_producer_and_closes_the_source():
    produced, closed = [], threading.Event()

    def items():
        try:
            for n in range(1000):
                produced.append(n)
                yield n
        finally:
            closed.set()

    some = prefetch(items(), depth=2)
    assert [next(some), next(some)] == [0, 1]
    some.close()
    assert closed.is_set()
    assert len(produced) <= 2 + 2 + 1
    assert not [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def test_nested_prefetching():
    doubled = prefetch(2 * n for n in prefetch(iter(range(10))))
    assert [n + 1 for n in doubled] == [2 * n + 1 for n in range(10)]


def test_closing_waits_for_the_item_in_work():
    done, begun = [], threading.Event()

    def items():
        yield 1
        begun.set()
        time.sleep(0.2)
        done.append(2)
        yield 2

    some = prefetch(items())
    assert next(some) == 1
    begun.wait()
    some.close()
    assert done == [2]


def test_a_source_that_is_stuck_is_left_behind():
    released = threading.Event()

    def items():
        yield 1
        released.wait()

    some = prefetch(items(), patience=0.01)
    assert next(some) == 1
    some.close()
    released.set()
    for thread in threading.enumerate():
        if thread.name == "prefetch":
            thread.join()
