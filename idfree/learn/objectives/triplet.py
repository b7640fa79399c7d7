"""Triplet loss between crops (Hermans 2017, In Defense of the Triplet Loss)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus

from idfree.learn.objectives.cannot_link import cannot_link_mask
from idfree.learn.tensors import Tensors

MIN_SQUARED_DISTANCE = 1e-6  # lower bound before the square root, whose gradient is infinite at 0


class TripletLoss(nn.Module):
    """Batch-hard triplet loss with soft margin on Euclidean distances of unit vectors (Karthik 2020, sec. 3).

    Positives are crops of the same tracklet, negatives those of tracklets that cannot link to it (coexisting, or of
    another video). output: "embedding" (N, D). batch: "tracklet", "video", "first", "last" (N,).
    """

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """{"triplet": mean over the crops that have a positive and a negative}."""
        unit = normalize(output["embedding"])
        distance = unit_distances(unit @ unit.T)
        positive = batch["tracklet"][:, None] == batch["tracklet"]
        return {"triplet": batch_hard_loss(distance, positive, cannot_link_mask(batch, batch))}


def unit_distances(cosine: Tensor) -> Tensor:
    """Euclidean distances of unit vectors from their cosine similarities, of any shape."""
    return (2 - 2 * cosine).clamp(min=MIN_SQUARED_DISTANCE).sqrt()


def batch_hard_loss(distance: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Mean of ln(1 + exp(farthest positive − nearest negative)) over rows that have both; 0 if none has (eq. 5, 7).

    distance (N, N); positive, negative (N, N) bool: pairs of one person (the diagonal is ignored), of two persons.
    """
    positive = positive & ~torch.eye(len(positive), dtype=torch.bool, device=positive.device)
    farthest = distance.masked_fill(~positive, -torch.inf).amax(dim=1)
    nearest = distance.masked_fill(~negative, torch.inf).amin(dim=1)
    valid = positive.any(dim=1) & negative.any(dim=1)
    return softplus(farthest[valid] - nearest[valid]).sum() / valid.sum().clamp(min=1)
