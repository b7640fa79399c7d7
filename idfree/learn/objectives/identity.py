"""Telling tracklets apart by classifying them: every tracklet of every video is a class."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from idfree.learn import Tensors
from idfree.learn.objectives.cannot_link import cannot_link_mask

SCALE = 16.0  # of cosines before the softmax


class SoftmaxLoss(nn.Module):
    """Cross-entropy of a linear classifier over all tracklets (Karthik 2020, sec. 3).

    Two tracklets of one person are two classes: accepted noise.
    """

    def __init__(self, tracklets: int, dimension: int):
        super().__init__()
        self.classifier = nn.Linear(dimension, tracklets)

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        return {"identity": cross_entropy(self.classifier(output["embedding"]), batch["tracklet"])}


class MaskedSoftmaxLoss(nn.Module):
    """Softmax over the cosines with a direction per tracklet, each crop against those that are certainly someone else.

    tracklets: "tracklet", "video", "first" and "last" (T,) of every class. The tracklets of the crop's own video that
    never coexisted with its own may be the same person, and take no part.
    """

    def __init__(self, tracklets: Tensors, dimension: int, scale: float = SCALE):
        super().__init__()
        self.scale = scale
        self.direction = nn.Parameter(torch.randn(len(tracklets["tracklet"]), dimension))
        for name, column in tracklets.items():
            self.register_buffer(name, column, persistent=False)

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        classes = dict(self.named_buffers())
        cosine = normalize(output["embedding"]) @ normalize(self.direction).T  # N T
        return {"identity": masked_softmax(cosine, batch["tracklet"], cannot_link_mask(batch, classes), self.scale)}


def masked_softmax(cosine: Tensor, target: Tensor, rival: Tensor, scale: float = SCALE) -> Tensor:
    """Mean cross-entropy of each row of cosines (N, T) with its class `target` (N,) among that and its rivals (N, T).

    With every other class a rival, it is the softmax's own.
    """
    own = torch.nn.functional.one_hot(target, cosine.shape[1]).bool()
    return cross_entropy((scale * cosine).masked_fill(~(rival | own), -torch.inf), target)
