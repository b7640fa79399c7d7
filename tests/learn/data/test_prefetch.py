"""Order, depth, errors and shutdown of prefetching."""

import threading

import pytest

pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.learn.data.prefetch import BatchPrefetcher


class Counting:
    """Batches that hold their number; records which were made, and threads. Those from `held` on wait for `gate`."""

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


def test_without_workers_batches_are_made_on_request():
    batches = Counting()
    with BatchPrefetcher(batches, 0) as prefetcher:
        assert [prefetcher(step)["step"] for step in (0, 1, 7)] == batches.made == [0, 1, 7]
    assert batches.threads == {threading.current_thread()}


def test_depth_and_end_of_prefetching():
    batches = Counting()
    with BatchPrefetcher(batches, 1, steps=6, depth=3) as prefetcher:
        prefetcher(0)
        assert prefetcher.pending.keys() == {1, 2, 3}
        assert [prefetcher(step)["step"] for step in range(1, 6)] == [1, 2, 3, 4, 5]
        assert not prefetcher.pending
    assert batches.made == [0, 1, 2, 3, 4, 5]
    assert threading.current_thread() not in batches.threads


def test_batches_in_any_order():
    batches = Counting()
    with BatchPrefetcher(batches, 2, steps=100) as prefetcher:
        assert [prefetcher(step)["step"] for step in (40, 41, 7, 8, 99, 120)] == [40, 41, 7, 8, 99, 120]
        assert not prefetcher.pending


def test_an_error_is_raised_with_its_batch():
    with BatchPrefetcher(Counting(broken={2}), 2) as prefetcher:
        assert [prefetcher(step)["step"] for step in (0, 1)] == [0, 1]
        with pytest.raises(UserError, match=r"2\.jpg: damaged"):
            prefetcher(2)
        assert prefetcher(3)["step"] == 3


def interrupted(batches):
    """A run interrupted in its second iteration, with two batches in progress and 48 pending."""
    with BatchPrefetcher(batches, 2, depth=50) as prefetcher:
        prefetcher(0)
        prefetcher.pending[50].add_done_callback(
            lambda _: batches.gate.set()
        )  # after the cancellation the two may finish
        raise KeyboardInterrupt


def test_shutdown_stops_threads_and_cancels_pending_batches():
    batches = Counting(held=1)
    with pytest.raises(KeyboardInterrupt):
        interrupted(batches)
    assert not any(thread.is_alive() for thread in batches.threads)
    assert set(batches.made) <= {0, 1, 2}
