"""Matching of anchors and proposals to ground-truth boxes, and their sampling for the losses (Ren 2015, sec. 3.1)."""

import torch
from torch import Tensor

from idfree.learn.networks.suppression import pairwise_iou
from idfree.learn.objectives.anchors import IGNORED, NEGATIVE


def match_boxes(
    boxes: Tensor, truth: Tensor, positive_iou: float, negative_iou: float, keep_best: bool = False
) -> Tensor:
    """(N,) int64: the ground-truth box (M, 4) of highest IoU with each box (N, 4), if that IoU is at least
    `positive_iou`; NEGATIVE below `negative_iou`, IGNORED in between.

    keep_best: the boxes of highest IoU with a ground-truth box are positive, too, whatever that IoU (Ren 2015, sec.
    3.1.2). Empty ground-truth boxes match nothing.
    """
    if not len(truth) or not len(boxes):
        return torch.full((len(boxes),), NEGATIVE, device=boxes.device)
    iou = pairwise_iou(boxes, truth)  # N M
    best, matched = iou.max(dim=1)
    is_positive = best >= positive_iou
    if keep_best:
        is_positive |= ((iou == iou.amax(dim=0)) & (iou > 0)).any(dim=1)
    rest = torch.where(best < negative_iou, NEGATIVE, IGNORED)
    return torch.where(is_positive, matched, rest)


def ignore_covered(matched: Tensor, boxes: Tensor, ignore: Tensor, stride: int) -> Tensor:
    """`matched` (N,) with IGNORED for the negatives whose centre lies in a cell to ignore.

    boxes (N, 4): in pixels. ignore (h, w): cells of `stride` pixels.
    """
    if not ignore.any():
        return matched
    x, y = ((boxes[:, :2] + boxes[:, 2:]) / 2 / stride).long().T
    is_covered = ignore[y.clamp(0, ignore.shape[0] - 1), x.clamp(0, ignore.shape[1] - 1)]
    return matched.masked_fill(is_covered & (matched == NEGATIVE), IGNORED)


def sample_matches(matched: Tensor, count: int, positives: float, random: torch.Generator) -> Tensor:
    """`matched` (N,) with all IGNORED but a random sample of `count`, or as many as there are.

    positives: the greatest fraction of `count` that is positive; negatives fill the rest. random: on the CPU.
    """
    order = torch.randperm(len(matched), generator=random).to(matched.device)
    shuffled = matched[order]
    positive = order[shuffled >= 0][: int(positives * count)]
    negative = order[shuffled == NEGATIVE][: count - len(positive)]
    sampled = torch.full_like(matched, IGNORED)
    chosen = torch.cat([positive, negative])
    sampled[chosen] = matched[chosen]
    return sampled
