"""RetinaNet (Lin 2017, Focal Loss for Dense Object Detection) with an embedding for each anchor (Yu 2022, TDT)."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize, pad

from idfree.learn.networks.anchors import DELTAS, decode_boxes
from idfree.learn.networks.heads import FullPrecisionConv2d
from idfree.learn.networks.layers import conv3x3, initialise, make_conv_block
from idfree.learn.networks.pyramid_anchors import ANCHORS, STRIDES, pyramid_anchors, to_corners
from idfree.learn.networks.suppression import pairwise_iou, suppressed
from idfree.learn.networks.tracker import Pixels, TrackerNetwork
from idfree.learn.tensors import Tensors

CONVOLUTIONS, WIDTH = 4, 128  # convolutions of the class and box subnets, and their channels (Yu 2022)
EMBEDDING_WIDTH = 256  # channels between the two convolutions of the embedding head (Yu 2022)
PRIOR = 0.01  # initial score of every anchor (Lin 2017, sec. 4.1)
DEVIATION = 0.01  # standard deviation of the initial weights of last convolutions (Lin 2017, sec. 4.1)
CANDIDATES = 1000  # anchors of highest score that enter NMS (Lin 2017, sec. 4.1, from each level)
NMS_IOU, MAX_BOXES = 0.5, 100  # maximum overlap, and boxes per image (Yu 2022)
KERNEL = 3  # kernel size of all convolutions of the heads


class RetinaNet(TrackerNetwork):
    """{"image": …, "matched_box"} → {"score": logits (B, N, C), "box": deltas (B, N, 4), "embedding": (P, D)}.

    N anchors, ordered as in `pyramid_anchors`. Embeddings are computed for the P anchors with "matched_box" (B, N) ≥ 0,
    in the order of `nonzero`; without that key, "embedding" is absent. Deltas: see `decode_boxes`. The last convolution
    of the embedding head is evaluated at the cells of these anchors only, with the same result. backbone: one of
    `idfree.learn.networks.pyramids`.
    """

    def __init__(self, backbone: nn.Module, classes: int = 1, dimension: int = 128, pixels: Pixels = "unit"):
        super().__init__(pixels)
        self.backbone, self.stride, self.classes = backbone, STRIDES[0], classes
        channels = int(backbone.channels)  # type: ignore[arg-type]
        score = FullPrecisionConv2d(WIDTH, ANCHORS * classes, KERNEL, padding=1)
        self.heads = nn.ModuleDict(
            {
                "score": make_subnet(channels, score),
                "box": make_subnet(channels, nn.Conv2d(WIDTH, ANCHORS * DELTAS, KERNEL, padding=1)),
                "embedding": make_embedding_head(channels, dimension),
            }
        )
        nn.init.constant_(score.bias, math.log(PRIOR / (1 - PRIOR)))  # type: ignore[arg-type]

    @property
    def dimension(self) -> int:
        """Dimension of the embedding."""
        return super().dimension // ANCHORS

    def forward(self, batch: Tensors) -> Tensors:
        """The maps "score", "box" and, for the anchors of "matched_box", "embedding": see the class."""
        maps = self.maps(batch["image"])
        output = {name: maps[name] for name in ("score", "box")}
        if "matched_box" in batch:
            image, anchor = (batch["matched_box"] >= 0).nonzero(as_tuple=True)
            output["embedding"] = self.read_embeddings(maps, image, anchor)
        return output

    def maps(self, image: Tensor) -> Tensors:
        """As `forward`, with "level3" … "level7" (B, 256, h, w), see `embedding_levels`, in place of "embedding"."""
        levels = self.backbone(self.standardise(image.float()))
        maps = {
            name: torch.cat([rows_of_anchors(self.heads[name](level)) for level in levels], dim=1)
            for name in ("score", "box")
        }
        return maps | dict(zip(LEVELS, self.embedding_levels(levels), strict=True))

    def embedding_levels(self, levels: list[Tensor]) -> list[Tensor]:
        """Inputs (B, 256, h, w) of the embedding head's last convolution, for each level.

        In training, batch norm normalises all levels together, since the running statistics used for inference are of
        all levels.
        """
        first, *between, _ = self.heads["embedding"].children()
        if not self.training:
            return [self.heads["embedding"][:-1](level) for level in levels]  # type: ignore[index]
        maps = [first(level) for level in levels]
        flat = torch.cat([each.flatten(2) for each in maps], dim=2)[..., None]  # B 256 S 1
        for layer in between:
            flat = layer(flat)
        sizes = [each.shape[2] * each.shape[3] for each in maps]
        parts = torch.split(flat[..., 0], sizes, dim=2)
        return [part.reshape(each.shape) for part, each in zip(parts, maps, strict=True)]

    def decode(self, output: Tensors, max_boxes: int = MAX_BOXES) -> Tensors:
        """As `TrackerNetwork.decode`, K = `max_boxes`; boxes suppressed by NMS come last, with score 0."""
        # Padded, so that the number of candidates is a constant in a graph of dynamic shape.
        logits = pad(output["score"].flatten(1), (0, CANDIDATES), value=-torch.inf)  # B N·C+CANDIDATES
        logits, position = logits.topk(CANDIDATES, dim=1)
        anchor = position // self.classes
        classes = position - anchor * self.classes
        anchor = anchor.clamp(max=output["box"].shape[1] - 1)
        boxes = self.decode_anchors(output, anchor)
        logits = logits.masked_fill(suppressed(boxes, classes, NMS_IOU), -torch.inf)
        logits, order = logits.topk(max_boxes, dim=1)
        anchor = anchor.gather(1, order)
        image = torch.arange(len(anchor), device=anchor.device)[:, None].expand_as(anchor)
        embedding = self.read_embeddings(output, image.flatten(), anchor.flatten())
        return {
            "boxes": boxes.gather(1, order[..., None].expand(-1, -1, DELTAS)),
            "scores": logits.sigmoid(),
            "classes": classes.gather(1, order),
            "embedding": normalize(embedding.view(*anchor.shape, -1), dim=2),
        }

    def candidates(self, output: Tensors) -> Tensors:
        """As `TrackerNetwork.candidates`: every class of every anchor, N·C rows."""
        last = self.heads["embedding"][-1]  # type: ignore[index]
        embedding = torch.cat([rows_of_anchors(last(output[name])) for name in LEVELS], dim=1)
        anchor = torch.arange(output["box"].shape[1], device=embedding.device).expand(embedding.shape[:2])
        columns = {"boxes": self.decode_anchors(output, anchor), "embedding": normalize(embedding, dim=2)}
        classes = torch.arange(self.classes, device=anchor.device)
        return {name: each.repeat_interleave(self.classes, dim=1) for name, each in columns.items()} | {
            "scores": output["score"].flatten(1).sigmoid(),
            "classes": classes.repeat(anchor.shape[1]).expand(len(anchor), -1),
        }

    def decode_anchors(self, output: Tensors, anchor: Tensor) -> Tensor:
        """(B, K, 4) xyxy in pixels of the boxes of anchors (B, K)."""
        deltas = output["box"].gather(1, anchor[..., None].expand(-1, -1, DELTAS))
        anchors = anchors_of(output)[anchor]
        return decode_boxes(anchors[..., :2], anchors[..., 2:], deltas)

    def embed(self, output: Tensors, xyxy: Tensor, visible: Tensor) -> Tensor:
        """(N, D) embeddings of boxes (N, 4): each that of the anchor with the highest IoU."""
        anchor = pairwise_iou(xyxy.float(), to_corners(anchors_of(output))).argmax(dim=1)
        return self.read_embeddings(output, torch.zeros_like(anchor), anchor)

    def read_embeddings(self, output: Tensors, image: Tensor, anchor: Tensor) -> Tensor:
        """(P, D) embeddings of anchors (P,), 0…N−1, of images (P,): the last convolution evaluated at their cells."""
        levels = [output[name] for name in LEVELS]
        cell = anchor // ANCHORS
        patches = read_patches(levels, image, cell)  # P 9 256
        last = self.heads["embedding"][-1]  # type: ignore[index]
        weight = last.weight.permute(0, 2, 3, 1).flatten(1)  # 9·D 256 3 3 -> 9·D 9·256
        embedding = linear(patches.flatten(1), weight, last.bias).view(-1, ANCHORS, self.dimension)
        of_cell = (anchor - cell * ANCHORS)[:, None, None].expand(-1, 1, self.dimension)
        return embedding.gather(1, of_cell)[:, 0]


LEVELS = tuple(f"level{stride.bit_length() - 1}" for stride in STRIDES)


def make_subnet(channels: int, last: nn.Conv2d) -> nn.Sequential:
    """(B, channels, h, w) → (B, outputs of `last`, h, w): CONVOLUTIONS 3×3 convolutions with ReLU, then `last`."""
    layers: list[nn.Module] = []
    for number in range(CONVOLUTIONS):
        layers += [nn.Conv2d(WIDTH if number else channels, WIDTH, KERNEL, padding=1), nn.ReLU(inplace=True)]
    subnet = nn.Sequential(*layers, last)
    initialise(subnet)
    nn.init.normal_(last.weight, std=DEVIATION)
    return subnet


def make_embedding_head(channels: int, dimension: int) -> nn.Sequential:
    """(B, channels, h, w) → (B, ANCHORS·dimension, h, w): 3×3, batch norm, ReLU, 3×3 (Yu 2022; the ReLU is ours)."""
    last = nn.Conv2d(EMBEDDING_WIDTH, ANCHORS * dimension, KERNEL, padding=1)
    head = nn.Sequential(*make_conv_block(conv3x3(channels, EMBEDDING_WIDTH)), last)
    initialise(head)
    nn.init.normal_(last.weight, std=DEVIATION)
    return head


def rows_of_anchors(maps: Tensor) -> Tensor:
    """(B, ANCHORS·n, h, w) → (B, h·w·ANCHORS, n), one row per anchor."""
    images, channels, height, width = maps.shape
    return maps.permute(0, 2, 3, 1).reshape(images, height * width * ANCHORS, channels // ANCHORS)


def anchors_of(output: Tensors) -> Tensor:
    """(N, 4) anchors (see `pyramid_anchors`) of the maps of a network."""
    return pyramid_anchors([output[name].shape[2:] for name in LEVELS], output["box"].device)


def read_patches(maps: list[Tensor], image: Tensor, cell: Tensor) -> Tensor:
    """(P, 9, C) 3×3 neighbourhoods of cells (P,) of images (P,), with zero padding.

    maps: (B, C, h, w) for each level; cells are numbered row by row, level after level.
    """
    padded, corner, width, start = [], [], [], 0
    for each in maps:
        images, channels, height, columns = each.shape
        count = (height + 2) * (columns + 2)
        padded.append(pad(each, (1, 1, 1, 1)).reshape(images, channels, count))
        y, x = (torch.arange(side, device=each.device) for side in (height, columns))
        corner.append((start + y[:, None] * (columns + 2) + x).reshape(height * columns))
        width.append(torch.full((height * columns,), columns + 2, device=each.device))
        start = start + count
    first, row = torch.cat(corner)[cell][:, None], torch.cat(width)[cell][:, None]
    nth = torch.arange(KERNEL * KERNEL, device=cell.device)
    index = first + nth // KERNEL * row + nth % KERNEL  # P 9
    return torch.cat(padded, dim=2)[image[:, None], :, index]
