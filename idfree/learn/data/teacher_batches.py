"""Batches of images with the teacher's embedding of each object (Yu 2022, TDT, sec. 3)."""

from collections.abc import Iterator

import torch
from torch import Tensor

from idfree.core.errors import UserError
from idfree.learn.data.image_batches import ImageBatches
from idfree.learn.data.teacher_labels import TeacherLabels
from idfree.learn.networks.pyramid_anchors import STRIDES, level_sizes, map_sizes, pyramid_anchors
from idfree.learn.objectives.anchors import IGNORED, NEGATIVE, best_boxes
from idfree.learn.tensors import Tensors

POSITIVE_IOU, NEGATIVE_IOU = 0.5, 0.4  # an anchor is positive from 0.5 on, negative below 0.4 (Lin 2017, sec. 4)


class TeacherBatches:
    """The batches of `images` with the targets of distillation.

    Adds "teacher" (B, M, dimension): the first elements of the teacher's embedding of each object, not renormalised (Yu
    2022); "has_teacher" bool (B, M): the object has one. for_anchors: for RetinaNet, "matched_box" (B, N), see
    `match_pyramid`, replaces the centre targets "heat", "index", "offset" and "size"; `images` must then have the
    stride of the finest level. Raises UserError if the teacher's embeddings are of another data set, or have fewer than
    `dimension` elements.
    """

    def __init__(self, images: ImageBatches, teacher: TeacherLabels, dimension: int, for_anchors: bool):
        if teacher.dimension < dimension:
            raise UserError(
                f"dimension={dimension}: the teacher {teacher.name} gives embeddings of {teacher.dimension} elements,"
                " and a student cannot have more"
            )
        boxes, known = len(images.dataset.category), sum(map(len, teacher.parts))
        if boxes != known:
            raise UserError(f"the teacher {teacher.name} has embeddings of {known} boxes, the data have {boxes}")
        self.images, self.teacher, self.dimension, self.for_anchors = images, teacher, dimension, for_anchors

    def __call__(self, step: int) -> Tensors:
        batch = self.images(step)
        embedding, is_known = self.teacher.read(batch["row"].flatten().numpy())
        shape = batch["row"].shape
        batch["teacher"] = torch.from_numpy(embedding[:, : self.dimension]).view(*shape, self.dimension)
        batch["has_teacher"] = torch.from_numpy(is_known).view(shape) & batch["mask"]
        if not self.for_anchors:
            return batch
        matched = [match_pyramid(xyxy, ignore, self.images.shape.size_hw) for xyxy, ignore in zip_boxes(batch)]
        kept = {name: each for name, each in batch.items() if name not in ("heat", "index", "offset", "size", "ignore")}
        return kept | {"matched_box": torch.stack(matched)}

    @property
    def per_epoch(self) -> int:
        """Batches per epoch."""
        return self.images.per_epoch


def zip_boxes(batch: Tensors) -> Iterator[tuple[Tensor, Tensor]]:
    """For each image of a batch, boxes (M, 4), empty where there is no object, and mask (h, w) of cells to ignore."""
    return zip(batch["xyxy"].where(batch["mask"][..., None], 0), batch["ignore"], strict=True)


def match_pyramid(xyxy: Tensor, ignore: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """(N,) index, among the boxes (M, 4), of the one of highest IoU with each anchor (see `pyramid_anchors`).

    NEGATIVE where the IoU is below NEGATIVE_IOU, IGNORED from there to POSITIVE_IOU, and where a negative anchor's
    centre is in a cell to ignore. ignore (h, w): mask of the finest level's cells.
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
