"""Training targets and detection loss of anchor boxes (Wang 2020, Towards Real-Time MOT (JDE), sec. 3.2 and 3.3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss
from torch.nn.utils.rnn import pad_sequence

from idfree.learn.parallel import divisor
from idfree.learn.tensors import Tensors

POSITIVE_IOU, NEGATIVE_IOU = 0.5, 0.4  # an anchor is positive above, negative below, ignored in between (sec. 3.2)
NEGATIVE, IGNORED = -1, -2  # in place of a box's index: anchors without a box; anchors left out of the losses


class AnchorTargets(nn.Module):
    """Match ground-truth boxes to anchors once, and evaluate `objective` with the resulting targets.

    sizes: width and height in pixels of the A anchors of each cell. `objective` receives the batch with "matched_box"
    int64 (B, A, h, w): the index, among the image's M boxes, of the one matched to each anchor, −1 for negative and −2
    for ignored anchors; "sizes" (A, 2); and "index", "mask", "identity" and "class" (B, P) of the cells with a positive
    anchor, where the anchor of the highest IoU decides.
    """

    def __init__(self, objective: nn.Module, sizes: Sequence[tuple[float, float]]):
        super().__init__()
        self.objective = objective
        self.register_buffer("sizes", torch.tensor(sizes), persistent=False)

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
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


class AnchorDetectionLoss(nn.Module):
    """Binary cross-entropy of "objectness" over positive and negative anchors, smooth L1 of "box" over positive ones.

    output: "objectness" logits (B, A, h, w), "box" deltas (B, 4·A, h, w). batch: as `AnchorTargets` completes it. Both
    losses are divided by the number of positive anchors, as the centre heatmap's is by that of objects. JDE takes the
    mean over anchors, about a hundredth of that, and compensates by the initial weights of its balance.
    """

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
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
    """(A, h, w) index of the box (M, 4) of highest IoU with each anchor, −1 below 0.4, −2 up to 0.5; and the IoU."""
    matched_box, iou = best_boxes(xyxy, sizes, size_hw, stride)
    return matched_box.masked_fill(iou <= POSITIVE_IOU, IGNORED).masked_fill(iou < NEGATIVE_IOU, NEGATIVE), iou


def best_boxes(xyxy: Tensor, sizes: Tensor, size_hw: Sequence[int], stride: int) -> tuple[Tensor, Tensor]:
    """(A, h, w) index of the box (M, 4), M ≥ 1, of highest IoU with each anchor, and (A, h, w) that IoU.

    sizes (A, 2): width and height of the anchors, which are centred in the cells of a map of `size_hw` cells.
    """
    height, width = size_hw
    overlap_x = overlap_lengths(width, sizes[:, 0], xyxy[:, 0::2], stride)[:, None]  # A 1 w M
    overlap_y = overlap_lengths(height, sizes[:, 1], xyxy[:, 1::2], stride)[:, :, None]  # A h 1 M
    intersection = overlap_x * overlap_y
    area = (xyxy[:, 2:] - xyxy[:, :2]).prod(dim=1)
    union = area + sizes.prod(dim=1).view(-1, 1, 1, 1) - intersection
    iou, matched_box = (intersection / union).max(dim=3)
    return matched_box, iou


def overlap_lengths(cells: int, length: Tensor, ends: Tensor, stride: int) -> Tensor:
    """(A, cells, M) overlap in pixels, along one axis, of anchors of `length` (A,) with boxes from `ends` (M, 2)."""
    centre = (torch.arange(cells, device=ends.device) + 0.5) * stride
    first, last = centre - length[:, None] / 2, centre + length[:, None] / 2  # A cells
    return (torch.minimum(last[..., None], ends[:, 1]) - torch.maximum(first[..., None], ends[:, 0])).clamp(min=0)


def encode_boxes(xyxy: Tensor, centre: Tensor, size: Tensor) -> Tensor:
    """(N, 4) deltas from anchors at `centre` (N, 2), of `size` (N, 2), to boxes (N, 4) (Ren 2015, eq. 2)."""
    low, high = xyxy[:, :2], xyxy[:, 2:]
    return torch.cat([((low + high) / 2 - centre) / size, ((high - low) / size).log()], dim=1)


def cell_targets(matched_box: Tensor, iou: Tensor, batch: Tensors) -> Tensors:
    """Targets of cells with a positive anchor, by the one of best IoU: "index", "mask", "identity", "class" (B, P)."""
    _, best = torch.where(matched_box >= 0, iou, -1).max(dim=1, keepdim=True)
    matched_box = matched_box.gather(1, best).flatten(1)  # B h·w
    index = [(row >= 0).nonzero()[:, 0] for row in matched_box]
    labels = {
        name: [batch[name][k][matched_box[k][cells]] for k, cells in enumerate(index)] for name in ("identity", "class")
    }
    mask = [torch.ones_like(cells, dtype=torch.bool) for cells in index]
    columns = {"index": index, "mask": mask, **labels}
    return {name: pad_sequence(rows, batch_first=True) for name, rows in columns.items()}
