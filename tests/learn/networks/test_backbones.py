"""Backbones: shapes, gradients of all parameters, and published numbers of parameters."""

from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.learn.networks.backbones import BACKBONES, STRIDES, make_backbone
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.deformable import DeformableConv
from idfree.learn.networks.dla import make_bilinear_upsampling
from idfree.learn.networks.heads import tracker_heads
from idfree.learn.networks.resnet import RESNET34, ResNet

CLASSES = 1000  # of ImageNet
pytestmark = pytest.mark.usefixtures("one_thread")  # two are many times slower on a busy machine


def count_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def classifier_parameters(dimension):
    return (dimension + 1) * CLASSES


def count_without(network, *parts):
    return count_parameters(network) - sum(count_parameters(getattr(network, part)) for part in parts)


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("name", BACKBONES)
def test_output_shape_and_gradients(name, stride):
    torch.manual_seed(0)
    backbone = make_backbone(name, stride)
    output = backbone(torch.randn(2, 3, 32, 64))
    assert backbone.stride == stride
    assert output.shape == (2, backbone.channels, 32 // stride, 64 // stride)
    output.square().mean().backward()
    for path, parameter in backbone.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path


def test_dla34_has_the_published_number_of_parameters():
    """timm: 15,742,104 with the classifier, without the unused layers; FairMOT's network has about 19.4 M."""
    assert count_parameters(make_backbone("dla34").base) + classifier_parameters(512) == 15_742_104
    tracker = CentreNetwork(make_backbone("dla34"), tracker_heads())
    assert count_parameters(tracker) == pytest.approx(19.8e6, rel=0.01)


def test_resnet34_has_the_published_number_of_parameters():
    assert count_parameters(ResNet(*RESNET34)) + classifier_parameters(512) == 21_797_672  # torchvision


def test_hrnet_has_the_published_number_of_parameters():
    """timm: 41,232,680 with a head of branches of 128 to 1024 channels, their sum, and 2,048 channels at the end."""
    head_channels = [128 * 2**branch for branch in range(4)]
    bottlenecks = 0
    for width, expanded in zip([32, 64, 128, 256], head_channels, strict=True):
        reduced = expanded // 4
        convolutions = width * reduced + 9 * reduced**2 + reduced * expanded + width * expanded
        bottlenecks += convolutions + 2 * (2 * reduced + 2 * expanded)
    downward = sum(9 * a * b + b + 2 * b for a, b in pairwise(head_channels))
    last = 1024 * 2048 + 2048 + 2 * 2048
    trunk = count_without(make_backbone("hrnet_w32"), "last_layer")
    assert trunk + bottlenecks + downward + last + classifier_parameters(2048) == 41_232_680


def test_mobilenet_has_the_published_number_of_parameters():
    """torchvision: 5,483,032 with the last layer (960 channels) and the classifier (1,280)."""
    trunk = count_parameters(make_backbone("mobilenet-v3-fpn").features)
    assert trunk + 160 * 960 + 2 * 960 + 961 * 1280 + classifier_parameters(1280) == 5_483_032


def test_dla34_has_deformable_convolutions_in_the_upsampling_path_only():
    """Aggregations: one, two and three in DlaUp, two in the final Ida, of two convolutions each."""
    layers = [path for path, module in make_backbone("dla34").named_modules() if isinstance(module, DeformableConv)]
    assert len(layers) == 2 * (1 + 2 + 3 + 2)
    assert all(path.startswith(("dla_up", "ida_up")) for path in layers)
    assert not [module for module in make_backbone("dla34-plain").modules() if isinstance(module, DeformableConv)]


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_upsampling_is_initially_bilinear(factor):
    """A plane remains a plane, except at the border."""
    x = torch.arange(6.0)
    plane = (x[:, None] + 2 * x).expand(1, 3, 6, 6)
    fine = (torch.arange(6 * factor) + 0.5) / factor - 0.5
    inner = slice(factor, -factor)
    result = make_bilinear_upsampling(3, factor)(plane)[:, :, inner, inner]
    assert torch.allclose(result, (fine[:, None] + 2 * fine)[inner, inner].expand_as(result), atol=1e-5)


def test_unknown_names_and_strides_are_errors():
    with pytest.raises(UserError, match=r"backbone dla35: unknown, expected one of dla34, dla34-plain"):
        make_backbone("dla35")
    with pytest.raises(UserError, match="stride 3: expected one of 2, 4, 8"):
        make_backbone("dla34", 3)
