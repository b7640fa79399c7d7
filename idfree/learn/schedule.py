"""How long, how fast and how exactly to learn; the learning rate of an iteration follows from its number alone."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

Precision = Literal["auto", "fp32", "bf16", "fp16"]
Shape = Literal["one-cycle", "steps", "cosine"]
Optimiser = Literal["adamw", "adam", "sgd"]

WARM_UP = 0.3  # of all iterations, in one cycle (Smith 2018, Super-Convergence; the share is PyTorch's and fastai's)
FIRST, LAST = 1 / 25, 1e-5  # of the highest learning rate, in the first iteration of a cycle and after the last
DROP = 0.1  # what remains of the learning rate at each step (CenterNet's and FairMOT's code)
MOMENTUM = 0.9  # of plain gradient descent (Lin 2017, RetinaNet, sec. 4)


@dataclass(frozen=True)
class Schedule:
    """lr: the highest learning rate. decay: of weights. clip: the longest gradient. save_every: iterations between
    checkpoints. shape: of the learning rate over the iterations; drops: with `steps`, the shares of all iterations
    after which it falls; warm_up: iterations in which it first rises evenly, but for one-cycle, which does so anyway.
    ema: share that the running mean of the weights keeps of itself in an iteration, 0 for no such mean.
    """

    iterations: int
    lr: float
    decay: float
    clip: float
    precision: Precision = "auto"
    save_every: int = 50
    optimiser: Optimiser = "adamw"
    shape: Shape = "one-cycle"
    drops: tuple[float, ...] = ()
    warm_up: int = 0
    ema: float = 0.0

    def rate(self, step: int) -> float:
        """The learning rate of the iteration after `step` others."""
        done = step / self.iterations
        if self.shape == "one-cycle":
            return self.lr * one_cycle(done)
        rising = min(1.0, (step + 1) / self.warm_up) if self.warm_up else 1.0
        fallen = cosine(done) if self.shape == "cosine" else steps(done, self.drops)
        return self.lr * rising * fallen

    def make_optimiser(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """What changes the parameters by their gradients."""
        if self.optimiser == "sgd":
            return torch.optim.SGD(parameters, lr=self.lr, weight_decay=self.decay, momentum=MOMENTUM)
        kind = torch.optim.AdamW if self.optimiser == "adamw" else torch.optim.Adam
        return kind(parameters, lr=self.lr, weight_decay=self.decay)


def one_cycle(done: float) -> float:
    """The share of the highest learning rate after the share `done` of all iterations (Smith 2018): half a cosine up
    from FIRST to 1 in WARM_UP, then half a cosine down to LAST.
    """
    start, share = (FIRST, done / WARM_UP) if done < WARM_UP else (LAST, (1 - done) / (1 - WARM_UP))
    return start + (1 - start) * (1 - math.cos(math.pi * share)) / 2


def cosine(done: float) -> float:
    """Half a cosine from 1 down to 0 (Loshchilov 2017, SGDR, eq. 5, without restarts)."""
    return (1 + math.cos(math.pi * done)) / 2


def steps(done: float, drops: Iterable[float]) -> float:
    """A tenth for each of `drops` that is reached."""
    return DROP ** sum(done >= drop for drop in drops)


def half_precision(precision: Precision, device: torch.device) -> torch.dtype | None:
    """The type in which the network is to work, None for float32; `auto`: bfloat16 where that is faster."""
    if precision == "fp16":
        return torch.float16
    return torch.bfloat16 if precision == "bf16" or (precision == "auto" and multiplies_bf16(device)) else None


def working_in(precision: Precision, device: torch.device) -> torch.autocast:
    """A block in which networks on `device` work in that precision."""
    half = half_precision(precision, device)
    return torch.autocast(device.type, half, enabled=half is not None)


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the processor multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # private, so that they may go
    return device.type == "cpu" and any(getattr(torch.cpu, name, bool)() for name in names)
