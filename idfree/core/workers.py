"""Map a function over items in this process, in several processes, or on a Dask cluster; errors are kept per item."""

import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Generic, TypeVar

from idfree.core.errors import MissingExtra, UserError
from idfree.core.progress import progress
from idfree.core.threads import available_cpus
from idfree.core.worker_process import end_processes, run_item, start_process

Item = TypeVar("Item")
Result = TypeVar("Result")
Object = TypeVar("Object")
Outcomes = Iterator[tuple[str, Result | UserError]]  # (name of the item, result or error)

MAX_RETRIES = 1  # of an item whose process was killed, as the cause may be the machine
DASK_TIMEOUT = 10.0  # seconds to wait for a Dask scheduler to answer, and for its first worker


@dataclass(frozen=True)
class WorkerPool:
    """Where items are processed: in `workers` processes of this machine, or by the Dask scheduler at address `dask`.

    Raises UserError if workers < 1, or if both are given.
    """

    workers: int = 1
    dask: str | None = None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UserError(f"--workers {self.workers}: expected 1 or more")
        if self.dask and self.workers > 1:
            raise UserError(
                "--workers is for this machine, --dask for a cluster, which has workers of its own: say one"
            )

    def path_for_workers(self, path: Path) -> Path:
        """The path, absolute for a cluster, whose workers have other working directories."""
        return path.absolute() if self.dask else path

    def uses_other_processes(self, items: int) -> bool:
        """Whether this number of items is processed in other processes than the current one."""
        return bool(self.dask) or min(self.workers, items) > 1

    def threads_per_process(self, items: int) -> int | None:
        """Number of CPU threads for each process; None (no limit) if there is only one process."""
        processes = min(self.workers, items)
        return max(1, available_cpus() // processes) if processes > 1 else None


class PicklableFactory(Generic[Object]):
    """Wrapper for an object that cannot be pickled, such as an open network: unpickling creates it again.

    `instance` is the object; the factory function and its arguments must be picklable.
    """

    def __init__(self, factory: Callable[..., Object], *arguments: Any):
        self.factory_and_arguments = (factory, *arguments)
        self.instance = factory(*arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return PicklableFactory, self.factory_and_arguments


def map_items(
    function: Callable[[Item], Result],
    items: Mapping[str, Item],
    pool: WorkerPool | None = None,
    label: str = "",
    quiet: bool = True,
) -> Outcomes[Result]:
    """Apply `function` to each item; yield (name, result) or (name, UserError) in the order in which they finish.

    In other processes, function, items and results are pickled, and an item whose process was killed is tried again.
    If this generator is closed (Ctrl-C), processes of this machine are terminated; a cluster finishes running tasks.
    Processes of this machine also end within a second of the current one, however that ends.
    label, quiet: of the progress bar over the items, which is shown only if other processes are used.
    Raises UserError if a cluster cannot be reached, MissingExtra without the package `distributed`.
    """
    pool = pool or WorkerPool()
    if not pool.uses_other_processes(len(items)):
        yield from ((name, run_item(function, item)) for name, item in items.items())
        return
    if pool.dask:
        outcomes = map_on_cluster(function, items, pool.dask)
    else:
        outcomes = map_in_processes(function, items, pool.workers)
    yield from progress(outcomes, label, len(items), quiet, "videos")


def map_in_processes(function: Callable[[Item], Result], items: Mapping[str, Item], workers: int) -> Outcomes[Result]:
    """Run each item in a new process, `workers` at a time, so that a killed process identifies the item at fault.

    On Ctrl-C, the processes are interrupted; what functions return nevertheless is yielded, before KeyboardInterrupt.
    """
    waiting, deaths = deque(items), Counter[str]()
    running: dict[Any, tuple[str, BaseProcess]] = {}  # by the pipe that receives the outcome
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                name = waiting.popleft()
                pipe, process = start_process(function, items[name])
                running[pipe] = name, process
            for ended in wait(list(running)):
                name, process = running.pop(ended)
                message = receive_message(ended)
                process.join()
                if not message and was_killed(process) and deaths[name] < MAX_RETRIES:
                    deaths[name] += 1
                    waiting.append(name)
                else:
                    yield name, message[0] if message else exit_error(process)
    except KeyboardInterrupt:
        yield from interrupt_processes(running)
        raise
    finally:  # also if the generator is closed early
        end_processes([process for _, process in running.values()])


def interrupt_processes(running: dict[Any, tuple[str, BaseProcess]]) -> Outcomes[Any]:
    """Interrupt processes, by the pipes of their outcomes, and wait for their end; yield the outcomes of some."""
    end_processes([process for _, process in running.values()])
    for pipe, (name, _) in running.items():
        if message := receive_message(pipe):
            yield name, message[0]


def receive_message(pipe: Any) -> tuple[Any, ...]:
    """Receive (outcome,) from a process, or () if it ended without sending one."""
    with pipe:
        try:
            message: tuple[Any, ...] = pipe.recv()
        except (EOFError, OSError):
            return ()
    return message


def was_killed(process: BaseProcess) -> bool:
    """Whether a process was ended by a signal."""
    return (process.exitcode or 0) < 0


def exit_error(process: BaseProcess) -> UserError:
    """Error for a process that ended without sending an outcome."""
    if was_killed(process):
        name = signal.Signals(-(process.exitcode or 0)).name
        return UserError(
            f"its process died ({name}), {1 + MAX_RETRIES} times, perhaps of too little memory: try fewer --workers"
        )
    return UserError(f"its process ended with exit status {process.exitcode}; its error output is above")


def map_on_cluster(function: Callable[[Item], Result], items: Mapping[str, Item], address: str) -> Outcomes[Result]:
    """Run each item as a task on a Dask cluster, whose scheduler repeats tasks of workers that died.

    After several deaths the scheduler fails every task that was assigned to the dead workers, with KilledWorker. Those
    tasks are run again one by one, to find the item at fault.
    """
    distributed = import_distributed()
    with connect(distributed, address) as client:
        suspects = []
        for name, outcome in run_tasks(distributed, client, function, items):
            if isinstance(outcome, distributed.KilledWorker):
                suspects.append(name)
            else:
                yield name, outcome
        for name in suspects:
            ((_, outcome),) = run_tasks(distributed, client, function, {name: items[name]})
            at_fault = isinstance(outcome, distributed.KilledWorker)
            yield name, UserError("workers died of it, perhaps of too little memory") if at_fault else outcome


def run_tasks(
    distributed: Any, client: Any, function: Callable[[Item], Any], items: Mapping[str, Item]
) -> Iterator[tuple[str, Any]]:
    """Yield (name, outcome) as tasks finish; the outcome is a KilledWorker exception if workers died of the task."""
    names = {client.submit(run_item, function, item, pure=False): name for name, item in items.items()}
    for future in distributed.as_completed(names, loop=client.loop):
        error = future.exception()
        if error is None or isinstance(error, distributed.KilledWorker):
            yield names[future], future.result() if error is None else error
        else:
            yield names[future], UserError(f"a mistake of idfree's own: {type(error).__name__}: {error}")


def connect(distributed: Any, address: str) -> Any:
    """Connect to a Dask scheduler. Raises UserError if none answers, or if it has no workers."""
    try:
        client = distributed.Client(address, timeout=DASK_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(f"--dask {address}: no Dask scheduler answers there: {error}") from error
    try:
        client.wait_for_workers(1, timeout=DASK_TIMEOUT)
    except TimeoutError:
        client.close()
        raise UserError(
            f"--dask {address}: the scheduler has no workers: start some with `dask worker {address}`"
        ) from None
    return client


def import_distributed() -> Any:
    """Import the package distributed. Raises MissingExtra."""
    try:
        import distributed
    except ImportError:
        raise MissingExtra("distributed", "dask", "--dask") from None
    return distributed
