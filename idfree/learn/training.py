"""The loop: batches in, a network that has learnt out; killed at any moment, it goes on as if nothing had happened."""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from idfree.errors import UserError
from idfree.files import make_folder, write_text
from idfree.learn import Tensors
from idfree.learn.checkpoint import load, restore, save, save_product
from idfree.learn.ema import Ema
from idfree.learn.log import JUDGED, STEP, Log
from idfree.learn.objectives.balance import total
from idfree.learn.parallel import Share
from idfree.learn.schedule import Schedule, half_precision

Progress = Callable[[range], Iterable[int]]  # gives the iterations back one by one while it shows how far they are
Figures = dict[str, float]


@dataclass(frozen=True)
class Validation:
    """How a network is judged on its way. judge: by which figures, of a network that is not learning meanwhile; by: the
    one of them that is to be high; every: iterations between two judgements; there is one at the end, too.
    """

    judge: Callable[[nn.Module], Figures]
    by: str
    every: int


@dataclass
class Training:
    """A network learning by an objective: all that changes meanwhile, and hence all that a checkpoint holds.

    settings: what the run was asked for, and what it learns from, in words of JSON. share: of each batch, which others
    learn from at the same time. step: iterations done. best: the highest figure of any validation.
    """

    network: nn.Module
    objective: nn.Module
    schedule: Schedule
    settings: dict[str, Any]
    device: torch.device
    share: Share = field(default_factory=Share)
    step: int = 0
    best: float | None = None

    def __post_init__(self) -> None:
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective.to(self.device)
        self.parameters = [*self.network.parameters(), *self.objective.parameters()]
        self.optimiser = self.schedule.make_optimiser(self.parameters)
        self.half = half_precision(self.schedule.precision, self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.half == torch.float16)
        self.ema = Ema(self.network, self.schedule.ema) if self.schedule.ema else None

    @property
    def product(self) -> nn.Module:
        """The network that is to be used."""
        return self.network if self.ema is None else self.ema.network

    def learn(self, batch: Tensors) -> Figures:
        """One iteration; its losses, and what else is worth a line. Raises FloatingPointError, no harm done yet."""
        rate = self.schedule.rate(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        losses = self.losses({name: placed(tensor, self.device) for name, tensor in batch.items()})
        loss = total(losses)
        self.optimiser.zero_grad()
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        said = self.told({"loss": loss, **losses, "gradient": self.clipped()})
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.step += 1
        if self.ema is not None:
            self.ema.follow(self.network, self.step)
        return {STEP: self.step, **said, "lr": rate}

    def losses(self, batch: Tensors) -> Tensors:
        """What the objective says: the network works in the precision chosen, the objective always in full."""
        with torch.autocast(self.device.type, self.half, enabled=self.half is not None):
            output = self.network(batch)
        found: Tensors = self.objective({name: tensor.float() for name, tensor in output.items()}, batch)
        return found

    def clipped(self) -> Tensor:
        """Bring the gradient to the length that it may have at most; gives the length that it had."""
        self.share.average([parameter.grad for parameter in self.parameters if parameter.grad is not None])
        self.scaler.unscale_(self.optimiser)
        return nn.utils.clip_grad_norm_(self.parameters, self.schedule.clip)

    def told(self, figures: Tensors) -> Figures:
        """Figures of this iteration, the mean of all shares; those that a share does not know (NaN) are left out.

        Raises FloatingPointError where the loss or its gradient is not finite. With fp16 the gradient need not be: the
        scaler leaves such an iteration out, and scales less.
        """
        values = torch.stack([figure.detach() for figure in figures.values()])
        self.share.average([values])
        said = dict(zip(figures, values.tolist(), strict=True))
        needed = ("loss",) if self.scaler.is_enabled() else ("loss", "gradient")
        if not all(math.isfinite(said[name]) for name in needed):
            listed = ", ".join(f"{name} is {value:g}" for name, value in said.items())
            raise FloatingPointError(f"iteration {self.step + 1}: {listed}")
        return {name: value for name, value in said.items() if math.isfinite(value)}


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


def placed(tensor: Tensor, device: torch.device) -> Tensor:
    """On the device; pictures (N, C, H, W) with their channels last, which processors work through faster."""
    layout = torch.channels_last if tensor.dim() == 4 else torch.preserve_format
    return tensor.to(device, memory_format=layout)


def open_device(name: str) -> torch.device:
    """`auto` (CUDA where it works, else the processor), `cpu`, `cuda`, `cuda:1`, `mps`. Raises UserError."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        raise UserError(f"--device {name}: {str(error).splitlines()[0]}") from error
    return device


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """PyTorch on `count` threads (None: as many as it likes) while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
