"""The loop: batches in, a network that has learnt out; killed at any moment, it goes on as if nothing had happened."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from idfree.learn import Tensors
from idfree.learn.devices import placed
from idfree.learn.ema import Ema
from idfree.learn.log import STEP
from idfree.learn.objectives.balance import total
from idfree.learn.parallel import Distributed
from idfree.learn.schedule import Schedule, half_precision

Metrics = dict[str, float]


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
    share: Distributed = field(default_factory=Distributed)
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

    def learn(self, batch: Tensors) -> Metrics:
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

    def told(self, figures: Tensors) -> Metrics:
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
