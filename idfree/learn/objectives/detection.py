"""Detection losses of a centre-based network: focal loss of the heatmap, L1 of the centre offset and the box size."""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from idfree.learn.objectives.gather import gather_centres
from idfree.learn.parallel import divisor
from idfree.learn.tensors import Tensors

ALPHA, BETA = 2, 4  # exponents of the focal loss (Law 2018, CornerNet, eq. 1)
SIZE_WEIGHT = 0.1  # (Zhou 2019, Objects as Points, eq. 4; Zhang 2020, eq. 2)


class DetectionLoss(nn.Module):
    """L_det = "heat" + "offset" + 0.1 · "size", each returned with its weight applied.

    output: "heat" logits (B, C, h, w), "offset" (B, 2, h, w), "size" (B, 2 or 4, h, w). batch: "heat", "mask", "index",
    "offset", "size" of `idfree.learn.data.targets`, and "ignore" if parts of the images are unlabelled.
    """

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The scalars "heat", "offset" and "size"."""
        losses = {"heat": focal_loss(output["heat"], batch["heat"], batch.get("ignore"))}
        for name, weight in (("offset", 1.0), ("size", SIZE_WEIGHT)):
            prediction = gather_centres(output[name], batch["index"])
            losses[name] = weight * masked_l1_loss(prediction, batch[name], batch["mask"])
        return losses


def focal_loss(logits: Tensor, target: Tensor, ignore: Tensor | None = None) -> Tensor:
    """`focal_sum` / N, where N is the number of cells with y = 1; not divided if N = 0."""
    return focal_sum(logits, target, ignore) / divisor((target == 1).sum())


def focal_sum(logits: Tensor, target: Tensor, ignore: Tensor | None = None) -> Tensor:
    """Focal loss of heatmaps −Σ {(1−ŷ)^α ln ŷ if y = 1; (1−y)^β ŷ^α ln(1−ŷ) otherwise} (Law 2018, eq. 1, undivided).

    logits of ŷ and target y (B, C, h, w). ignore (B, h, w): cells without loss unless y = 1. Exact for all logits; the
    code of CenterNet and FairMOT clamps ŷ to 1e-4 … 1 − 1e-4.
    """
    logits = logits.float()
    peak = target == 1
    probability = logits.sigmoid()
    positive = (1 - probability) ** ALPHA * logsigmoid(logits)
    negative = (1 - target) ** BETA * probability**ALPHA * logsigmoid(-logits)  # 1 − σ(x) = σ(−x)
    if ignore is not None:
        negative = negative.masked_fill(ignore[:, None], 0)
    return -torch.where(peak, positive, negative).sum()


def masked_l1_loss(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean L1 error of prediction and target (B, M, C) over the objects in mask (B, M) and channels; 0 without objects.

    The mean over channels (x and y, or the four sides) follows CenterNet's code; the papers write the sum.
    """
    error = (prediction - target).abs().masked_fill(~mask[:, :, None], 0)
    return error.sum() / (divisor(mask.sum()) * target.shape[2])
