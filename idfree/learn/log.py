"""What a training says of itself: a line of JSON for each iteration, and the same for TensorBoard."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.learn.events import EventFile

NAME, STEP, JUDGED = "metrics.jsonl", "iteration", "validation"


class Log:
    """FOLDER/metrics.jsonl from iteration `step` on: what was said of later ones is taken back.

    Lines are {"iteration": n, name: figure, …} and, of a network that was judged, {"iteration": n, "validation":
    {name: figure, …}}. events: write them for TensorBoard, too. Raises UserError where they cannot be written.
    """

    def __init__(self, folder: Path, step: int, events: bool = False):
        self.path, self.stack = folder / NAME, ExitStack()
        write_text(self.path, "".join(line for line in lines(self.path) if json.loads(line)[STEP] <= step))
        self.file = self.stack.enter_context(self.path.open("a", encoding="utf-8", newline="\n"))
        self.events = self.stack.enter_context(EventFile(folder, step)) if events else None

    def add(self, line: Mapping[str, Any]) -> None:
        """Take down a line."""
        judged = {f"{JUDGED}/{name}": value for name, value in line.get(JUDGED, {}).items()}
        with self.writing():
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()
            if self.events is not None:
                self.events.add(line[STEP], judged or {name: line[name] for name in line if name != STEP})

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Raises UserError where the disc is full."""
        try:
            yield
        except OSError as error:
            raise UserError(f"cannot write into {self.path.parent}: {error.strerror}") from error

    def __enter__(self) -> "Log":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self.writing() if error is None else suppress(OSError):  # what could not be written fails again
            self.stack.close()


def recent(folder: Path, name: str, count: int = 50) -> float | None:
    """The mean of a figure over the last `count` iterations that tell it; None where none does."""
    said = (json.loads(line) for line in reversed(lines(folder / NAME)))
    found = list(islice((line[name] for line in said if name in line), count))
    return sum(found) / len(found) if found else None


def lines(path: Path) -> list[str]:
    """The lines of a log, without the last if it was cut off."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
