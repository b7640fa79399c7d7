"""Training log: one line of JSON per iteration, and the same for TensorBoard."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.core.reading import parse_json, read_content
from idfree.learn.events import EventFile

LOG = logging.getLogger("idfree")

FILE_NAME, STEP, VALIDATION = "metrics.jsonl", "iteration", "validation"


class Log:
    """Training log FOLDER/metrics.jsonl: {"iteration": n, name: metric, …} per iteration and {"iteration": n,
    "validation": {name: metric, …}} per validation.

    Lines of iterations after `step`, and of validations after iteration `validated` (None: `step`), are removed, as a
    resumed run writes them again. events: also write for TensorBoard. Raises UserError if a file cannot be written.
    """

    def __init__(self, folder: Path, step: int, events: bool = False, validated: int | None = None):
        self.path, self.stack = folder / FILE_NAME, ExitStack()
        last = {False: step, True: step if validated is None else validated}  # by whether a line is of a validation
        lines = ((text, parse_line(text)) for text in complete_lines(self.path))
        write_text(self.path, "".join(text for text, line in lines if line[STEP] <= last[VALIDATION in line]))
        self.file = self.stack.enter_context(self.path.open("a", encoding="utf-8", newline="\n"))
        self.events = self.stack.enter_context(EventFile(folder, step)) if events else None

    def add(self, line: Mapping[str, Any]) -> None:
        """Write a line."""
        validation = {f"{VALIDATION}/{name}": value for name, value in line.get(VALIDATION, {}).items()}
        with self.explain_errors():
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()
            if self.events is not None:
                self.events.add(line[STEP], validation or {name: line[name] for name in line if name != STEP})

    @contextmanager
    def explain_errors(self) -> Iterator[None]:
        """Context in which OSError, such as for a full disc, is raised as UserError."""
        try:
            yield
        except OSError as error:
            raise UserError(f"cannot write into {self.path.parent}: {error.strerror}") from error

    def __enter__(self) -> "Log":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self.explain_errors() if error is None else suppress(OSError):  # a failed write fails again on closing
            self.stack.close()


def recent_mean(folder: Path, name: str, count: int = 50) -> float | None:
    """The mean of a metric over the last `count` iterations that have it; None if none has."""
    iterations = (parse_line(line) for line in reversed(complete_lines(folder / FILE_NAME)))
    values = list(
        islice((metrics[name] for metrics in iterations if isinstance(metrics.get(name), int | float)), count)
    )
    return sum(values) / len(values) if values else None


def complete_lines(path: Path) -> list[str]:
    """The lines of a log, without those that are damaged or cut off; none if there is no such file."""
    if not path.exists():
        return []
    lines = read_content(path).decode("utf-8", "replace").splitlines(keepends=True)
    complete = [line for line in lines if line.endswith("\n") and parse_line(line)]
    if len(complete) < len(lines) - 1:  # the last line may be cut off if the run was killed
        LOG.warning("%s: %d damaged lines are left out", path, len(lines) - len(complete))
    return complete


def parse_line(line: str) -> dict[str, Any]:
    """The metrics of a line; {} if it is damaged."""
    try:
        metrics = parse_json(line, FILE_NAME)
    except UserError:
        return {}
    return metrics if isinstance(metrics, dict) and isinstance(metrics.get(STEP), int) else {}
