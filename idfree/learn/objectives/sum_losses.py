"""Several objectives as one."""

from torch import nn

from idfree.learn import Tensors


class LossSum(nn.ModuleList):
    """All losses of all objectives."""

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        return {name: loss for objective in self for name, loss in objective(output, batch).items()}
