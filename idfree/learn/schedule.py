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

WARM_UP = 0.3  # of all iterations, in one cycle (Smith 2018, Super-Convergence; the fraction is PyTorch's and fastai's)
FIRST, LAST = 1 / 25, 1e-5  # of the highest learning rate: in the first iteration of a cycle, and after the last
DROP = 0.1  # factor of the learning rate at each step (CenterNet's and FairMOT's code)
MOMENTUM = 0.9  # of SGD (Lin 2017, RetinaNet, sec. 4)


@dataclass(frozen=True)
class Schedule:
    """lr: the highest learning rate. decay: weight decay. clip: the maximum gradient norm. save_every: iterations
    between checkpoints. shape: of the learning rate over the iterations. drops: for `steps`, the fractions of all
    iterations after which it falls. warm_up: iterations of linear warm-up, except for one-cycle, which has its own.
    ema: decay of the moving average of the weights; 0: none.
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
        """The learning rate of the iteration after `step` others."""
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
    """Factor of the highest learning rate at a fraction of all iterations (Smith 2018): half a cosine up from FIRST
    to 1 in WARM_UP, then half a cosine down to LAST.
    """
    start, phase = (FIRST, progress / WARM_UP) if progress < WARM_UP else (LAST, (1 - progress) / (1 - WARM_UP))
    return start + (1 - start) * (1 - math.cos(math.pi * phase)) / 2


def cosine(progress: float) -> float:
    """Half a cosine from 1 down to 0 (Loshchilov 2017, SGDR, eq. 5, without restarts)."""
    return (1 + math.cos(math.pi * progress)) / 2


def steps(progress: float, drops: Iterable[float]) -> float:
    """DROP to the power of the number of `drops` reached."""
    return DROP ** sum(progress >= drop for drop in drops)


def half_precision(precision: Precision, device: torch.device) -> torch.dtype | None:
    """The floating-point type of the network, None for float32; `auto`: bfloat16 if the device is fast at it."""
    if precision == "fp16":
        return torch.float16
    return torch.bfloat16 if precision == "bf16" or (precision == "auto" and has_fast_bf16(device)) else None


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Context manager: networks on `device` compute in that precision."""
    half = half_precision(precision, device)
    return torch.autocast(device.type, half, enabled=half is not None)


def has_fast_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16; GPUs older than Ampere only emulate it, slowly."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # private functions, which may be absent
    return device.type == "cpu" and any(getattr(torch.cpu, name, bool)() for name in names)
