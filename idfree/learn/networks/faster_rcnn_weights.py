"""Load weights of Faster R-CNN in torchvision's layout: torchvision's own, fine-tuned ones, and those of Tracktor.

Also initial weights of its training, of which those of a one-shot tracker or of ImageNet give the backbone.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from idfree.core.errors import UserError
from idfree.learn.networks.faster_rcnn import CHANNELS, COCO_CLASSES, HIDDEN, FasterRcnn
from idfree.learn.networks.resnet import RESNET50, BasicBlock, Bottleneck, ResNet
from idfree.learn.networks.weights import COUNTER, check_keys, read_weights, strip_prefixes

PARTS = ("rpn.", "roi_heads.")  # prefixes by which the layout is recognised
OTHER_HEADS = ("roi_heads.mask_", "roi_heads.keypoint_")  # of Mask and Keypoint R-CNN, whose boxes are Faster R-CNN's
WRAPPER = "module."  # prefix in files of networks trained on several devices
RENAMED = (  # torchvision before 0.13 → now
    (r"^(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$", r"\1.0.\2"),
    (r"^(rpn\.head\.conv)\.(weight|bias)$", r"\1.0.0.\2"),
)
STANDARDISE = "standardise."  # prefix of constants that only our own checkpoints have
NORM_EPSILON = 0.0  # of the backbone's norms: torchvision's published weights and Tracktor's were trained without
BODY = ("conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4.")  # of a ResNet below its pyramid
PART_NAMES = 2  # names of a key that tell its part: "backbone.fpn"


def read_faster_rcnn(path: Path) -> dict[str, Tensor] | None:
    """The weights in a file of this layout, of whatever completeness; None for any other file, as our checkpoints."""
    try:
        weights = read_weights(path)
    except UserError:
        return None
    if any(key.startswith(STANDARDISE) for key in weights):
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
    name = "a Faster R-CNN of torchvision (fasterrcnn_resnet50_fpn)"
    with torch.device("meta"):  # which allocates nothing, so that files of absurd shapes are refused first
        expected = build_network(weights, source).state_dict()
    expected = {key: value for key, value in expected.items() if not key.startswith(STANDARDISE)}
    check_keys(expected, weights, name, source)
    network = build_network(weights, source)
    network.load_state_dict(dict(weights), strict=False)  # the check above is strict but for counters
    for layer in network.backbone.body.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = NORM_EPSILON
    return network


def build_network(weights: Mapping[str, Tensor], source: str) -> FasterRcnn:
    """An untrained network of the sizes of these weights. Raises UserError without channels or foreground class."""
    shape = {key: value.shape[0] for key, value in weights.items() if value.ndim}
    classes = shape.get("roi_heads.box_predictor.cls_score.weight", COCO_CLASSES)
    if classes < 2:
        raise UserError(f"{source}: a Faster R-CNN of {classes} classes, expected the background and 1 at the least")
    channels = shape.get("backbone.fpn.layer_blocks.0.0.weight", CHANNELS)
    hidden = shape.get("roi_heads.box_head.fc7.weight", HIDDEN)
    if not channels or not hidden:
        raise UserError(f"{source}: a Faster R-CNN of {channels} channels and {hidden} hidden units, expected more")
    return FasterRcnn(find_body(weights), classes, channels, hidden)


def find_body(weights: Mapping[str, Tensor]) -> ResNet:
    """A ResNet with the blocks that the weights name; ResNet-50 if they name none of some stage."""
    names = {tuple(key.split(".")[2:4]) for key in weights if key.startswith("backbone.body.layer")}
    counts = [sum(name[0] == f"layer{number}" for name in names) for number in (1, 2, 3, 4)]
    if not all(counts):
        return ResNet(*RESNET50)
    block = Bottleneck if "backbone.body.layer1.0.conv3.weight" in weights else BasicBlock
    return ResNet(block, (counts[0], counts[1], counts[2], counts[3]))


def load_initial_weights(network: nn.Module, name: str, weights: Mapping[str, Tensor], source: str) -> list[str]:
    """Load `weights` into a FasterRcnn on the backbone `name`; returns messages, a sentence for each exception.

    weights: of Faster R-CNN, or of a one-shot tracker or a classifier with the same ResNet, which gives the backbone.
    Parts that are missing or, as heads of other classes, of another shape begin untrained. source: of the weights, for
    messages. Raises UserError naming keys of the backbone that are missing or of another shape.
    """
    expected = network.state_dict()
    known = {translate(key): value for key, value in weights.items()}
    fitting = {key for key, value in known.items() if key in expected and value.shape == expected[key].shape}
    parts = {part_of(key) for key in expected if key.startswith("backbone.body.")}
    parts |= {part for part in map(part_of, expected) if all(key in fitting for key in keys_of(part, expected))}
    used = {key: value for key, value in known.items() if part_of(key) in parts}
    check_keys({key: value for key, value in expected.items() if part_of(key) in parts}, used, name, source)
    network.load_state_dict(used, strict=False)  # the check above is strict
    untrained = {part_of(key) for key in expected} - parts - {STANDARDISE[:-1]}
    return [f"{source}: has no {part} of these sizes, which begins untrained" for part in sorted(untrained)]


def translate(key: str) -> str:
    """Our name of a parameter of torchvision's Faster R-CNN, of a one-shot tracker, or of a classifier."""
    key = strip_prefixes(rename(key))
    body = key.removeprefix("backbone.")
    return f"backbone.body.{body}" if body.startswith(BODY) else key


def part_of(key: str) -> str:
    """The part of the network that a parameter belongs to: "backbone.body", "rpn.head", "roi_heads.box_head" …"""
    names = key.split(".")
    return names[0] if key.startswith(STANDARDISE) else ".".join(names[:PART_NAMES])


def keys_of(part: str, keys: Iterable[str]) -> list[str]:
    """The keys of a part of the network that files must have."""
    return [key for key in keys if part_of(key) == part and not key.endswith(COUNTER)]
