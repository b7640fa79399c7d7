"""Finding objects: a peak where each has its centre, and beside it where in the cell that is and how large the box."""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from idfree.learn import Tensors
from idfree.learn.objectives.gather import gather

MISSED, NEAR = 2, 4  # α, β of the focal loss (Law 2018, CornerNet, eq. 1)
SIZE = 0.1  # weight of the size beside the offset (Zhou 2019, Objects as Points, eq. 4; Zhang 2020, eq. 2)


class DetectionLoss(nn.Module):
    """L_det = heat + offset + 0.1 · size, named so, each as it enters the sum.

    output: "heat" logits (B, C, h, w), "offset" (B, 2, h, w), "size" (B, 2 or 4, h, w). batch: "heat", "mask", "index",
    "offset", "size" of `idfree.learn.data.targets`, and "ignore" where parts of the pictures are unknown.
    """

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        losses = {"heat": focal(output["heat"], batch["heat"], batch.get("ignore"))}
        for name, weight in (("offset", 1.0), ("size", SIZE)):
            losses[name] = weight * distance(gather(output[name], batch["index"]), batch[name], batch["mask"])
        return losses


def focal(logits: Tensor, target: Tensor, ignore: Tensor | None = None) -> Tensor:
    """−1/N Σ {(1−ŷ)^α ln ŷ where y = 1; (1−y)^β ŷ^α ln(1−ŷ) elsewhere}; not divided where N, the cells of 1, is 0.

    logits of ŷ and target y (B, C, h, w). ignore (B, h, w): cells that are no mistake whatever is found there; where
    y = 1 they count all the same. Exact for any logit: the code of CenterNet and FairMOT cuts ŷ to 1e-4 … 1 − 1e-4.
    """
    logits = logits.float()
    peak = target == 1
    chance = logits.sigmoid()
    missed = (1 - chance) ** MISSED * logsigmoid(logits)
    wrong = (1 - target) ** NEAR * chance**MISSED * logsigmoid(-logits)  # 1 − σ(x) = σ(−x)
    if ignore is not None:
        wrong = wrong.masked_fill(ignore[:, None], 0)
    return -torch.where(peak, missed, wrong).sum() / peak.sum().clamp(min=1)


def distance(found: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean of |found − target| over the numbers (B, M, C) of the objects that there are, mask (B, M); 0 without any.

    A mean over x and y (or the four sides), as in CenterNet's code, where the papers write the sum.
    """
    off = (found - target).abs().masked_fill(~mask[:, :, None], 0)
    return off.sum() / (mask.sum() * target.shape[2]).clamp(min=1)
