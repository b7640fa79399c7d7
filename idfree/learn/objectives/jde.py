"""Targets and detection loss of the anchor-based network (Wang 2020, Towards Real-Time MOT (JDE), sec. 3.2, 3.3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss
from torch.nn.utils.rnn import pad_sequence

from idfree.learn.objectives.anchors import IGNORED, NEGATIVE, best_boxes, encode_boxes
from idfree.learn.parallel import divisor
from idfree.learn.tensors import Tensors

POSITIVE_IOU, NEGATIVE_IOU = 0.5, 0.4  # an anchor is positive above, negative below, ignored in between (sec. 3.2)


class JdeTargets(nn.Module):
    """Match ground-truth boxes to anchors once, and evaluate `objective` with the resulting targets.

    sizes: width and height in pixels of the A anchors of each cell. `objective` receives the batch with "matched_box"
    int64 (B, A, h, w): index of each anchor's box among the image's M, NEGATIVE or IGNORED; "sizes" (A, 2); and
    "index", "mask", "identity" and "class" (B, P) of the cells with a positive anchor: those of the box that overlaps
    one of the cell's anchors most.
    """

    def __init__(self, objective: nn.Module, sizes: Sequence[tuple[float, float]]):
        super().__init__()
        self.objective = objective
        self.register_buffer("sizes", torch.tensor(sizes), persistent=False)

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The losses of `objective`, given the batch with the targets."""
        sizes, size_hw = self.get_buffer("sizes"), output["objectness"].shape[2:]
        stride = batch["image"].shape[3] // size_hw[1]
        xyxy = batch["xyxy"].where(batch["mask"][..., None], 0)  # padding becomes empty boxes, which match no anchor
        matches = [match_anchors(boxes, sizes, size_hw, stride) for boxes in xyxy]
        matched_box, iou = (torch.stack(column) for column in zip(*matches, strict=True))
        if "ignore" in batch:
            matched_box = matched_box.masked_fill(batch["ignore"][:, None] & (matched_box == NEGATIVE), IGNORED)
        targets = {"matched_box": matched_box, "sizes": sizes, **cell_targets(matched_box, iou, batch)}
        losses: Tensors = self.objective(output, {**batch, **targets})
        return losses


class JdeDetectionLoss(nn.Module):
    """Binary cross-entropy of "objectness" over positive and negative anchors, smooth L1 of "box" over positive ones.

    output: "objectness" logits (B, A, h, w), "box" deltas (B, 4·A, h, w). batch: as `JdeTargets` completes it. Both
    losses are divided by the number of positive anchors, as the heatmap's loss is by the number of objects. JDE divides
    by the number of all anchors, about a hundred times as many, and compensates by the initial weights of its balance.
    """

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        """The scalars "objectness" and "box"."""
        matched_box, sizes = batch["matched_box"], batch["sizes"]
        positive, valid = matched_box >= 0, matched_box != IGNORED
        objectness = binary_cross_entropy_with_logits(
            output["objectness"][valid], positive[valid].float(), reduction="sum"
        )
        image, anchor, y, x = positive.nonzero(as_tuple=True)
        deltas = torch.stack(output["box"].chunk(len(sizes), dim=1), dim=1)[image, anchor, :, y, x]  # N 4
        stride = batch["image"].shape[3] // matched_box.shape[3]
        centre = (torch.stack([x, y], dim=1) + 0.5) * stride
        target = encode_boxes(batch["xyxy"][image, matched_box[positive]], centre, sizes[anchor])
        count = divisor(positive.sum())
        return {"objectness": objectness / count, "box": smooth_l1_loss(deltas, target, reduction="sum") / count}


def match_anchors(xyxy: Tensor, sizes: Tensor, size_hw: Sequence[int], stride: int) -> tuple[Tensor, Tensor]:
    """As `best_boxes`, but NEGATIVE where the IoU is below NEGATIVE_IOU, and IGNORED from there to POSITIVE_IOU."""
    matched_box, iou = best_boxes(xyxy, sizes, size_hw, stride)
    return matched_box.masked_fill(iou <= POSITIVE_IOU, IGNORED).masked_fill(iou < NEGATIVE_IOU, NEGATIVE), iou


def cell_targets(matched_box: Tensor, iou: Tensor, batch: Tensors) -> Tensors:
    """Targets "index", "mask", "identity", "class" (B, P) of cells with a positive anchor, by that of highest IoU."""
    _, best = torch.where(matched_box >= 0, iou, -1).max(dim=1, keepdim=True)
    matched_box = matched_box.gather(1, best).flatten(1)  # B h·w
    index = [(row >= 0).nonzero()[:, 0] for row in matched_box]
    labels = {
        name: [batch[name][k][matched_box[k][cells]] for k, cells in enumerate(index)] for name in ("identity", "class")
    }
    mask = [torch.ones_like(cells, dtype=torch.bool) for cells in index]
    columns = {"index": index, "mask": mask, **labels}
    return {name: pad_sequence(rows, batch_first=True) for name, rows in columns.items()}
