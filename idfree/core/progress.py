"""Progress on stderr with rate and time left; silent when asked, and when stderr is no terminal."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(items: Iterable[T], label: str, total: int | None, quiet: bool, unit: str = "frames") -> Iterator[T]:
    """The items, while a bar shows how far they are: done, of how many, per second, time left."""
    if quiet or not sys.stderr.isatty():
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


def training(iterations: range) -> Iterator[int]:
    """The iterations of a training, under a bar."""
    return progress(iterations, "training", len(iterations), quiet=False, unit="iterations")
