"""The running mean of a network's weights over its iterations, which tracks better than the weights of any one."""

import copy

import torch
from torch import nn

YOUNG = (
    10  # iterations after which a mean that is to keep much keeps half of that (TensorFlow's ExponentialMovingAverage)
)


class Ema:
    """`network`: the mean (Tarvainen 2017, Mean Teachers, eq. 2), of batch norms' statistics, too.

    decay: the share that it keeps of itself in an iteration, less in the first ones, or it would stay untrained.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.network, self.decay = copy.deepcopy(network).eval().requires_grad_(False), decay

    @torch.no_grad()
    def follow(self, network: nn.Module, step: int) -> None:
        """Take in the weights after `step` iterations."""
        new = 1 - min(self.decay, (1 + step) / (YOUNG + step))
        now = network.state_dict()
        for name, mean in self.network.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(now[name], new)
            else:
                mean.copy_(now[name])
