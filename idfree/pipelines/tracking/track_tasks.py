"""Track sequences one by one or in several processes, and keep a summary.json of those tracked so far."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.core.types import Sequence
from idfree.core.version import __version__
from idfree.core.worker_process import ITEM_ERRORS
from idfree.core.workers import WorkerPool, map_items
from idfree.pipelines.tracking.finished_tracks import SUMMARY
from idfree.sequences import open_source

LOG = logging.getLogger("idfree")

Source = str | int | Path
Summary = dict[str, Any]


class Outcome(NamedTuple):
    """How the tracking of a sequence ended.

    summary: None if nothing was tracked, or nothing of it could be written. error: that ended it early, also Ctrl-C.
    """

    summary: Summary | None
    error: BaseException | None = None


@dataclass(frozen=True)
class SequenceTask:
    """A sequence to track, and its summary by an earlier run, or None; pickled as its path, which is opened again."""

    sequence: Sequence
    earlier: Summary | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return reopen, (path_of(self.sequence), self.earlier)


def reopen(path: Path, earlier: Summary | None) -> SequenceTask:
    """The task that was pickled as this path."""
    (sequence,) = open_source(path)
    return SequenceTask(sequence, earlier)


def path_of(sequence: Sequence) -> Path | None:
    """The file or folder that a sequence can be opened from again; None for cameras, addresses and pipes."""
    path = sequence.folder or sequence.source
    return None if sequence.length is None or path is None or not path.exists() else path.absolute()


def open_sequences(sources: Source | Iterable[Source]) -> list[Sequence]:
    """Open the sequences of all sources. Raises UserError if two have the same name, as they would share a file."""
    sources = [sources] if isinstance(sources, str | int | Path) else sources
    sequences = [sequence for source in sources for sequence in open_source(source)]
    names = [sequence.name for sequence in sequences]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{names.count(name)} sources are called {name}: their results would overwrite each other")
    return sequences


def check_pool(sequences: list[Sequence], pool: WorkerPool, show: bool) -> None:
    """Raises UserError if other processes are asked for, and the sequences cannot be tracked in them."""
    if pool.workers == 1 and not pool.dask:
        return
    option = "--dask" if pool.dask else f"--workers {pool.workers}"
    if show:
        raise UserError(f"{option}: other processes have no window: leave out --show, or {option}")
    for sequence in sequences:
        if path_of(sequence) is None:
            raise UserError(
                f"{option}: {sequence.name} is a camera, an address or a pipe, which only one process can read:"
                f" track it by itself, without {option.split()[0]}"
            )


def run_tasks(
    process: Callable[[SequenceTask], Outcome],
    tasks: list[SequenceTask],
    pool: WorkerPool,
    out: Path,
    suffix: str,
    quiet: bool = True,
    on_result: Callable[[Path, Summary], None] | None = None,
) -> Summary:
    """Process all tasks; return the content of OUT/summary.json, which is written after each.

    In one process, an error ends the work; of several, the others go on, and it is raised at the end. Raises
    KeyboardInterrupt on Ctrl-C. suffix: of the result files. on_result: called with the result file and the summary of
    each sequence without an error.
    """
    is_parallel, count = pool.uses_other_processes(len(tasks)), len(tasks)
    summaries: dict[str, Summary | None] = {task.sequence.name: None for task in tasks}
    failures: dict[str, BaseException] = {}
    try:
        for name, (summary, error) in run_each(process, tasks, pool, quiet):
            if summary is not None:
                summaries[name] = summary
                with suppress(*[UserError] * (error is not None)):  # the first error is told
                    write_text(out / SUMMARY, json.dumps(describe(summaries), indent=2, allow_nan=False) + "\n")
            if error is not None and not is_parallel:
                raise error
            if error is not None:
                failures[name] = error
                LOG.warning("%s was not tracked to its end: %s", name, error)
            elif on_result is not None and summary is not None:
                on_result(out / f"{name}.{suffix}", summary)
    except KeyboardInterrupt:
        if not is_parallel:
            raise
        kept = sum(summary is not None and summary["complete"] for summary in summaries.values())
        raise KeyboardInterrupt(f"{kept} of {count} sequences are tracked and kept") from None
    if failures:
        raise UserError(f"{len(failures)} of {count} sequences could not be tracked: {next(iter(failures.values()))}")
    return describe(summaries)


def run_each(
    process: Callable[[SequenceTask], Outcome], tasks: list[SequenceTask], pool: WorkerPool, quiet: bool
) -> Iterator[tuple[str, Outcome]]:
    """Yield each sequence's name and outcome, in the order in which they end."""
    if not pool.uses_other_processes(len(tasks)):
        yield from ((task.sequence.name, process(task)) for task in tasks)
        return
    items = {task.sequence.name: task for task in tasks}
    for name, outcome in map_items(partial(run_in_worker, process), items, pool, "tracked", quiet):
        yield name, Outcome(None, outcome) if isinstance(outcome, UserError) else outcome


def run_in_worker(process: Callable[[SequenceTask], Outcome], task: SequenceTask) -> Outcome:
    """The outcome in a worker process, as it can be pickled; errors of the program itself are raised."""
    summary, error = process(task)
    if error is None or isinstance(error, KeyboardInterrupt):
        return Outcome(summary, error)
    if isinstance(error, ITEM_ERRORS):
        return Outcome(summary, UserError(str(error)))
    raise error


def describe(summaries: dict[str, Summary | None]) -> Summary:
    """The content of summary.json. summaries: by sequence, None of those not tracked."""
    is_complete = all(summary is not None and summary["complete"] for summary in summaries.values())
    tracked = [summary for summary in summaries.values() if summary is not None]
    return {"idfree": __version__, "complete": is_complete, "sequences": tracked}
