"""Losses of Faster R-CNN (Ren 2015, eq. 1; Girshick 2015, Fast R-CNN, eq. 1): of anchors and of sampled proposals."""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, smooth_l1_loss

from idfree.learn.networks.proposals import SIDE, all_anchors
from idfree.learn.objectives.anchors import IGNORED, encode_boxes
from idfree.learn.parallel import divisor
from idfree.learn.tensors import Tensors

ANCHOR_WEIGHTS = (1.0, 1.0, 1.0, 1.0)  # that the deltas of anchors are multiplied by (torchvision)
REGION_WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # those of proposals (torchvision; Girshick 2015: unit variance)
BETA = 1 / 9  # where smooth L1 becomes linear (torchvision)


class FasterRcnnLoss(nn.Module):
    """ "objectness" + "anchor_box" of the region proposal network, "class" + "region_box" of the box head.

    Cross-entropies are means over the sampled anchors and regions; smooth L1 of positive ones is divided by the same
    numbers. output: see `FasterRcnn.forward`. batch: "matched_anchor" (B, A), as `AnchorBatches` makes it; "xyxy"
    (B, M, 4); "class" (B, M), to which 1 is added, as the background is class 0; "image", whose size gives the anchors.
    side: of the anchors, see `all_anchors`.
    """

    def __init__(self, side: int = SIDE):
        super().__init__()
        self.side = side

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The scalars "objectness", "anchor_box", "class" and "region_box"."""
        return self.anchor_losses(output, batch) | region_losses(output, batch)

    def anchor_losses(self, output: Tensors, batch: Tensors) -> Tensors:
        """Losses of the region proposal network."""
        matched = batch["matched_anchor"]
        is_sampled = matched != IGNORED
        count = divisor(is_sampled.sum())
        target = (matched[is_sampled] >= 0).float()
        objectness = binary_cross_entropy_with_logits(output["objectness"][is_sampled], target, reduction="sum")
        image, anchor = (matched >= 0).nonzero(as_tuple=True)
        anchors = all_anchors(batch["image"].shape[2:], self.side, matched.device)[anchor]
        truth = batch["xyxy"][image, matched[image, anchor]]
        box = box_loss(output["anchor_deltas"][image, anchor], anchors, truth, ANCHOR_WEIGHTS)
        return {"objectness": objectness / count, "anchor_box": box / count}


def region_losses(output: Tensors, batch: Tensors) -> Tensors:
    """Losses of the box head."""
    matched = output["matched_region"].long()  # outputs are passed as float32
    image, region = (matched != IGNORED).nonzero(as_tuple=True)  # R each, the rows of the box head
    box = matched[image, region]
    is_positive = box >= 0
    target = torch.where(is_positive, batch["class"][image, box.clamp(min=0)] + 1, 0)
    count = divisor(torch.tensor(len(box), device=box.device))
    classes = cross_entropy(output["region_logits"], target, reduction="sum")
    rows = is_positive.nonzero()[:, 0]
    deltas = output["region_deltas"][rows, target[rows]]
    regions = output["regions"][image[rows], region[rows]]
    truth = batch["xyxy"][image[rows], box[rows]]
    return {"class": classes / count, "region_box": box_loss(deltas, regions, truth, REGION_WEIGHTS) / count}


def box_loss(deltas: Tensor, boxes: Tensor, truth: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Sum of the smooth L1 between predicted deltas (N, 4) and those from boxes (N, 4) to their truth (N, 4), the
    latter multiplied by `weights`.
    """
    low, high = boxes[:, :2], boxes[:, 2:]
    target = encode_boxes(truth, (low + high) / 2, high - low) * torch.tensor(weights, device=boxes.device)
    return smooth_l1_loss(deltas, target, reduction="sum", beta=BETA)
