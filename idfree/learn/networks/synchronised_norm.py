"""Batch normalisation with statistics over all processes (Peng 2018, MegDet, sec. 3.2).

PyTorch's SyncBatchNorm runs on GPUs only; this one runs wherever `torch.distributed` does, also in tests on a CPU.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class SumOverProcesses(torch.autograd.Function):
    """All-reduce with gradient: the sum of a tensor over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(_: Any, tensor: Tensor) -> Tensor:
        """The sum of a tensor over all processes."""
        total = tensor.detach().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        """The sum of the gradient over all processes."""
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


class SynchronisedBatchNorm(nn.BatchNorm2d):
    """BatchNorm2d with statistics of all processes in training mode. Its checkpoints are those of BatchNorm2d."""

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape and type."""
        if not self.training:
            return super().forward(input)
        values = input.float()
        axes, count = (0, 2, 3), values.new_full((1,), values.numel() / values.shape[1])
        sums = self.sum_over_processes(torch.cat([values.sum(axes), count]))
        count = sums[-1:]
        mean = sums[:-1] / count
        centred = values - mean[:, None, None]
        variance = self.sum_over_processes(centred.square().sum(axes)) / count
        self.update_statistics(mean.detach(), variance.detach() * count / (count - 1).clamp(min=1))
        scale = (variance + self.eps).rsqrt() * self.weight
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(input.dtype)

    @staticmethod
    def sum_over_processes(tensor: Tensor) -> Tensor:
        """The sum of a tensor over all processes, with gradient."""
        total: Tensor = SumOverProcesses.apply(tensor)  # type: ignore[no-untyped-call]
        return total

    @torch.no_grad()
    def update_statistics(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics towards those of a batch; variance: the unbiased one."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def synchronise_norms(network: nn.Module) -> None:
    """Replace every BatchNorm2d of a network by a SynchronisedBatchNorm with the same weights, in place."""
    for part in list(network.modules()):
        for name, layer in part.named_children():
            if type(layer) is nn.BatchNorm2d:
                norm = SynchronisedBatchNorm(layer.num_features, layer.eps, layer.momentum)
                norm.load_state_dict(layer.state_dict())
                setattr(part, name, norm.train(layer.training))
