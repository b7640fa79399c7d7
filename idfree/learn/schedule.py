"""Optimisation schedule: iterations, optimiser, precision; the learning rate is a function of the iteration."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

Precision = Literal["auto", "fp32", "bf16", "fp16"]
RateShape = Literal["one-cycle", "steps", "cosine"]
Optimiser = Literal["adamw", "adam", "sgd"]

CYCLE_WARM_UP = 0.3  # fraction of iterations in which the rate of one cycle rises (PyTorch's default)
CYCLE_FIRST, CYCLE_LAST = 1 / 25, 1e-5  # rate at the start and end of one cycle, as factors of the highest (fastai's)
STEP_FACTOR = 0.1  # factor of the learning rate at each step (CenterNet's and FairMOT's code)
MOMENTUM = 0.9  # SGD (Lin 2017, RetinaNet, sec. 4)


@dataclass(frozen=True)
class Schedule:
    """Learning rate schedule and optimiser of a run.

    lr: the highest learning rate. decay: weight decay. clip: maximum gradient norm. save_every: iterations between
    checkpoints. shape: form of the learning rate schedule. drops: fractions of all iterations after which the rate of
    `steps` is multiplied by STEP_FACTOR. warm_up: iterations of linear warm-up; ignored by `one-cycle`, which has its
    own. ema: decay of the moving average of the weights; 0: none.
    """

    iterations: int
    lr: float
    decay: float
    clip: float
    precision: Precision = "auto"
    save_every: int = 50
    optimiser: Optimiser = "adamw"
    shape: RateShape = "one-cycle"
    drops: tuple[float, ...] = ()
    warm_up: int = 0
    ema: float = 0.0

    def learning_rate(self, step: int) -> float:
        """The learning rate of iteration `step`, counted from 0."""
        progress = step / self.iterations
        if self.shape == "one-cycle":
            return self.lr * one_cycle(progress)
        warm_up = min(1.0, (step + 1) / self.warm_up) if self.warm_up else 1.0
        factor = cosine(progress) if self.shape == "cosine" else steps(progress, self.drops)
        return self.lr * warm_up * factor

    def make_optimiser(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The PyTorch optimiser of these parameters."""
        if self.optimiser == "sgd":
            return torch.optim.SGD(parameters, lr=self.lr, weight_decay=self.decay, momentum=MOMENTUM)
        kind = torch.optim.AdamW if self.optimiser == "adamw" else torch.optim.Adam
        return kind(parameters, lr=self.lr, weight_decay=self.decay)


def one_cycle(progress: float) -> float:
    """One-cycle schedule with cosine annealing (Smith 2018, Super-Convergence): factor of the highest learning rate.

    progress: fraction of all iterations, 0…1. The factor rises from CYCLE_FIRST to 1, then falls to CYCLE_LAST.
    """
    if progress < CYCLE_WARM_UP:
        low, phase = CYCLE_FIRST, progress / CYCLE_WARM_UP
    else:
        low, phase = CYCLE_LAST, (1 - progress) / (1 - CYCLE_WARM_UP)
    return low + (1 - low) * (1 - math.cos(math.pi * phase)) / 2


def cosine(progress: float) -> float:
    """Cosine annealing from 1 to 0 (Loshchilov 2017, SGDR, eq. 5, without restarts), at a progress of 0…1."""
    return (1 + math.cos(math.pi * progress)) / 2


def steps(progress: float, drops: Iterable[float]) -> float:
    """Step schedule: STEP_FACTOR to the power of the number of `drops` reached, at a progress of 0…1."""
    return STEP_FACTOR ** sum(progress >= drop for drop in drops)


def half_precision(precision: Precision, device: torch.device) -> torch.dtype | None:
    """Half-precision type of the network, None for float32; `auto`: bfloat16 if it is faster on the device."""
    if precision == "fp16":
        return torch.float16
    return torch.bfloat16 if precision == "bf16" or (precision == "auto" and has_fast_bf16(device)) else None


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Autocast context in which networks on `device` compute in that precision."""
    half = half_precision(precision, device)
    return torch.autocast(device.type, half, enabled=half is not None)


def has_fast_bf16(device: torch.device) -> bool:
    """Whether networks train faster in bfloat16: on GPUs since Ampere and on processors with AMX.

    Older GPUs emulate bfloat16. With AVX-512 BF16 alone it took 1.5 times as long as float32 (docs/training.md).
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", bool)  # a private function, which may be absent
    return device.type == "cpu" and has_amx()
