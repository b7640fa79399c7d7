"""Tracklet classification from crops: every tracklet of every video is a class."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from idfree.learn.objectives.cannot_link import cannot_link_mask
from idfree.learn.tensors import Tensors

SCALE = 16.0  # factor of cosine similarities before the softmax (the inverse temperature)


class SoftmaxLoss(nn.Module):
    """Cross-entropy of a linear classifier over all tracklets (Karthik 2020, sec. 3).

    output: "embedding" (N, D). batch: "tracklet" (N,). Two tracklets of one person are two classes (label noise).
    """

    def __init__(self, tracklets: int, dimension: int):
        super().__init__()
        self.classifier = nn.Linear(dimension, tracklets)

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """{"identity": mean over the crops}."""
        return {"identity": cross_entropy(self.classifier(output["embedding"]), batch["tracklet"])}


class MaskedSoftmaxLoss(nn.Module):
    """Cosine softmax over tracklets, each crop against the tracklets that it cannot link to (see `cannot_link_mask`).

    output: "embedding" (N, D). batch: "tracklet", "video", "first", "last" (N,). tracklets: the same keys (T,) for
    every class. Tracklets of the crop's video that never coexist with its own may be the same person, and are left out.
    """

    def __init__(self, tracklets: Tensors, dimension: int):
        super().__init__()
        self.direction = nn.Parameter(torch.randn(len(tracklets["tracklet"]), dimension))
        for name, column in tracklets.items():
            self.register_buffer(name, column, persistent=False)

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """{"identity": mean over the crops}."""
        tracklets = dict(self.named_buffers())
        cosine = normalize(output["embedding"]) @ normalize(self.direction).T  # N T
        negative = cannot_link_mask(batch, tracklets)
        return {"identity": masked_softmax_loss(cosine, batch["tracklet"], negative)}


def masked_softmax_loss(cosine: Tensor, target: Tensor, negative: Tensor) -> Tensor:
    """Mean cross-entropy of cosines (N, T) with classes `target` (N,), over the target and `negative` (N, T) classes.

    Equal to the ordinary softmax cross-entropy if all other classes are negative.
    """
    excluded = ~negative
    excluded[torch.arange(len(target), device=target.device), target] = False
    return cross_entropy((SCALE * cosine).masked_fill(excluded, -torch.inf), target)
