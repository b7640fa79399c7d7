"""Faster R-CNN (Ren 2015) on a feature pyramid (Lin 2017), the detector whose box head Tracktor asks (Bergmann 2019).

The parameter names are those of torchvision's `fasterrcnn_resnet50_fpn`, so that its weights load; see
`faster_rcnn_weights`. For inference, one image at a time.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d, pad, relu

from idfree.learn.networks.anchors import DELTAS, decode_boxes
from idfree.learn.networks.layers import Standardise
from idfree.learn.networks.proposals import Rpn
from idfree.learn.networks.resnet import ResNet, resnet50
from idfree.learn.networks.roi_align import BINS, pool_regions
from idfree.learn.tensors import Tensors

COCO_CLASSES = 91  # of torchvision's published weights, the background included
CHANNELS, HIDDEN = 256, 1024  # of the levels, and of the box head's layers
CANDIDATES = 1000  # boxes of highest score of all classes that are given
VARIANCES = (0.1, 0.1, 0.2, 0.2)  # of the box head's deltas, which are divided by them in training
NORM_EPSILON = 0.0  # of the backbone's norms: torchvision's published weights and Tracktor's were trained without

Pool = Callable[[Sequence[Tensor], Tensor], Tensor]  # see `pool_regions`


class Fpn(nn.Module):
    """Maps of halving size, finest first → as many levels (1, channels, h, w), and a coarser one (Lin 2017, fig. 3)."""

    def __init__(self, channels_in: Sequence[int], channels: int):
        super().__init__()
        self.inner_blocks = nn.ModuleList(nn.Sequential(nn.Conv2d(each, channels, 1)) for each in channels_in)
        self.layer_blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1)) for _ in channels_in
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        levels = [inner(x) for inner, x in zip(self.inner_blocks, maps, strict=True)]
        for number in range(len(levels) - 1, 0, -1):
            levels[number - 1] = levels[number - 1] + interpolate(levels[number], scale_factor=2.0, mode="nearest")
        levels = [layer(x) for layer, x in zip(self.layer_blocks, levels, strict=True)]
        return [*levels, max_pool2d(levels[-1], 1, stride=2)]


class PyramidBackbone(nn.Module):
    """(1, 3, H, W), standardised → the levels 2 to 6, at strides 4 to 64. H and W are multiples of 32.

    body: gives maps at strides 2, 4, 8, 16 and 32, whose channels are `stages`.
    """

    def __init__(self, body: ResNet, channels: int):
        super().__init__()
        self.body, self.fpn = body, Fpn(body.stages[1:], channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        levels: list[Tensor] = self.fpn(self.body.maps(x)[1:])
        return levels


class BoxHead(nn.Module):
    """(N, channels, BINS, BINS) → (N, hidden): two fully connected layers."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.fc6, self.fc7 = nn.Linear(channels * BINS * BINS, hidden), nn.Linear(hidden, hidden)

    def forward(self, regions: Tensor) -> Tensor:
        return relu(self.fc7(relu(self.fc6(regions.flatten(1)))))


class BoxPredictor(nn.Module):
    """(N, hidden) → logits (N, C) of the classes, the background first, and deltas (N, C, 4)."""

    def __init__(self, hidden: int, classes: int):
        super().__init__()
        self.cls_score, self.bbox_pred = nn.Linear(hidden, classes), nn.Linear(hidden, classes * DELTAS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(x), self.bbox_pred(x).unflatten(1, (-1, DELTAS))


class RoiHeads(nn.Module):
    """Regions (N, channels, BINS, BINS) → logits and deltas as of BoxPredictor."""

    def __init__(self, channels: int, hidden: int, classes: int):
        super().__init__()
        self.box_head, self.box_predictor = BoxHead(channels, hidden), BoxPredictor(hidden, classes)

    def forward(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        logits, deltas = self.box_predictor(self.box_head(regions))
        return logits, deltas


class FasterRcnn(nn.Module):
    """A two-stage detector: `levels` of an image, then `detect` its objects, or `refine` given boxes.

    body: see PyramidBackbone. classes: the background included. Class numbers that it gives begin with 0 after that.
    pool: replaced by an operator for export.
    """

    def __init__(self, body: ResNet, classes: int = COCO_CLASSES, channels: int = CHANNELS, hidden: int = HIDDEN):
        super().__init__()
        self.classes, self.channels = classes, channels
        self.standardise = Standardise()
        self.backbone, self.rpn = PyramidBackbone(body, channels), Rpn(channels)
        self.roi_heads = RoiHeads(channels, hidden, classes)
        self.pool: Pool = pool_regions
        for layer in body.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eps = NORM_EPSILON

    def levels(self, bgr: Tensor) -> list[Tensor]:
        """The levels 2 to 6 of an image (1, 3, H, W), 0…255."""
        levels: list[Tensor] = self.backbone(self.standardise(bgr.float()))
        return levels

    def detect(self, levels: Sequence[Tensor], size_hw: Sequence[int]) -> Tensors:
        """boxes (CANDIDATES, 4) in pixels, scores and classes by descending score, before suppression.

        A box for each class of each proposal, of which those of the highest scores are given, others have score 0.
        size_hw: (height, width) of the image.
        """
        proposals, logits = self.rpn(levels, size_hw)
        boxes, scores = self.refine(levels, proposals)
        scores = scores.masked_fill(torch.isinf(logits)[:, None], 0.0)
        foreground = self.classes - 1
        scores, order = pad(scores.flatten(), (0, CANDIDATES)).topk(CANDIDATES)
        order = order.clamp(max=proposals.shape[0] * foreground - 1)
        return {"boxes": boxes.flatten(0, 1)[order], "scores": scores, "classes": order % foreground}

    def refine(self, levels: Sequence[Tensor], boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (N, C−1, 4) and scores (N, C−1) of each class but the background for boxes (N, 4), all in pixels."""
        logits, deltas = self.roi_heads(self.pool(levels[:-1], boxes))
        deltas = deltas[:, 1:] * torch.tensor(VARIANCES, device=deltas.device)
        centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        return decode_boxes(centre[:, None], size[:, None], deltas), logits.softmax(dim=1)[:, 1:]


def faster_rcnn(classes: int = COCO_CLASSES) -> FasterRcnn:
    """With ResNet-50: 41.8 M parameters for COCO's classes."""
    return FasterRcnn(resnet50(), classes)
