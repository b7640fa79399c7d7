"""Faster R-CNN (Ren 2015) on a feature pyramid (Lin 2017), the detector whose box head Tracktor asks (Bergmann 2019).

The parameter names are those of torchvision's `fasterrcnn_resnet50_fpn`, so that its weights load; see
`faster_rcnn_weights`.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d, pad, relu

from idfree.core.errors import UserError
from idfree.learn.networks.anchors import DELTAS, decode_boxes
from idfree.learn.networks.box_sampling import ignore_covered, match_boxes, sample_matches
from idfree.learn.networks.proposals import PROPOSALS, SIDE, Rpn
from idfree.learn.networks.resnet import RESNET18, RESNET34, RESNET50, ResNet
from idfree.learn.networks.roi_align import BINS, STRIDES, pool_regions
from idfree.learn.networks.tracker import Pixels, TrackerNetwork
from idfree.learn.objectives.anchors import IGNORED
from idfree.learn.tensors import Tensors

COCO_CLASSES = 91  # of torchvision's published weights, the background included
CHANNELS, HIDDEN = 256, 1024  # of the levels, and of the box head's layers
CANDIDATES = 1000  # boxes of highest score of all classes that are given
VARIANCES = (0.1, 0.1, 0.2, 0.2)  # of the box head's deltas, which are divided by them in training
REGION_IOU = 0.5  # from which a proposal is an object in training, and below which it is background (Ren 2015)
REGIONS, POSITIVES = 512, 0.25  # proposals sampled in an image, and the greatest fraction of objects (torchvision)
DEVIATIONS = {  # of the initial weights of the last layers (Girshick 2015, Fast R-CNN, sec. 3.1; Ren 2015, sec. 3.1.3)
    "rpn.head": 0.01,
    "roi_heads.box_predictor.cls_score": 0.01,
    "roi_heads.box_predictor.bbox_pred": 0.001,
}

# Constructors of modules with `stages` and `maps`, see PyramidBackbone.
BODIES: dict[str, Callable[[], nn.Module]] = {
    "resnet18-fpn": partial(ResNet, *RESNET18),
    "resnet34-fpn": partial(ResNet, *RESNET34),
    "resnet50-fpn": partial(ResNet, *RESNET50),
}

Pool = Callable[[Sequence[Tensor], Tensor], Tensor]  # see `pool_regions`


def make_body(name: str) -> nn.Module:
    """Build the part of a backbone below its pyramid. Raises UserError, with the choices, if the name is unknown."""
    if name not in BODIES:
        raise UserError(f"backbone {name}: unknown to fasterrcnn, expected one of {', '.join(BODIES)}")
    return BODIES[name]()


class Fpn(nn.Module):
    """Maps of halving size, finest first → as many levels (B, channels, h, w), and a coarser one (Lin 2017, fig. 3)."""

    def __init__(self, channels_in: Sequence[int], channels: int):
        super().__init__()
        self.inner_blocks = nn.ModuleList(nn.Sequential(nn.Conv2d(each, channels, 1)) for each in channels_in)
        self.layer_blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1)) for _ in channels_in
        )
        for block in (*self.inner_blocks, *self.layer_blocks):
            nn.init.kaiming_uniform_(block[0].weight, a=1)  # no ReLU follows
            nn.init.zeros_(block[0].bias)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The levels (B, channels, h, w), finest first; one more than maps."""
        levels = [inner(x) for inner, x in zip(self.inner_blocks, maps, strict=True)]
        for number in range(len(levels) - 1, 0, -1):
            levels[number - 1] = levels[number - 1] + interpolate(levels[number], scale_factor=2.0, mode="nearest")
        levels = [layer(x) for layer, x in zip(self.layer_blocks, levels, strict=True)]
        return [*levels, max_pool2d(levels[-1], 1, stride=2)]


class PyramidBackbone(nn.Module):
    """(B, 3, H, W), standardised → the levels 2 to 6, at strides 4 to 64. H and W are multiples of 32.

    body: its `maps` are at strides 2, 4, 8, 16 and 32, and have `stages` channels.
    """

    def __init__(self, body: nn.Module, channels: int):
        super().__init__()
        self.body, self.fpn = body, Fpn(body.stages[1:], channels)  # type: ignore[index, arg-type]

    def forward(self, x: Tensor) -> list[Tensor]:
        """The levels 2 to 6, (B, channels, H/2^l, W/2^l) each."""
        levels: list[Tensor] = self.fpn(self.body.maps(x)[1:])  # type: ignore[operator]
        return levels


class BoxHead(nn.Module):
    """(N, channels, BINS, BINS) → (N, hidden): two fully connected layers."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.fc6, self.fc7 = nn.Linear(channels * BINS * BINS, hidden), nn.Linear(hidden, hidden)

    def forward(self, regions: Tensor) -> Tensor:
        """(N, hidden) features of regions (N, channels, BINS, BINS)."""
        return relu(self.fc7(relu(self.fc6(regions.flatten(1)))))


class BoxPredictor(nn.Module):
    """(N, hidden) → logits (N, C) of the classes, the background first, and deltas (N, C, 4)."""

    def __init__(self, hidden: int, classes: int):
        super().__init__()
        self.cls_score, self.bbox_pred = nn.Linear(hidden, classes), nn.Linear(hidden, classes * DELTAS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, C) and deltas (N, C, 4) of features (N, hidden)."""
        return self.cls_score(x), self.bbox_pred(x).unflatten(1, (-1, DELTAS))


class RoiHeads(nn.Module):
    """Regions (N, channels, BINS, BINS) → logits and deltas as of BoxPredictor."""

    def __init__(self, channels: int, hidden: int, classes: int):
        super().__init__()
        self.box_head, self.box_predictor = BoxHead(channels, hidden), BoxPredictor(hidden, classes)

    def forward(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, C) and deltas (N, C, 4) of regions (N, channels, BINS, BINS)."""
        logits, deltas = self.box_predictor(self.box_head(regions))
        return logits, deltas


class FasterRcnn(TrackerNetwork):
    """A two-stage detector: `levels` of an image, then `detect` its objects, or `refine` given boxes.

    In training, {"image" (B, 3, H, W) BGR, "xyxy" (B, M, 4), "ignore" (B, h, w), "seed" (B,), …} → "objectness" logits
    (B, A) and "anchor_deltas" (B, A, 4) of all anchors; "regions" (B, P, 4), the proposals and the ground truth, and
    "matched_region" (B, P), their boxes as of `match_boxes`, IGNORED if not sampled; of the R sampled ones, in that
    order, "region_logits" (R, C) and "region_deltas" (R, C, 4).

    body: see PyramidBackbone. classes: C, the background included. Class numbers that it gives begin with 0 after that.
    side, proposals: see Rpn. regions: number of proposals sampled in an image. pool: replaced by an operator for
    export.
    """

    kind = "two-stage"
    columns = ("boxes", "scores", "classes")

    def __init__(
        self,
        body: nn.Module,
        classes: int = COCO_CLASSES,
        channels: int = CHANNELS,
        hidden: int = HIDDEN,
        pixels: Pixels = "imagenet",
        *,
        side: int = SIDE,
        proposals: int = PROPOSALS,
        regions: int = REGIONS,
    ):
        super().__init__(pixels)
        self.classes, self.channels, self.stride, self.regions = classes, channels, STRIDES[0], regions
        self.heads = nn.ModuleDict()  # none on a map of the backbone
        self.backbone, self.rpn = PyramidBackbone(body, channels), Rpn(channels, side, proposals)
        self.roi_heads = RoiHeads(channels, hidden, classes)
        self.pool: Pool = pool_regions
        for name, deviation in DEVIATIONS.items():
            for layer in self.get_submodule(name).modules():
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    nn.init.normal_(layer.weight, std=deviation)
                    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, batch: Tensors) -> Tensors:
        """The tensors that `FasterRcnnLoss` takes, see the class; for training."""
        levels = self.levels(batch["image"])
        logits, deltas = self.rpn(levels)
        regions, matched = self.sample_regions(logits, deltas, batch)
        pooled = [
            self.pool([level[k : k + 1].float() for level in levels[:-1]], regions[k, matched[k] != IGNORED])
            for k in range(len(regions))
        ]
        region_logits, region_deltas = self.roi_heads(torch.cat(pooled))
        return {
            "objectness": torch.cat(logits, dim=1),
            "anchor_deltas": torch.cat(deltas, dim=1),
            "regions": regions,
            "matched_region": matched,
            "region_logits": region_logits,
            "region_deltas": region_deltas,
        }

    @torch.no_grad()
    def sample_regions(
        self, logits: Sequence[Tensor], deltas: Sequence[Tensor], batch: Tensors
    ) -> tuple[Tensor, Tensor]:
        """Proposals with the ground truth (B, P, 4), and (B, P) their boxes, IGNORED if not sampled."""
        height, width = batch["image"].shape[2:]
        regions, matches = [], []
        for k, (truth, ignore, seed) in enumerate(
            zip(batch["xyxy"], batch["ignore"], batch["seed"].tolist(), strict=True)
        ):
            own_logits, own_deltas = ([level[k].float() for level in part] for part in (logits, deltas))
            proposals, logit = self.rpn.propose(own_logits, own_deltas, (height, width))
            boxes = torch.cat([proposals, truth])
            is_valid = torch.cat([torch.isfinite(logit), (truth[:, 2:] > truth[:, :2]).all(dim=1)])
            matched = match_boxes(boxes, truth, REGION_IOU, REGION_IOU).masked_fill(~is_valid, IGNORED)
            matched = ignore_covered(matched, boxes, ignore, width // ignore.shape[1])
            random = torch.Generator().manual_seed(seed)
            regions.append(boxes)
            matches.append(sample_matches(matched, self.regions, POSITIVES, random))
        return torch.stack(regions), torch.stack(matches)

    def levels(self, bgr: Tensor) -> list[Tensor]:
        """The levels 2 to 6 of images (B, 3, H, W), 0…255."""
        levels: list[Tensor] = self.backbone(self.standardise(bgr.float()))
        return levels

    def maps(self, image: Tensor) -> Tensors:
        """The levels by name."""
        return {f"level{number}": level for number, level in enumerate(self.levels(image), 2)}

    def decode(self, output: Tensors) -> Tensors:
        """As `TrackerNetwork.decode`, of the levels of one image; boxes as of `detect`."""
        levels = list(output.values())
        size_hw = [side * self.stride for side in levels[0].shape[2:]]
        return {name: each[None] for name, each in self.detect(levels, size_hw).items()}

    def detect(self, levels: Sequence[Tensor], size_hw: Sequence[int]) -> Tensors:
        """boxes (CANDIDATES, 4) in pixels, scores and classes by descending score, before suppression, of one image.

        A box for each class of each proposal, of which those of the highest scores are given, others have score 0.
        size_hw: (height, width) of the image.
        """
        logits, deltas = ([level[0] for level in part] for part in self.rpn(levels))
        proposals, logit = self.rpn.propose(logits, deltas, size_hw)
        boxes, scores = self.refine(levels, proposals)
        scores = scores.masked_fill(torch.isinf(logit)[:, None], 0.0)
        foreground = self.classes - 1
        scores, order = pad(scores.flatten(), (0, CANDIDATES)).topk(CANDIDATES)
        order = order.clamp(max=proposals.shape[0] * foreground - 1)
        return {"boxes": boxes.flatten(0, 1)[order], "scores": scores, "classes": order % foreground}

    def refine(self, levels: Sequence[Tensor], boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (N, C−1, 4) and scores (N, C−1) of each class but the background for boxes (N, 4) of one image, all in
        pixels.
        """
        logits, deltas = self.roi_heads(self.pool(levels[: len(STRIDES)], boxes))
        deltas = deltas[:, 1:] * torch.tensor(VARIANCES, device=deltas.device)
        centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        return decode_boxes(centre[:, None], size[:, None], deltas), logits.softmax(dim=1)[:, 1:]


def faster_rcnn(classes: int = COCO_CLASSES) -> FasterRcnn:
    """With ResNet-50: 41.8 M parameters for COCO's classes."""
    return FasterRcnn(make_body("resnet50-fpn"), classes)
