"""Part-based crop Re-ID network (after Sun 2018, PCB) for 128×64 crops, small enough to be trained on a CPU."""

import torch
from torch import Tensor, nn

from idfree.learn.networks.layers import conv3x3, initialise
from idfree.learn.networks.resnet import BasicBlock

STRIPES = 4  # horizontal parts: head and shoulders, trunk, thighs, calves
STEM, STAGES = 64, (64, 128, 256)  # channels
DIMENSION = 128


class Striped(nn.Module):
    """(N, 3, H, W) → (N, 128); 1.4 M parameters.

    A stem and three residual stages of stride 2; average pooling of four horizontal stripes (Sun 2018, PCB, sec. 3.1)
    and global maximum pooling, concatenated, then a linear layer and a batch norm (Luo 2019, sec. 3.6, "BNNeck").
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv3x3(3, STEM, stride=2), nn.BatchNorm2d(STEM), nn.ReLU(inplace=True))
        self.stages = nn.Sequential(
            BasicBlock(STEM, STAGES[0], 2), BasicBlock(STAGES[0], STAGES[1], 2), BasicBlock(STAGES[1], STAGES[2], 2)
        )
        self.neck = nn.Linear(STAGES[-1] * (STRIPES + 1), DIMENSION, bias=False)
        self.norm = nn.BatchNorm1d(DIMENSION)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 128) embeddings of standardised crops (N, 3, H, W), not normalised."""
        maps = self.stages(self.stem(x))
        stripes = nn.functional.adaptive_avg_pool2d(maps, (STRIPES, 1)).flatten(1)  # N C 4 1 -> N 4C
        return self.norm(self.neck(torch.cat([stripes, maps.amax((2, 3))], dim=1)))
