"""In order, no further ahead than asked, errors where they belong, and nothing left behind."""

import threading

import pytest

pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.learn.data.prefetch import BatchPrefetcher


class Counting:
    """Batches that are their number; which were made, and by whom. Those from `held` on wait for the gate to open."""

    def __init__(self, broken=(), held=1000):
        self.made, self.threads, self.broken, self.held, self.gate = [], set(), broken, held, threading.Event()

    def __call__(self, step):
        self.threads.add(threading.current_thread())
        if step in self.broken:
            raise UserError(f"{step}.jpg: damaged")
        if step >= self.held:
            self.gate.wait()
        self.made.append(step)
        return {"step": step}


def test_without_workers_each_is_made_when_it_is_asked_for():
    batches = Counting()
    with BatchPrefetcher(batches, 0) as ahead:
        assert [ahead(step)["step"] for step in (0, 1, 7)] == batches.made == [0, 1, 7]
    assert batches.threads == {threading.current_thread()}


def test_so_many_are_made_ahead_and_none_twice_or_beyond_the_end():
    batches = Counting()
    with BatchPrefetcher(batches, 1, steps=6, depth=3) as ahead:
        ahead(0)
        assert ahead.waiting.keys() == {1, 2, 3}
        assert [ahead(step)["step"] for step in range(1, 6)] == [1, 2, 3, 4, 5]
        assert not ahead.waiting
    assert batches.made == [0, 1, 2, 3, 4, 5]
    assert threading.current_thread() not in batches.threads


def test_a_run_may_begin_anywhere_and_jump():
    batches = Counting()
    with BatchPrefetcher(batches, 2, steps=100) as ahead:
        assert [ahead(step)["step"] for step in (40, 41, 7, 8, 99, 120)] == [40, 41, 7, 8, 99, 120]
        assert not ahead.waiting


def test_an_error_comes_with_its_batch_and_not_before():
    with BatchPrefetcher(Counting(broken={2}), 2) as ahead:
        assert [ahead(step)["step"] for step in (0, 1)] == [0, 1]
        with pytest.raises(UserError, match=r"2\.jpg: damaged"):
            ahead(2)
        assert ahead(3)["step"] == 3


def interrupted(batches):
    """A run that ends in its second iteration, while two threads are at work and 48 batches wait for one."""
    with BatchPrefetcher(batches, 2, depth=50) as ahead:
        ahead(0)
        ahead.waiting[50].add_done_callback(lambda _: batches.gate.set())  # once it is cancelled, the two may end
        raise KeyboardInterrupt


def test_at_the_end_the_threads_have_stopped_and_what_was_not_begun_is_never_made():
    batches = Counting(held=1)
    with pytest.raises(KeyboardInterrupt):
        interrupted(batches)
    assert not any(thread.is_alive() for thread in batches.threads)
    assert set(batches.made) <= {0, 1, 2}
