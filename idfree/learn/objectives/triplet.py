"""Telling people apart by comparing crops (Hermans 2017, In Defense of the TripletLoss Loss)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus

from idfree.learn import Tensors
from idfree.learn.objectives.cannot_link import cannot_link_mask

NEAREST = 1e-6  # squared distance below which the slope of the root would grow without end


class TripletLoss(nn.Module):
    """Batch-hard triplets with soft margin: the farthest crop of one's own tracklet against the nearest of those that
    are certainly someone else (coexisting tracklets, other videos; Karthik 2020, sec. 3). Distances between unit
    vectors.
    """

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        unit = normalize(output["embedding"])
        distance = (2 - 2 * unit @ unit.T).clamp(min=NEAREST).sqrt()
        same = batch["tracklet"][:, None] == batch["tracklet"]
        return {"triplet": batch_hard(distance, same, cannot_link_mask(batch, batch))}


def batch_hard(distance: Tensor, same: Tensor, other: Tensor) -> Tensor:
    """Mean of ln(1 + exp(farthest same − nearest other)) over the rows that have both; 0 if none has (eq. 5 and 7).

    distance (N, N); same (N, N): pairs of one person; other (N, N): pairs of two.
    """
    same = same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
    farthest = distance.masked_fill(~same, -torch.inf).amax(dim=1)
    nearest = distance.masked_fill(~other, torch.inf).amin(dim=1)
    both = same.any(dim=1) & other.any(dim=1)
    return softplus(farthest[both] - nearest[both]).sum() / both.sum().clamp(min=1)
