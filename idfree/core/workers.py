"""The same work on many items: here, in processes of this machine, or on a Dask cluster; what fails costs no other."""

import logging
import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from idfree.core.errors import MissingExtra, UserError
from idfree.core.progress import progress

Item = TypeVar("Item")
Result = TypeVar("Result")
Thing = TypeVar("Thing")
Outcomes = Iterator[tuple[str, Result | UserError]]  # by the names of the items

MORE_TRIES = 1  # for an item whose process was killed: it may have been the machine's fault
PATIENCE = 10.0  # seconds that a Dask scheduler has to answer, and to have a worker
MISFORTUNES = (UserError, OSError, MemoryError)  # of one item; whatever else is raised is a mistake of the program's


@dataclass(frozen=True)
class WorkerPool:
    """Who does the work: so many processes of this machine, or the workers of a Dask scheduler at an address."""

    workers: int = 1
    dask: str | None = None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UserError(f"--workers {self.workers}: expected 1 or more")
        if self.dask and self.workers > 1:
            raise UserError(
                "--workers is for this machine, --dask for a cluster, which has workers of its own: say one"
            )

    def away(self, items: int) -> bool:
        """Whether so many items are worked on in other processes than this one."""
        return bool(self.dask) or min(self.workers, items) > 1

    def threads(self, items: int) -> int | None:
        """Of the processor, for map_items process, where there are several; None: as many as it likes."""
        processes = min(self.workers, items)
        return max(1, (os.cpu_count() or 1) // processes) if processes > 1 else None


class PicklableFactory(Generic[Thing]):
    """A thing that no pickle holds, such as an open network: it travels as how it is made, and is made anew there."""

    def __init__(self, make: Callable[..., Thing], *arguments: Any):
        self.made_by = (make, *arguments)
        self.thing = make(*arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return PicklableFactory, self.made_by


def map_items(
    function: Callable[[Item], Result],
    items: Mapping[str, Item],
    crew: WorkerPool | None = None,
    label: str = "",
    quiet: bool = True,
) -> Outcomes[Result]:
    """What `function` makes of map_items item, as they finish: (name, result), or (name, UserError) why there is none.

    Elsewhere than here, function, items and results travel as pickles, and an item whose process is killed is tried
    again. Once nobody listens any more (Ctrl-C), processes of this machine end at once; a cluster finishes what it has
    begun. label, quiet: of the bar that counts items, shown where they do not show bars of their own.
    Raises UserError where a cluster cannot be reached, MissingExtra without the package `distributed`.
    """
    crew = crew or WorkerPool()
    if not crew.away(len(items)):
        yield from ((name, attempt(function, item)) for name, item in items.items())
        return
    found = on_cluster(function, items, crew.dask) if crew.dask else in_processes(function, items, crew.workers)
    yield from progress(found, label, len(items), quiet, "videos")


def attempt(function: Callable[[Item], Result], item: Item) -> Result | UserError:
    """The result, or what was wrong with the item."""
    try:
        return function(item)
    except MISFORTUNES as error:
        return UserError(str(error) or f"{type(error).__name__}: perhaps too little memory")


def in_processes(function: Callable[[Item], Result], items: Mapping[str, Item], workers: int) -> Outcomes[Result]:
    """A process for map_items item, `workers` of them at a time: so it is known whose fault a death is."""
    waiting, deaths = deque(items), Counter[str]()
    running: dict[Any, tuple[str, BaseProcess]] = {}  # by the pipe that tells what came of it
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                name = waiting.popleft()
                pipe, process = started(function, items[name])
                running[pipe] = name, process
            for ready in wait(list(running)):
                name, process = running.pop(ready)
                told = received(ready)
                process.join()
                if not told and killed(process) and deaths[name] < MORE_TRIES:
                    deaths[name] += 1
                    waiting.append(name)
                else:
                    yield name, told[0] if told else last_word(process)
    finally:  # interrupted: nobody waits for what is under way
        for _, process in running.values():
            process.terminate()


def started(function: Callable[[Item], Any], item: Item) -> tuple[Connection, BaseProcess]:
    """A process at work on an item, and the pipe that tells what came of it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(theirs, function, item), daemon=True)
    with deaf():
        process.start()
    theirs.close()  # the process has its own copy, and with that the pipe ends
    return ours, process


@contextmanager
def deaf() -> Iterator[None]:
    """Processes that are started meanwhile never hear Ctrl-C, not even while they import; this one hears it after."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # done by the first start otherwise, and it would undo the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(pipe: Connection, function: Callable[[Item], Any], item: Item) -> None:
    """What such a process does. Ctrl-C is its parent's business; its warnings look like the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(format="idfree: %(message)s", level=logging.WARNING)
    pipe.send((attempt(function, item),))


def received(pipe: Any) -> tuple[Any, ...]:
    """What a process told, or nothing if it ended without a word."""
    with pipe:
        try:
            told: tuple[Any, ...] = pipe.recv()
        except (EOFError, OSError):
            return ()
    return told


def killed(process: BaseProcess) -> bool:
    """Whether a process was ended by a signal, not by itself."""
    return (process.exitcode or 0) < 0


def last_word(process: BaseProcess) -> UserError:
    """Why there is nothing from a process that ended without a word."""
    if killed(process):
        name = signal.Signals(-(process.exitcode or 0)).name
        return UserError(
            f"its process died ({name}), {1 + MORE_TRIES} times, perhaps of too little memory: try fewer --workers"
        )
    return UserError(f"its process ended with exit status {process.exitcode}; what it said of that stands above")


def on_cluster(function: Callable[[Item], Result], items: Mapping[str, Item], address: str) -> Outcomes[Result]:
    """A task for map_items item on the cluster of a Dask scheduler, which tries again where a worker of its died.

    After a few deaths it blames all the tasks that the dead were to do; alone, map_items shows whether it was at fault.
    """
    distributed = load_distributed()
    with connected(distributed, address) as client:
        blamed = []
        for name, outcome in tasks(distributed, client, function, items):
            if isinstance(outcome, distributed.KilledWorker):
                blamed.append(name)
            else:
                yield name, outcome
        for name in blamed:
            ((_, outcome),) = tasks(distributed, client, function, {name: items[name]})
            killed = isinstance(outcome, distributed.KilledWorker)
            yield name, UserError("workers died of it, perhaps of too little memory") if killed else outcome


def tasks(
    distributed: Any, client: Any, function: Callable[[Item], Any], items: Mapping[str, Item]
) -> Iterator[tuple[str, Any]]:
    """The outcomes of tasks as they finish, by name; KilledWorker where workers died."""
    names = {client.submit(attempt, function, item, pure=False): name for name, item in items.items()}
    for future in distributed.as_completed(names, loop=client.loop):
        error = future.exception()
        if error is None or isinstance(error, distributed.KilledWorker):
            yield names[future], future.result() if error is None else error
        else:
            yield names[future], UserError(f"a mistake of idfree's own: {type(error).__name__}: {error}")


def connected(distributed: Any, address: str) -> Any:
    """A client of a scheduler that has workers. Raises UserError where there is no such."""
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(f"--dask {address}: no Dask scheduler answers there: {error}") from error
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        client.close()
        raise UserError(
            f"--dask {address}: the scheduler has no workers: start some with `dask worker {address}`"
        ) from None
    return client


def load_distributed() -> Any:
    """The package distributed. Raises MissingExtra."""
    try:
        import distributed
    except ImportError:
        raise MissingExtra("distributed", "dask", "--dask") from None
    return distributed
