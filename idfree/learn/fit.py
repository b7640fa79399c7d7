"""The training loop: iterations, validation, checkpoints, log; resumes from the last checkpoint."""

import json
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from idfree.core.errors import UserError
from idfree.core.files import make_folder, write_text
from idfree.learn import Tensors
from idfree.learn.checkpoint import load, restore, save, save_product
from idfree.learn.log import JUDGED, STEP, Log
from idfree.learn.training import Metrics, Training

Progress = Callable[[range], Iterable[int]]  # gives the iterations back one by one while it shows how far they are


@dataclass(frozen=True)
class Validation:
    """How a network is judged on its way. judge: by which figures, of a network that is not learning meanwhile; by: the
    one of them that is to be high; every: iterations between two judgements; there is one at the end, too.
    """

    judge: Callable[[nn.Module], Metrics]
    by: str
    every: int


def fit(
    training: Training,
    batches: Callable[[int], Tensors],
    folder: Path,
    resume: bool = False,
    progress: Progress | None = None,
    validation: Validation | None = None,
    events: bool = False,
) -> None:
    """Learn to the end of the schedule. Writes FOLDER/settings.json, metrics.jsonl (a line an iteration), last.pt, and
    with a validation best.pt.

    resume: go on from last.pt, if there is one, as if nothing had happened. events: write them for TensorBoard.
    Raises UserError where a run lies in the folder and is not to be resumed, or is another run, where a file cannot be
    written, and where the losses are not finite: last.pt is then the last checkpoint before.
    """
    make_folder(folder)
    begin(training, folder / "last.pt", resume)
    training.network.train()
    saved, first = training.step, training.share.first
    if first:
        write_text(folder / "settings.json", json.dumps(training.settings, indent=2) + "\n")
    steps = range(training.step, training.schedule.iterations)
    with Log(folder, training.step, events) if first else nullcontext() as log:
        for step in progress(steps) if progress else steps:
            start = time.perf_counter()
            try:
                figures = training.learn(batches(step))
            except FloatingPointError as error:
                kept = f"{folder / 'last.pt'} is of iteration {saved}" if saved else "no checkpoint was written yet"
                raise UserError(f"training stopped at {error}; {kept}; a lower lr may help (--set lr=…)") from None
            if log is not None:
                log.add({**figures, "seconds": round(time.perf_counter() - start, 4)})
                saved = training.step if keep(training, folder, log, validation) else saved


def begin(training: Training, last: Path, resume: bool) -> None:
    """Put a run back to its last checkpoint, if there is one. Raises UserError where it is in the way, or another's."""
    if last.exists() and not resume:
        raise UserError(f"{last} is there already: go on with it (--resume), delete it, or name another folder")
    if last.exists():
        restore(training, load(last), last)


def keep(training: Training, folder: Path, log: Log, validation: Validation | None) -> bool:
    """Judge the network and write checkpoints, if it is time to; gives whether last.pt was written."""
    schedule, step = training.schedule, training.step
    done = step == schedule.iterations
    judged = validation is not None and (done or step % validation.every == 0)
    if validation is not None and judged:
        figures = validation.judge(training.product.eval())
        training.network.train()
        log.add({STEP: step, JUDGED: figures})
        if training.best is None or figures[validation.by] >= training.best:
            training.best = figures[validation.by]
            save_product(training, folder / "best.pt", figures)
    if kept := judged or done or step % schedule.save_every == 0:
        save(training, folder / "last.pt")
    return kept
