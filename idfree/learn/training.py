"""The loop: batches in, a network that has learnt out; killed at any moment, it goes on as if nothing had happened."""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from idfree.errors import UserError
from idfree.files import make_folder, write_text
from idfree.learn import Tensors
from idfree.learn.checkpoint import load, restore, save

Precision = Literal["auto", "fp32", "bf16"]
Progress = Callable[[range], Iterable[int]]  # gives the iterations back one by one while it shows how far they are

WARM_UP = 0.3  # of all iterations (Smith 2018, Super-Convergence; the share is PyTorch's and fastai's)
FIRST, LAST = 1 / 25, 1e-5  # of the highest learning rate, in the first iteration and after the last


@dataclass(frozen=True)
class Schedule:
    """How long, how fast, how exactly. clip: the longest gradient; save_every: iterations between checkpoints."""

    iterations: int
    lr: float
    decay: float
    clip: float
    precision: Precision = "auto"
    save_every: int = 50


@dataclass
class Training:
    """A network learning by an objective: all that changes meanwhile, and hence all that a checkpoint holds.

    settings: what the run was asked for, and what it learns from, in words of JSON. step: iterations done.
    """

    network: nn.Module
    objective: nn.Module
    schedule: Schedule
    settings: dict[str, Any]
    device: torch.device
    step: int = 0

    def __post_init__(self) -> None:
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective.to(self.device)
        self.parameters = [*self.network.parameters(), *self.objective.parameters()]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=self.schedule.lr, weight_decay=self.schedule.decay)
        self.half = uses_bf16(self.schedule.precision, self.device)

    def learn(self, batch: Tensors) -> dict[str, float]:
        """One iteration; its losses, and what else is worth a line. Raises FloatingPointError, no harm done yet."""
        rate = self.schedule.lr * one_cycle(self.step / self.schedule.iterations)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        losses = self.losses({name: placed(tensor, self.device) for name, tensor in batch.items()})
        total = torch.stack(list(losses.values())).sum()
        self.optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        length = nn.utils.clip_grad_norm_(self.parameters, self.schedule.clip)
        figures = {"loss": total, **losses, "gradient": length}
        said = {name: value.item() for name, value in figures.items()}
        if not all(map(math.isfinite, said.values())):
            values = ", ".join(f"{name} is {value:g}" for name, value in said.items())
            raise FloatingPointError(f"iteration {self.step + 1}: {values}")
        self.optimiser.step()
        self.step += 1
        return {"iteration": self.step, **said, "lr": rate}

    def losses(self, batch: Tensors) -> dict[str, Tensor]:
        """What the objective says: the network works in the precision chosen, the objective always in full."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            output = self.network(batch)
        found: dict[str, Tensor] = self.objective({name: tensor.float() for name, tensor in output.items()}, batch)
        return found


def fit(
    training: Training,
    batches: Callable[[int], Tensors],
    folder: Path,
    resume: bool = False,
    progress: Progress | None = None,
) -> None:
    """Learn to the end of the schedule. Writes FOLDER/settings.json, metrics.jsonl (a line an iteration), last.pt.

    resume: go on from last.pt, if there is one, as if nothing had happened. Raises UserError where a run lies in the
    folder and is not to be resumed, or is another run, and where the losses are not finite: last.pt is then the last
    checkpoint before.
    """
    last, log = folder / "last.pt", folder / "metrics.jsonl"
    make_folder(folder)
    begin(training, last, resume)
    write_text(folder / "settings.json", json.dumps(training.settings, indent=2) + "\n")
    write_text(log, "".join(line for line in lines(log) if json.loads(line)["iteration"] <= training.step))
    saved = training.step
    training.network.train()
    steps = range(training.step, training.schedule.iterations)
    with log.open("a", encoding="utf-8", newline="\n") as metrics:
        for step in progress(steps) if progress else steps:
            start = time.perf_counter()
            try:
                figures = training.learn(batches(step))
            except FloatingPointError as error:
                kept = f"{last} is of iteration {saved}" if saved else "no checkpoint was written yet"
                raise UserError(f"training stopped at {error}; {kept}; a lower lr may help (--set lr=…)") from None
            metrics.write(json.dumps({**figures, "seconds": round(time.perf_counter() - start, 4)}) + "\n")
            if training.step % training.schedule.save_every == 0 or training.step == training.schedule.iterations:
                metrics.flush()
                save(training, last)
                saved = training.step


def begin(training: Training, last: Path, resume: bool) -> None:
    """Put a run back to its last checkpoint, if there is one. Raises UserError where it is in the way, or another's."""
    if last.exists() and not resume:
        raise UserError(f"{last} is there already: go on with it (--resume), delete it, or name another folder")
    if last.exists():
        restore(training, load(last), last)


def lines(log: Path) -> list[str]:
    """The lines of a log, without the last if it was cut off."""
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]


def placed(tensor: Tensor, device: torch.device) -> Tensor:
    """On the device; pictures (N, C, H, W) with their channels last, which processors work through faster."""
    layout = torch.channels_last if tensor.dim() == 4 else torch.preserve_format
    return tensor.to(device, memory_format=layout)


def one_cycle(done: float) -> float:
    """The share of the highest learning rate after the share `done` of all iterations (Smith 2018): half a cosine up
    from FIRST to 1 in WARM_UP, then half a cosine down to LAST.
    """
    start, share = (FIRST, done / WARM_UP) if done < WARM_UP else (LAST, (1 - done) / (1 - WARM_UP))
    return start + (1 - start) * (1 - math.cos(math.pi * share)) / 2


def uses_bf16(precision: Precision, device: torch.device) -> bool:
    """Whether the network is to work in bfloat16; `auto`: where the processor multiplies it faster than float32."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # private, so that they may go
    return device.type == "cpu" and any(getattr(torch.cpu, name, bool)() for name in names)


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
