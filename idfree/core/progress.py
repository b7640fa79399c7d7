"""Progress bars on stderr with rate and remaining time, if it is a terminal; none if quiet or of a single item."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(items: Iterable[T], label: str, total: int | None, quiet: bool, unit: str = "frames") -> Iterator[T]:
    """Yield the items under a progress bar.

    label: what is done, after the name of a sequence if it is of one ("street: tracking"), so that successive bars
    differ. total: number of items, None if unknown. unit: what is counted, for the rate ("frames/s").
    """
    if quiet or total == 1 or not sys.stderr.isatty():  # of one item, a bar only stands at 0/1
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total, rate="")
        for item in items:
            yield item
            bar.advance(task)
            if speed := bar.tasks[task].speed:
                bar.update(task, rate=f"{speed:.1f} {unit}/s")


def training_progress(iterations: range) -> Iterator[int]:
    """Yield the iterations of a training under a progress bar."""
    return progress(iterations, "training", len(iterations), quiet=False, unit="iterations")
