"""The training loop: iterations, validation, checkpoints, log; resumes from the last checkpoint."""

import json
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from idfree.core.errors import UserError
from idfree.core.files import make_folder, write_text
from idfree.learn.checkpoint import load, restore, save, save_inference_network
from idfree.learn.log import FILE_NAME, STEP, VALIDATION, Log
from idfree.learn.networks.freezing import set_training_mode
from idfree.learn.tensors import Tensors
from idfree.learn.training import Metrics, Training

LOG = logging.getLogger("idfree")

Progress = Callable[[range], Iterable[int]]  # progress bar: yields the iterations of the range


@dataclass(frozen=True)
class Validation:
    """evaluate: computes the metrics of a network in evaluation mode. metric: the one that selects the best network;
    higher is better. every: iterations between validations; the last iteration is always followed by one.
    """

    evaluate: Callable[[nn.Module], Metrics]
    metric: str
    every: int

    def is_due(self, training: Training) -> bool:
        """Whether the network of the current iteration is to be validated, and has not been yet."""
        step = training.step
        is_wanted = step == training.schedule.iterations or step % self.every == 0
        return is_wanted and step > training.validated


def fit(
    training: Training,
    batches: Callable[[int], Tensors],
    folder: Path,
    resume: bool = False,
    progress: Progress | None = None,
    validation: Validation | None = None,
    events: bool = False,
) -> None:
    """Training loop, to the end of the schedule.

    Writes FOLDER/settings.json, metrics.jsonl (a line per iteration), last.pt and, with a validation, best.pt. resume:
    continue from last.pt if there is one, with the same result as without interruption, also after one during a
    validation. events: write metrics for TensorBoard, too. Raises UserError if the folder holds another run, or one
    that is not to be resumed; if a file cannot be written; and if the losses are not finite: last.pt then is the
    checkpoint before.
    """
    make_folder(folder)
    restore_last(training, folder / "last.pt", resume)
    set_training_mode(training.network)
    saved, is_main = training.step, training.distributed.is_main
    if is_main:
        write_text(folder / "settings.json", json.dumps(training.config, indent=2) + "\n")
    steps = range(training.step, training.schedule.iterations)
    with Log(folder, training.step, events, training.validated) if is_main else nullcontext() as log:
        if log is not None and validation is not None and validation.is_due(training):
            validate(training, folder, log, validation)
        for step in progress(steps) if progress else steps:
            metrics = iterate(training, batches, step, f"{folder / 'last.pt'} is of iteration {saved}" if saved else "")
            if log is not None:
                log.add(metrics)
                saved = training.step if save_and_validate(training, folder, log, validation) else saved


def iterate(training: Training, batches: Callable[[int], Tensors], step: int, checkpoint: str) -> Metrics:
    """One iteration; returns its metrics and duration, "seconds".

    checkpoint: a clause on the last checkpoint, for the message. Raises UserError if the losses are not finite.
    """
    start = time.perf_counter()
    try:
        metrics = training.iterate(batches(step))
    except FloatingPointError as error:
        last = checkpoint or "no checkpoint was written yet"
        raise UserError(f"training stopped at {error}; {last}; a lower lr may help (--set lr=…)") from None
    return {**metrics, "seconds": round(time.perf_counter() - start, 4)}


def restore_last(training: Training, last: Path, resume: bool) -> None:
    """Load the last checkpoint, if there is one. Raises UserError if it is not to be resumed, or of another run.

    Warns if a run that is to be resumed was stopped before its first checkpoint.
    """
    refuse_earlier_run(last, resume)
    if last.exists():
        restore(training, load(last), last)
    elif resume and training.distributed.is_main and (last.parent / FILE_NAME).exists():
        LOG.warning("%s: was stopped before its first checkpoint, and begins again", last.parent)


def refuse_earlier_run(last: Path, resume: bool) -> None:
    """Raises UserError if there is a last.pt of an earlier run, which is not to be resumed."""
    if last.exists() and not resume:
        raise UserError(f"{last} is there already: go on with it (--resume), delete it, or name another folder")


def save_and_validate(training: Training, folder: Path, log: Log, validation: Validation | None) -> bool:
    """Write last.pt and validate when that is due; returns whether last.pt was written.

    It is written before the validation, which may take long and be interrupted, and again after it.
    """
    schedule, step = training.schedule, training.step
    is_validated = validation is not None and validation.is_due(training)
    is_saved = is_validated or step == schedule.iterations or step % schedule.save_every == 0
    if is_saved:
        save(training, folder / "last.pt")
    if validation is not None and is_validated:
        validate(training, folder, log, validation)
    return is_saved


def validate(training: Training, folder: Path, log: Log, validation: Validation) -> None:
    """Validate, log the metrics, and write last.pt, and best.pt if no network was better."""
    metrics = validation.evaluate(training.inference_network.eval())
    set_training_mode(training.network)
    log.add({STEP: training.step, VALIDATION: metrics})
    training.validated = training.step
    if training.best is None or metrics[validation.metric] >= training.best:
        training.best = metrics[validation.metric]
        save_inference_network(training, folder / "best.pt", metrics)
    save(training, folder / "last.pt")
