"""Exponential moving average (EMA) of a network's weights."""

import copy

import torch
from torch import nn

WARM_UP = 10  # constant of the decay (1 + n) / (10 + n) of early iterations n (TensorFlow's ExponentialMovingAverage)


class Ema:
    """EMA of weights and batch-norm statistics (Tarvainen 2017, Mean Teachers, eq. 2).

    network: a copy that holds the average. decay: weight of the previous average in each update; it is smaller in early
    iterations, so that the average does not stay near the initial weights.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.network, self.decay = copy.deepcopy(network).eval().requires_grad_(False), decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Update the average with the weights of `network` after `step` iterations."""
        weight = 1 - min(self.decay, (1 + step) / (WARM_UP + step))
        current = network.state_dict()
        for name, mean in self.network.state_dict().items():
            if mean.is_floating_point():
                mean.lerp_(current[name], weight)
            else:
                mean.copy_(current[name])
