"""Batches of images with a teacher's embedding of each object (Yu 2022, TDT, sec. 3), and boxes matched to anchors."""

from collections.abc import Iterator

import torch
from torch import Tensor

from idfree.core.errors import UserError
from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.teacher_labels import TeacherLabels
from idfree.learn.networks.pyramid_anchors import STRIDES, level_sizes, map_sizes, pyramid_anchors
from idfree.learn.objectives.anchors import IGNORED, NEGATIVE, best_boxes
from idfree.learn.tensors import Tensors

POSITIVE_IOU, NEGATIVE_IOU = 0.5, 0.4  # positive from the first on, negative below the second (Lin 2017, sec. 4)


class TaughtBatches:
    """Batch n of `images` with "teacher" (B, M, dimension): the first elements of the teacher's embedding of each
    object, not renormalised (Yu 2022), and "taught" bool (B, M): whether it has one.

    anchored: for RetinaNet, "matched_box" (see `match_pyramid`) in place of the centre targets "heat", "index",
    "offset" and "size"; the stride of `images` is then that of the finest level. Raises UserError if the teacher's
    embeddings are of another data set, or have fewer than `dimension` elements.
    """

    def __init__(self, images: ImageBatches, teacher: TeacherLabels, dimension: int, anchored: bool):
        if teacher.dimension < dimension:
            raise UserError(
                f"dimension={dimension}: the teacher {teacher.name} gives embeddings of {teacher.dimension} elements,"
                " and a student cannot have more"
            )
        boxes, known = len(images.dataset.category), sum(map(len, teacher.parts))
        if boxes != known:
            raise UserError(f"the teacher {teacher.name} has embeddings of {known} boxes, the data have {boxes}")
        self.images, self.teacher, self.dimension, self.anchored = images, teacher, dimension, anchored

    def __call__(self, step: int) -> Tensors:
        batch = self.images(step)
        embedding, is_known = self.teacher.read(batch["row"].flatten().numpy())
        shape = batch["row"].shape
        batch["teacher"] = torch.from_numpy(embedding[:, : self.dimension]).view(*shape, self.dimension)
        batch["taught"] = torch.from_numpy(is_known).view(shape) & batch["mask"]
        if not self.anchored:
            return batch
        matched = [match_pyramid(xyxy, ignore, self.images.shape.size_hw) for xyxy, ignore in zip_boxes(batch)]
        kept = {name: each for name, each in batch.items() if name not in ("heat", "index", "offset", "size", "ignore")}
        return kept | {"matched_box": torch.stack(matched)}

    @property
    def per_epoch(self) -> int:
        """Batches per epoch."""
        return self.images.per_epoch


def zip_boxes(batch: Tensors) -> Iterator[tuple[Tensor, Tensor]]:
    """Boxes (M, 4), empty where there is no object, and cells to ignore (h, w) of each image of a batch."""
    return zip(batch["xyxy"].where(batch["mask"][..., None], 0), batch["ignore"], strict=True)


def match_pyramid(xyxy: Tensor, ignore: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """(N,) the box of highest IoU with each anchor of the pyramid: an index into `xyxy` (M, 4) from 0.5 on, NEGATIVE
    below 0.4, IGNORED in between, and where the anchor is negative but its centre in a cell to ignore.

    ignore (h, w): cells of the finest level. N: see `pyramid_anchors`.
    """
    sizes_hw = map_sizes(size_hw)
    levels = [
        best_boxes(xyxy, torch.tensor(level_sizes(stride)), level_hw, stride)
        for stride, level_hw in zip(STRIDES, sizes_hw, strict=True)
    ]
    matched_box, iou = (
        torch.cat([each.permute(1, 2, 0).flatten() for each in part]) for part in zip(*levels, strict=True)
    )
    matched_box = matched_box.masked_fill(iou < POSITIVE_IOU, IGNORED).masked_fill(iou < NEGATIVE_IOU, NEGATIVE)
    if not ignore.any():
        return matched_box
    x, y = (pyramid_anchors(sizes_hw)[:, :2] / STRIDES[0]).long().T
    is_ignored = ignore[y.clamp(max=ignore.shape[0] - 1), x.clamp(max=ignore.shape[1] - 1)]
    return matched_box.masked_fill(is_ignored & (matched_box == NEGATIVE), IGNORED)
