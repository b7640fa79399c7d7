"""Prefetching of batches in background threads."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from idfree.learn.tensors import Tensors


class BatchPrefetcher:
    """`prefetcher(n)` returns `batches(n)`; `workers` threads prepare the following ones meanwhile, in order.

    workers: with 0, each batch is computed when requested; batches do not depend on it. steps: number of batches of the
    run; no later ones are prefetched. depth: maximum number of prefetched batches, twice the workers if None. An
    error is raised when its batch is requested. To be used in a `with` block, at whose end the threads have stopped.
    Threads suffice, since reading and warping images release Python's global lock.
    """

    def __init__(
        self,
        batches: Callable[[int], Tensors],
        workers: int,
        steps: int | None = None,
        depth: int | None = None,
    ):
        self.batches, self.steps = batches, steps
        self.depth = 2 * workers if depth is None else depth
        self.executor = ThreadPoolExecutor(workers, thread_name_prefix="batches") if workers else None
        self.pending: dict[int, Future[Tensors]] = {}

    def __call__(self, step: int) -> Tensors:
        if self.executor is None:
            return self.batches(step)
        end = step + 1 + self.depth
        requested = range(step, end if self.steps is None else max(min(end, self.steps), step + 1))
        for other in self.pending.keys() - set(requested):
            self.pending.pop(other).cancel()
        for n in requested:
            if n not in self.pending:
                self.pending[n] = self.executor.submit(self.batches, n)
        return self.pending.pop(step).result()

    def __enter__(self) -> "BatchPrefetcher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.executor is not None:
            self.executor.shutdown(wait=True, cancel_futures=True)
        self.pending.clear()
