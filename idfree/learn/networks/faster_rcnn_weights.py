"""Load weights of Faster R-CNN in torchvision's layout: torchvision's own, fine-tuned ones, and those of Tracktor."""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from idfree.core.errors import UserError
from idfree.learn.networks.faster_rcnn import CHANNELS, COCO_CLASSES, HIDDEN, FasterRcnn
from idfree.learn.networks.resnet import RESNET50, BasicBlock, Bottleneck, ResNet
from idfree.learn.networks.weights import check_keys, read_weights

PARTS = ("rpn.", "roi_heads.")  # prefixes by which the layout is recognised
OTHER_HEADS = ("roi_heads.mask_", "roi_heads.keypoint_")  # of Mask and Keypoint R-CNN, whose boxes are Faster R-CNN's
WRAPPER = "module."  # prefix in files of networks trained on several devices
RENAMED = (  # torchvision before 0.13 → now
    (r"^(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$", r"\1.0.\2"),
    (r"^(rpn\.head\.conv)\.(weight|bias)$", r"\1.0.0.\2"),
)
STANDARDISE = "standardise."  # prefix of constants that files do not have


def read_faster_rcnn(path: Path) -> dict[str, Tensor] | None:
    """The weights in a file of this layout, of whatever completeness; None for any other file."""
    try:
        weights = read_weights(path)
    except UserError:
        return None
    weights = {rename(key): value for key, value in weights.items() if not key.startswith(OTHER_HEADS)}
    return weights if any(key.startswith(PARTS) for key in weights) else None


def rename(key: str) -> str:
    """A parameter's name in today's torchvision."""
    key = key.removeprefix(WRAPPER)
    for pattern, replacement in RENAMED:
        key = re.sub(pattern, replacement, key)
    return key


def load_faster_rcnn(weights: Mapping[str, Tensor], source: str) -> FasterRcnn:
    """The network of these weights, of any number of classes, on any ResNet.

    source: of the weights, for messages. Raises UserError naming keys that are missing, unknown, or of another shape,
    and if there is no class but the background.
    """
    shape = {key: value.shape[0] for key, value in weights.items() if value.ndim}
    classes = shape.get("roi_heads.box_predictor.cls_score.weight", COCO_CLASSES)
    if classes < 2:
        raise UserError(f"{source}: a Faster R-CNN of {classes} classes, expected the background and 1 at the least")
    network = FasterRcnn(
        find_body(weights),
        classes,
        shape.get("backbone.fpn.layer_blocks.0.0.weight", CHANNELS),
        shape.get("roi_heads.box_head.fc7.weight", HIDDEN),
    )
    own = {key: value for key, value in network.state_dict().items() if not key.startswith(STANDARDISE)}
    check_keys(own, weights, "a Faster R-CNN of torchvision (fasterrcnn_resnet50_fpn)", source)
    network.load_state_dict(dict(weights), strict=False)  # the check above is strict but for counters
    return network


def find_body(weights: Mapping[str, Tensor]) -> ResNet:
    """A ResNet with the blocks that the weights name; ResNet-50 if they name none of some stage."""
    names = {tuple(key.split(".")[2:4]) for key in weights if key.startswith("backbone.body.layer")}
    counts = [sum(name[0] == f"layer{number}" for name in names) for number in (1, 2, 3, 4)]
    if not all(counts):
        return ResNet(*RESNET50)
    block = Bottleneck if "backbone.body.layer1.0.conv3.weight" in weights else BasicBlock
    return ResNet(block, (counts[0], counts[1], counts[2], counts[3]))
