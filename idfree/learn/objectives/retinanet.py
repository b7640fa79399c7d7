"""Detection losses of RetinaNet in TDT: focal loss of classes, Huber loss of boxes (Yu 2022, sec. 3)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import huber_loss, logsigmoid

from idfree.learn.networks.pyramid_anchors import map_sizes, pyramid_anchors
from idfree.learn.objectives.anchors import IGNORED, encode_boxes
from idfree.learn.parallel import divisor
from idfree.learn.tensors import Tensors

ALPHA, GAMMA = 0.25, 1.5  # balance and exponent of the focal loss (Yu 2022)
DELTA, BOX_WEIGHT = 0.1, 50.0  # threshold and weight of the Huber loss (Yu 2022)


class RetinaLoss(nn.Module):
    """Focal loss "score" over valid anchors and 50 times the Huber loss "box" over positive anchors.

    Both are divided by the number of positive anchors in the batch, as in Lin 2017, sec. 4.1; Yu 2022 does not say how
    they are normalised. output: "score" logits (B, N, C), "box" deltas (B, N, 4). batch: "matched_box" (B, N), index of
    each anchor's box, NEGATIVE or IGNORED; "xyxy" (B, M, 4); "class" (B, M); "image", whose size gives the anchors.
    """

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The scalars "score" and "box"."""
        matched_box = batch["matched_box"]
        image, anchor = (matched_box >= 0).nonzero(as_tuple=True)
        box = matched_box[image, anchor]
        count = divisor(torch.tensor(len(image), device=box.device))
        target = torch.zeros_like(output["score"])
        target[image, anchor, batch["class"][image, box]] = 1
        valid = matched_box != IGNORED
        height, width = batch["image"].shape[2:]
        anchors = pyramid_anchors(map_sizes((height, width)), box.device)[anchor]
        deltas = encode_boxes(batch["xyxy"][image, box], anchors[:, :2], anchors[:, 2:])
        box_loss = huber_loss(output["box"][image, anchor], deltas, reduction="sum", delta=DELTA)
        return {
            "score": focal_loss(output["score"][valid], target[valid]) / count,
            "box": BOX_WEIGHT * box_loss / count,
        }


def focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Focal loss −Σ α_t (1−p_t)^γ ln p_t (Lin 2017, eq. 5); logits and target (0 or 1) of any one shape."""
    signed = torch.where(target == 1, logits, -logits)  # p_t = σ(signed)
    weight = torch.where(target == 1, ALPHA, 1 - ALPHA)
    return -(weight * (-signed).sigmoid() ** GAMMA * logsigmoid(signed)).sum()
