"""What anchor boxes learn from (Wang 2020, Towards Real-Time MOT (JDE), sec. 3.2 and 3.3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss
from torch.nn.utils.rnn import pad_sequence

from idfree.learn import Tensors

SOMEBODY, NOBODY = 0.5, 0.4  # IoU above which an anchor has found a box, below which it is empty (sec. 3.2)
NONE, UNSAID = -1, -2  # whose an anchor is: nobody's; better not asked, since it lies in between or nobody knows


class AnchorTargets(nn.Module):
    """An objective for centres, or several, told instead what the anchors should say: assigned once, asked by all.

    sizes: width and height of the A anchors of a cell, in pixels. To `objective` goes the batch with "owner" (B, A, h,
    w), the number among the M of the box whose anchor it is, −1 nobody's, −2 unsaid; and with "index", "mask",
    "identity" and "class" of all cells with an anchor that is somebody's: the best of these is the cell's.
    """

    def __init__(self, objective: nn.Module, sizes: Sequence[tuple[float, float]]):
        super().__init__()
        self.objective = objective
        self.register_buffer("sizes", torch.tensor(sizes), persistent=False)

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        stride = batch["image"].shape[3] // output["objectness"].shape[3]
        sizes = self.get_buffer("sizes")
        there = batch["xyxy"].where(batch["mask"][..., None], 0)  # where no object is, an empty box, that is nobody's
        pairs = [owners(xyxy, sizes, output["objectness"].shape[2:], stride) for xyxy in there]
        owner, iou = (torch.stack(column) for column in zip(*pairs, strict=True))
        if "ignore" in batch:
            owner = owner.masked_fill(batch["ignore"][:, None] & (owner == NONE), UNSAID)
        told: Tensors = self.objective(output, {**batch, "owner": owner, "sizes": sizes, **at_cells(owner, iou, batch)})
        return told


class AnchorDetectionLoss(nn.Module):
    """Cross-entropy of "objectness" over the anchors that are somebody's or nobody's, and smooth L1 of their "box".

    Both are divided by the number of anchors that are somebody's, as the heat of centres is by that of objects. JDE
    takes the mean, a hundredth of that, and undoes it by the weights that its balance begins with.
    """

    def forward(self, output: Tensors, batch: Tensors) -> Tensors:
        owner, sizes = batch["owner"], batch["sizes"]
        somebody = owner >= 0
        said = owner != UNSAID
        asked = binary_cross_entropy_with_logits(output["objectness"][said], somebody[said].float(), reduction="sum")
        picture, size, y, x = somebody.nonzero(as_tuple=True)
        moves = torch.stack(output["box"].chunk(len(sizes), dim=1), dim=1)[picture, size, :, y, x]  # N 4
        stride = batch["image"].shape[3] // owner.shape[3]
        centre = (torch.stack([x, y], dim=1) + 0.5) * stride
        wanted = moves_to(batch["xyxy"][picture, owner[somebody]], centre, sizes[size])
        count = max(len(moves), 1)
        return {"objectness": asked / count, "box": smooth_l1_loss(moves, wanted, reduction="sum") / count}


def owners(xyxy: Tensor, sizes: Tensor, size_hw: Sequence[int], stride: int) -> tuple[Tensor, Tensor]:
    """(A, h, w) which of boxes (M, 4) each anchor overlaps most, −1 if below 0.4, −2 if not above 0.5; and the IoU."""
    height, width = size_hw
    across = shared(width, sizes[:, 0], xyxy[:, 0::2], stride)[:, None]  # A 1 w M
    down = shared(height, sizes[:, 1], xyxy[:, 1::2], stride)[:, :, None]  # A h 1 M
    common = across * down
    area = (xyxy[:, 2:] - xyxy[:, :2]).prod(dim=1)
    iou, owner = (common / (area + sizes.prod(dim=1).view(-1, 1, 1, 1) - common)).max(dim=3)
    return owner.masked_fill(iou <= SOMEBODY, UNSAID).masked_fill(iou < NOBODY, NONE), iou


def shared(cells: int, length: Tensor, ends: Tensor, stride: int) -> Tensor:
    """(A, cells, M) pixels along one axis that each anchor of `length` (A,) has in common with `ends` (M, 2)."""
    middle = (torch.arange(cells, device=ends.device) + 0.5) * stride
    first, last = middle - length[:, None] / 2, middle + length[:, None] / 2  # A cells
    return (torch.minimum(last[..., None], ends[:, 1]) - torch.maximum(first[..., None], ends[:, 0])).clamp(min=0)


def moves_to(xyxy: Tensor, centre: Tensor, size: Tensor) -> Tensor:
    """(N, 4) what moves anchors at `centre` (N, 2), `size` (N, 2) large, to boxes (N, 4) (Ren 2015, eq. 2)."""
    low, high = xyxy[:, :2], xyxy[:, 2:]
    return torch.cat([((low + high) / 2 - centre) / size, ((high - low) / size).log()], dim=1)


def at_cells(owner: Tensor, iou: Tensor, batch: Tensors) -> Tensors:
    """What `AtAnchors` says of cells: "index", "mask", "identity", "class" (B, P), by the best anchor of each."""
    _, best = torch.where(owner >= 0, iou, -1).max(dim=1, keepdim=True)
    owner = owner.gather(1, best).flatten(1)  # B h·w
    index = [(row >= 0).nonzero()[:, 0] for row in owner]
    names = ("identity", "class")
    found = [{name: batch[name][k][owner[k][cells]] for name in names} for k, cells in enumerate(index)]
    mask = [torch.ones_like(cells, dtype=torch.bool) for cells in index]
    columns = {"index": index, "mask": mask, **{name: [row[name] for row in found] for name in names}}
    return {name: pad_sequence(rows, batch_first=True) for name, rows in columns.items()}
