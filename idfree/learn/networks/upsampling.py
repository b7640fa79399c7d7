"""ResNet and a few transposed convolutions on top of it (Xiao 2018, Simple Baselines, sec. 2; Zhou 2019, fig. 6b).

Parameters are named as torchvision and, on the way up, CenterNet name them; the files that CenterNet publishes have
another way up (three times 256 channels, or deformable convolutions between the steps).
"""

from itertools import chain, pairwise

from torch import Tensor, nn

from idfree.learn.networks.layers import conv1x1, initialise, normed
from idfree.learn.networks.resnet import ResNet, Shape

COARSEST = 5  # halvings, hence a stride of 32
WIDTHS = (256, 128, 64, 32)  # channels after each step up (Zhou 2019, sec. 5); the last for stride 2 alone


class UpsampledResNet(ResNet):
    """(B, 3, H, W) → (B, channels, H/stride, W/stride); channels are 32, 64 and 128 at stride 2, 4 and 8.

    laterals: each step also sees ResNet's map of its size, by a 1×1 convolution, as in a feature pyramid (Lin 2017).
    """

    def __init__(self, shape: Shape, stride: int = 4, laterals: bool = False):
        super().__init__(*shape)
        self.stride = stride
        self.steps = COARSEST - (stride.bit_length() - 1)
        widths = (self.stages[-1], *WIDTHS[: self.steps])
        self.channels = widths[-1]
        steps = (normed(doubling(*pair)) for pair in pairwise(widths))
        self.deconv_layers = nn.Sequential(*chain.from_iterable(steps))
        sides = zip(self.stages[-2::-1], widths[1:], strict=False)  # the next finer map, what the step gives
        self.laterals = nn.ModuleList(conv1x1(ours, wide) for ours, wide in sides) if laterals else None
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        *finer, x = self.maps(x)
        each = len(self.deconv_layers) // self.steps
        for step in range(self.steps):
            x = self.deconv_layers[step * each : (step + 1) * each](x)
            if self.laterals is not None:
                x = x + self.laterals[step](finer[-1 - step])
        return x


def doubling(channels_in: int, channels: int) -> nn.ConvTranspose2d:
    """A transposed convolution that doubles height and width (Xiao 2018: 4×4 kernels)."""
    return nn.ConvTranspose2d(channels_in, channels, 4, stride=2, padding=1, bias=False)
