"""The state of a training run and one training iteration."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from idfree.learn.accumulation import forward_in_parts
from idfree.learn.devices import to_device
from idfree.learn.ema import Ema
from idfree.learn.log import STEP
from idfree.learn.objectives.balance import total_loss
from idfree.learn.parallel import Distributed
from idfree.learn.schedule import Schedule, half_precision
from idfree.learn.tensors import Tensors

Metrics = dict[str, float]


@dataclass
class Training:
    """State of a run, which a checkpoint stores: network, objective, optimiser and what follows.

    config: settings and data of the run, as JSON values. parts: number of parts in which the network processes a batch
    (see `forward_in_parts`). step: number of iterations done. best: highest value of the selection metric in all
    validations. validated: iteration of the last validation.
    """

    network: nn.Module
    objective: nn.Module
    schedule: Schedule
    config: dict[str, Any]
    device: torch.device
    distributed: Distributed = field(default_factory=Distributed)
    parts: int = 1
    step: int = 0
    best: float | None = None
    validated: int = 0

    def __post_init__(self) -> None:
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective.to(self.device)
        self.parameters = [*self.network.parameters(), *self.objective.parameters()]
        self.optimiser = self.schedule.make_optimiser(self.parameters)
        self.half = half_precision(self.schedule.precision, self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.half == torch.float16)
        self.ema = Ema(self.network, self.schedule.ema) if self.schedule.ema else None

    @property
    def inference_network(self) -> nn.Module:
        """The network for use after training: the moving average if there is one."""
        return self.network if self.ema is None else self.ema.network

    def iterate(self, batch: Tensors) -> Metrics:
        """One iteration: forward, backward, optimiser step; returns its metrics.

        Raises FloatingPointError if the loss or gradient is not finite, before any weight is changed.
        """
        rate = self.schedule.learning_rate(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        losses = self.compute_losses({name: to_device(tensor, self.device) for name, tensor in batch.items()})
        loss = total_loss(losses)
        self.optimiser.zero_grad()
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        metrics = self.average_metrics({"loss": loss, **losses, "gradient": self.clip_gradient()})
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.step += 1
        if self.ema is not None:
            self.ema.update(self.network, self.step)
        return {STEP: self.step, **metrics, "lr": rate}

    def compute_losses(self, batch: Tensors) -> Tensors:
        """The losses of a batch: the network in the precision of the schedule, the objective always in float32."""
        with torch.autocast(self.device.type, self.half, enabled=self.half is not None):
            output = forward_in_parts(self.network, batch, self.parts)
        losses: Tensors = self.objective({name: tensor.float() for name, tensor in output.items()}, batch)
        return losses

    def clip_gradient(self) -> Tensor:
        """Average the gradient over processes and clip its norm; returns the norm before clipping."""
        self.distributed.average([parameter.grad for parameter in self.parameters if parameter.grad is not None])
        self.scaler.unscale_(self.optimiser)
        return nn.utils.clip_grad_norm_(self.parameters, self.schedule.clip)

    def average_metrics(self, tensors: Tensors) -> Metrics:
        """The metrics of this iteration, averaged over processes, without those that are NaN in any process.

        Raises FloatingPointError if the loss or its gradient is not finite. With fp16 an infinite gradient is legal;
        the scaler then skips the optimiser step and lowers its scale.
        """
        values = torch.stack([tensor.detach() for tensor in tensors.values()])
        self.distributed.average([values])
        metrics = dict(zip(tensors, values.tolist(), strict=True))
        required = ("loss",) if self.scaler.is_enabled() else ("loss", "gradient")
        if not all(math.isfinite(metrics[name]) for name in required):
            listed = ", ".join(f"{name} is {value:g}" for name, value in metrics.items())
            raise FloatingPointError(f"iteration {self.step + 1}: {listed}")
        return {name: value for name, value in metrics.items() if math.isfinite(value)}
