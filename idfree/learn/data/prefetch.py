"""Batches made ready while the network works."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from idfree.learn import Tensors


class BatchPrefetcher:
    """The same batches, some of them prepared before they are asked for, by `workers` threads, in order.

    Batch n is what `batches(n)` gives, whatever the number of workers; 0: each is made when it is asked for. At most
    `depth` wait (twice the workers if None), and none beyond the last of `steps`. An error of a batch is raised when
    that batch is asked for. To be used in a `with` block, at the end of which the threads have stopped.
    Threads, as reading, warping and colouring pictures leaves Python free to go on.
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
        self.threads = ThreadPoolExecutor(workers, thread_name_prefix="batches") if workers else None
        self.waiting: dict[int, Future[Tensors]] = {}

    def __call__(self, step: int) -> Tensors:
        if self.threads is None:
            return self.batches(step)
        end = step + 1 + self.depth
        wanted = range(step, end if self.steps is None else max(min(end, self.steps), step + 1))
        for other in self.waiting.keys() - set(wanted):
            self.waiting.pop(other).cancel()
        for n in wanted:
            if n not in self.waiting:
                self.waiting[n] = self.threads.submit(self.batches, n)
        return self.waiting.pop(step).result()

    def __enter__(self) -> "BatchPrefetcher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.threads is not None:
            self.threads.shutdown(wait=True, cancel_futures=True)
        self.waiting.clear()
