"""ResNet followed by transposed convolutions (Xiao 2018, Simple Baselines, sec. 2; Zhou 2019, fig. 6b).

Parameters are named as in torchvision and, for the upsampling path, CenterNet. CenterNet's published weights have other
upsampling paths (256 channels in each of three steps, or deformable convolutions in between).
"""

from itertools import chain, pairwise

from torch import Tensor, nn

from idfree.learn.networks.layers import conv1x1, initialise, make_conv_block
from idfree.learn.networks.resnet import ResNet, ResNetConfig

HALVINGS = 5  # log2 of the stride of ResNet's last map
WIDTHS = (256, 128, 64, 32)  # channels after each upsampling step (Zhou 2019, sec. 5); the last for stride 2 only


class UpsampledResNet(ResNet):
    """(B, 3, H, W) → (B, channels, H/stride, W/stride); channels are 32, 64 and 128 at stride 2, 4 and 8.

    laterals: after each step, add a 1×1 convolution of ResNet's map of the same size, as a feature pyramid (Lin 2017).
    """

    def __init__(self, config: ResNetConfig, stride: int = 4, laterals: bool = False):
        super().__init__(*config)
        self.stride = stride
        self.steps = HALVINGS - (stride.bit_length() - 1)
        widths = (self.stages[-1], *WIDTHS[: self.steps])
        self.channels = widths[-1]
        steps = (make_conv_block(make_upsampling(*pair)) for pair in pairwise(widths))
        self.deconv_layers = nn.Sequential(*chain.from_iterable(steps))
        lateral_channels = zip(self.stages[-2::-1], widths[1:], strict=False)  # (ResNet's map, output of the step)
        self.laterals = nn.ModuleList(conv1x1(*pair) for pair in lateral_channels) if laterals else None
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W), standardised → (B, channels, H/stride, W/stride)."""
        *finer, x = self.maps(x)
        layers = len(self.deconv_layers) // self.steps
        for step in range(self.steps):
            x = self.deconv_layers[step * layers : (step + 1) * layers](x)
            if self.laterals is not None:
                x = x + self.laterals[step](finer[-1 - step])
        return x


def make_upsampling(channels_in: int, channels: int) -> nn.ConvTranspose2d:
    """A transposed convolution without bias that doubles height and width (Xiao 2018: 4×4 kernels)."""
    return nn.ConvTranspose2d(channels_in, channels, 4, stride=2, padding=1, bias=False)
