"""Backbones by name: image (B, 3, H, W) → one map (B, channels, H/stride, W/stride) for the heads."""

from collections.abc import Callable
from functools import partial

from torch import nn

from idfree.core.errors import UserError
from idfree.learn.networks.dla import Dla34
from idfree.learn.networks.hrnet import HrNet
from idfree.learn.networks.mobilenet import MobileNetFpn
from idfree.learn.networks.resnet import RESNET18, RESNET34, RESNET50
from idfree.learn.networks.upsampling import UpsampledResNet

STRIDES = (2, 4, 8)

# Constructors with a parameter `stride` (default 4), of modules with attributes `channels` and `stride`.
BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "dla34": Dla34,
    "dla34-plain": partial(Dla34, deformable=False),
    "resnet18": partial(UpsampledResNet, RESNET18),
    "resnet34": partial(UpsampledResNet, RESNET34),
    "resnet50": partial(UpsampledResNet, RESNET50),
    "resnet18-fpn": partial(UpsampledResNet, RESNET18, laterals=True),
    "resnet34-fpn": partial(UpsampledResNet, RESNET34, laterals=True),
    "hrnet_w32": HrNet,
    "mobilenet-v3-fpn": MobileNetFpn,
}


def make_backbone(name: str, stride: int = 4) -> nn.Module:
    """Build a backbone. Raises UserError, with the choices, if the name or the stride is unknown."""
    if name not in BACKBONES:
        raise UserError(f"backbone {name}: unknown, expected one of {', '.join(BACKBONES)}")
    if stride not in STRIDES:
        raise UserError(f"stride {stride}: expected one of {', '.join(map(str, STRIDES))}")
    return BACKBONES[name](stride=stride)
