"""Items made in another thread are the same, in order, and so are errors."""

import threading

import pytest

from idfree.core.prefetch import prefetch


def test_the_same_items_in_order_from_another_thread():
    makers = set()

    def items():
        for n in range(100):
            makers.add(threading.current_thread())
            yield n

    assert list(prefetch(items(), depth=3)) == list(range(100))
    assert len(makers) == 1
    assert threading.current_thread() not in makers
    assert not any(thread.is_alive() for thread in makers)
    assert list(prefetch([])) == []


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        yield 2
        raise ValueError("broken")

    some = prefetch(items())
    assert [next(some), next(some)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(some)


def test_no_more_is_made_than_wanted_and_what_was_open_is_closed():
    made, closed = [], threading.Event()

    def items():
        try:
            for n in range(1000):
                made.append(n)
                yield n
        finally:
            closed.set()

    some = prefetch(items(), depth=2)
    assert [next(some), next(some)] == [0, 1]
    some.close()
    assert closed.is_set()
    assert len(made) <= 2 + 2 + 1
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_two_in_a_row():
    doubled = prefetch(2 * n for n in prefetch(iter(range(10))))
    assert [n + 1 for n in doubled] == [2 * n + 1 for n in range(10)]
