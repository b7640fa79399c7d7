"""Backbones of RetinaNet by name: image (B, 3, H, W) → levels 3 to 7 of a pyramid, (B, channels, H/2^l, W/2^l) each."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from idfree.core.errors import UserError
from idfree.learn.networks.fpn import Pyramid
from idfree.learn.networks.layers import initialise
from idfree.learn.networks.mobilenet import LARGE, STEM, MobileNetFpn
from idfree.learn.networks.mobilenet_v1 import MobileNetV1
from idfree.learn.networks.resnet import RESNET18, RESNET34, RESNET50, ResNet, ResNetConfig

WIDTH = 128  # channels of all levels, as of the subnets (Yu 2022); 256 in Lin 2017
FIRST = 2  # index, among a backbone's maps, of that with stride 8


class ResNetPyramid(ResNet):
    """ResNet with a feature pyramid."""

    def __init__(self, config: ResNetConfig):
        super().__init__(*config)
        self.channels, self.fpn = WIDTH, Pyramid(self.stages[FIRST:], WIDTH)
        initialise(self)

    def forward(self, x: Tensor) -> list[Tensor]:  # type: ignore[override]  # a single map in ResNet
        """The levels 3 to 7, (B, channels, H/2^l, W/2^l) each."""
        levels: list[Tensor] = self.fpn(self.maps(x)[FIRST:])
        return levels


class MobileNetPyramid(MobileNetV1):
    """MobileNet with a feature pyramid; top_down: see `Pyramid`."""

    def __init__(self, top_down: bool = True):
        super().__init__()
        self.channels, self.fpn = WIDTH, Pyramid(self.stages[FIRST:], WIDTH, top_down)
        initialise(self)

    def forward(self, x: Tensor) -> list[Tensor]:
        """The levels 3 to 7, (B, channels, H/2^l, W/2^l) each."""
        levels: list[Tensor] = self.fpn(self.maps(x)[FIRST:])
        return levels


class MobileNetV3Pyramid(MobileNetFpn):
    """MobileNetV3-Large with a feature pyramid; top_down: see `Pyramid`."""

    def __init__(self, top_down: bool = True):
        super().__init__(stride=8)
        channels = [STEM, *(config.channels for config in LARGE)]  # after the stem and each block
        channels_in = [channels[number] for number in self.pyramid_layers]
        self.channels, self.fpn = WIDTH, Pyramid(channels_in, WIDTH, top_down)  # type: ignore[assignment]
        initialise(self)


# Constructors of modules with an attribute `channels`.
PYRAMIDS: dict[str, Callable[[], nn.Module]] = {
    "resnet18-fpn": partial(ResNetPyramid, RESNET18),
    "resnet34-fpn": partial(ResNetPyramid, RESNET34),
    "resnet50-fpn": partial(ResNetPyramid, RESNET50),
    "mobilenet": partial(MobileNetPyramid, top_down=False),
    "mobilenet-fpn": MobileNetPyramid,
    "mobilenet-v3": partial(MobileNetV3Pyramid, top_down=False),
    "mobilenet-v3-fpn": MobileNetV3Pyramid,
}


def make_pyramid(name: str) -> nn.Module:
    """Build a pyramid backbone. Raises UserError, with the choices, if the name is unknown."""
    if name not in PYRAMIDS:
        raise UserError(f"backbone {name}: unknown to retinanet, expected one of {', '.join(PYRAMIDS)}")
    return PYRAMIDS[name]()
