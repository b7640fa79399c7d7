"""Backbones: what goes in and comes out, that all of each learns, and that each is as large as published."""

from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.learn.networks.backbones import BACKBONES, STRIDES, make_backbone
from idfree.learn.networks.centre import CentreNetwork
from idfree.learn.networks.deformable import DeformableConv
from idfree.learn.networks.dla import bilinear
from idfree.learn.networks.heads import tracker_heads
from idfree.learn.networks.resnet import RESNET34, ResNet

CLASSES = 1000  # of ImageNet
pytestmark = pytest.mark.usefixtures("one_thread")  # two are many times slower where others are at work


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def classifier(dimension):
    return (dimension + 1) * CLASSES


def without(network, *parts):
    return parameters(network) - sum(parameters(getattr(network, part)) for part in parts)


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("name", BACKBONES)
def test_a_map_of_the_stride_and_gradients_everywhere(name, stride):
    torch.manual_seed(0)
    backbone = make_backbone(name, stride)
    found = backbone(torch.randn(2, 3, 32, 64))
    assert backbone.stride == stride
    assert found.shape == (2, backbone.channels, 32 // stride, 64 // stride)
    found.square().mean().backward()
    for path, parameter in backbone.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path


def test_dla34_is_as_large_as_published():
    """timm counts 15,742,104 with the classifier, and leaves out what we do; FairMOT's network has about 19.4 M."""
    assert parameters(make_backbone("dla34").base) + classifier(512) == 15_742_104
    tracker = CentreNetwork(make_backbone("dla34"), tracker_heads())
    assert parameters(tracker) == pytest.approx(19.8e6, rel=0.01)


def test_resnet34_is_as_large_as_published():
    assert parameters(ResNet(*RESNET34)) + classifier(512) == 21_797_672  # torchvision


def test_hrnet_is_as_large_as_published():
    """timm's 41,232,680 with a head that makes the branches 128 to 1024 deep, adds them up and ends in 2,048."""
    deep = [128 * 2**branch for branch in range(4)]
    bottlenecks = 0
    for width, wide in zip([32, 64, 128, 256], deep, strict=True):
        narrow = wide // 4
        convolutions = width * narrow + 9 * narrow**2 + narrow * wide + width * wide
        bottlenecks += convolutions + 2 * (2 * narrow + 2 * wide)
    downward = sum(9 * a * b + b + 2 * b for a, b in pairwise(deep))
    last = 1024 * 2048 + 2048 + 2 * 2048
    trunk = without(make_backbone("hrnet_w32"), "last_layer")
    assert trunk + bottlenecks + downward + last + classifier(2048) == 41_232_680


def test_mobilenet_is_as_large_as_published():
    """torchvision's 5,483,032 with the last layer, of 960 channels, and the classifier, of 1,280."""
    trunk = parameters(make_backbone("mobilenet-v3-fpn").features)
    assert trunk + 160 * 960 + 2 * 960 + 961 * 1280 + classifier(1280) == 5_483_032


def test_dla34_deforms_on_the_way_up_alone():
    """One, two and three aggregations on the way up and two at the end, two convolutions each."""
    layers = [path for path, module in make_backbone("dla34").named_modules() if isinstance(module, DeformableConv)]
    assert len(layers) == 2 * (1 + 2 + 3 + 2)
    assert all(path.startswith(("dla_up", "ida_up")) for path in layers)
    assert not [module for module in make_backbone("dla34-plain").modules() if isinstance(module, DeformableConv)]


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_enlarging_begins_bilinear(factor):
    """Of a plane, all but the border is a plane again."""
    x = torch.arange(6.0)
    plane = (x[:, None] + 2 * x).expand(1, 3, 6, 6)
    fine = (torch.arange(6 * factor) + 0.5) / factor - 0.5
    inner = slice(factor, -factor)
    found = bilinear(3, factor)(plane)[:, :, inner, inner]
    assert torch.allclose(found, (fine[:, None] + 2 * fine)[inner, inner].expand_as(found), atol=1e-5)


def test_unknown_ones_are_named():
    with pytest.raises(UserError, match=r"backbone dla35: unknown, expected one of dla34, dla34-plain"):
        make_backbone("dla35")
    with pytest.raises(UserError, match="stride 3: expected one of 2, 4, 8"):
        make_backbone("dla34", 3)
