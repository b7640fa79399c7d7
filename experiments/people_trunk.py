"""The trunk of the package's people detector as a backbone that stays as it is, with a pyramid that learns.

`person-detection-retail-0013` (Intel Open Model Zoo, Apache-2.0; idfree/detectors/people.onnx): an initial convolution
and four groups of residual bottlenecks at strides 2, 4, 8 and 16. Its batch norms are folded into its convolutions.
"""

import onnx
import torch
from torch import nn
from torch.nn.functional import leaky_relu, max_pool2d, relu

from idfree.detectors.people import FILE
from idfree.learn.networks.fpn import Fpn, Pyramid
from idfree.learn.networks.pyramids import WIDTH as PYRAMID_WIDTH

GROUPS = ((32, 4), (64, 9), (128, 11), (256, 12))  # channels and bottlenecks; the first of all but the first halves
SLOPE = 0.1  # of leaky ReLU
WIDTH = 64  # channels of the finest map of `PeopleBackbone`


class Bottleneck(nn.Module):
    """1×1 to a quarter of the channels, depthwise 3×3, 1×1 back, and the input: itself, or pooled and projected."""

    def __init__(self, channels_in, channels):
        super().__init__()
        width, halves = channels // 4, channels_in != channels
        self.dim_red = nn.Conv2d(channels_in, width, 1)
        self.inner = nn.Conv2d(width, width, 3, 2 if halves else 1, padding=1, groups=width)
        self.dim_inc = nn.Conv2d(width, channels, 1)
        self.skip = nn.Conv2d(channels_in, channels, 1) if halves else None

    def forward(self, x):
        y = leaky_relu(self.inner(leaky_relu(self.dim_red(x), SLOPE)), SLOPE)
        shortcut = x if self.skip is None else self.skip(max_pool2d(x, 2))
        return leaky_relu(shortcut + self.dim_inc(y), SLOPE)


class PeopleTrunk(nn.Module):
    """(B, 3, H, W) RGB 0…1 → maps at strides 2, 4, 8 and 16, of the channels in GROUPS; frozen."""

    def __init__(self):
        super().__init__()
        self.init_block1, self.mean = nn.Conv2d(3, GROUPS[0][0], 3, 2, padding=1), nn.Parameter(torch.zeros(1, 3, 1, 1))
        self.groups, before = nn.ModuleList(), GROUPS[0][0]
        for channels, count in GROUPS:
            blocks = [Bottleneck(before, channels), *(Bottleneck(channels, channels) for _ in range(count - 1))]
            self.groups.append(nn.Sequential(*blocks))
            before = channels
        self.load_state_dict(trunk_weights())
        self.requires_grad_(False)

    def forward(self, x):
        x, maps = relu(self.init_block1(x + self.mean)), []
        for group in self.groups:
            x = group(x)
            maps.append(x)
        return maps


class PeopleBackbone(nn.Module):
    """(B, 3, H, W) → (B, 64, H/4, W/4), for centre-based networks."""

    stride, channels = 4, WIDTH

    def __init__(self, stride=4):
        super().__init__()
        self.trunk, self.fpn = PeopleTrunk(), Fpn([channels for channels, _ in GROUPS[1:]], WIDTH)

    def forward(self, x):
        return self.fpn(self.trunk(x)[1:])


class PeoplePyramid(nn.Module):
    """(B, 3, H, W) → the levels 3 to 7 of a pyramid, of strides 8, 16 and 32 (pooled) of the trunk."""

    channels = PYRAMID_WIDTH

    def __init__(self):
        super().__init__()
        last = GROUPS[-1][0]
        self.trunk, self.fpn = PeopleTrunk(), Pyramid([GROUPS[2][0], last, last], PYRAMID_WIDTH)

    def forward(self, x):
        *_, fine, coarse = self.trunk(x)
        return self.fpn([fine, coarse, max_pool2d(coarse, 2)])


def trunk_weights():
    """The published weights, under this module's names."""
    stored = {each.name: onnx.numpy_helper.to_array(each) for each in onnx.load(FILE).graph.initializer}
    stored = {name.removesuffix("/half"): torch.tensor(value.astype("float32")) for name, value in stored.items()}
    layers = (("dim_red", "dim_red/conv"), ("inner", "inner/dw1/conv"), ("dim_inc", "dim_inc/conv"))
    weights = {"mean": stored["images/mean"]}
    for kind in ("weight", "bias"):
        weights[f"init_block1.{kind}"] = stored[f"init_block1/dim_inc/conv/{kind}"]
        for number, (_, count) in enumerate(GROUPS):
            first = 1 if number == 0 else 0  # groups that halve are numbered from 0
            for nth in range(count):
                name = f"bottleneck{number + 1}_{nth + first}"
                for layer, stem in layers:
                    weights[f"groups.{number}.{nth}.{layer}.{kind}"] = stored[f"{name}/{stem}/{kind}"]
                if number and not nth:
                    weights[f"groups.{number}.0.skip.{kind}"] = stored[f"{name}/skip/conv/{kind}"]
    return weights
