"""Exponential moving average (EMA) of a network's weights."""

import copy

import torch
from torch import nn

WARM_UP = 10  # iterations after which a high decay has risen to about a half (TensorFlow's ExponentialMovingAverage)


class Ema:
    """EMA of weights and batch-norm statistics, in `network` (Tarvainen 2017, Mean Teachers, eq. 2).

    decay: weight of the previous average per iteration; less in the first iterations, else the average would stay at
    the initial weights.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.network, self.decay = copy.deepcopy(network).eval().requires_grad_(False), decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Add the weights of `network` after `step` iterations to the average."""
        weight = 1 - min(self.decay, (1 + step) / (WARM_UP + step))
        current = network.state_dict()
        for name, mean in self.network.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(current[name], weight)
            else:
                mean.copy_(current[name])
