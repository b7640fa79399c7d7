"""Pyramid backbones: shapes, gradients of all parameters, published numbers of parameters."""

import pytest

torch = pytest.importorskip("torch")

from idfree.core.errors import UserError
from idfree.learn.networks.fpn import Pyramid
from idfree.learn.networks.mobilenet_v1 import MobileNetV1
from idfree.learn.networks.pyramids import PYRAMIDS, make_pyramid

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", PYRAMIDS)
def test_levels_and_gradients(name):
    torch.manual_seed(0)
    backbone = make_pyramid(name)
    levels = backbone(torch.randn(2, 3, 64, 96))
    assert [tuple(level.shape) for level in levels] == [
        (2, backbone.channels, *size) for size in ((8, 12), (4, 6), (2, 3), (1, 2), (1, 1))
    ]
    torch.stack([level.square().mean() for level in levels]).sum().backward()
    for path, parameter in backbone.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path


def test_coarse_maps_reach_finer_levels_only_from_the_top_down():
    torch.manual_seed(0)
    maps = [torch.randn(1, 4, size, size) for size in (16, 8, 4)]
    changed = [*maps[:2], maps[2] + 1]
    for top_down in (True, False):
        pyramid = Pyramid([4, 4, 4], 8, top_down).eval()
        before, after = pyramid(maps), pyramid(changed)
        assert torch.equal(before[0], after[0]) != top_down
        assert not torch.equal(before[4], after[4])


def test_mobilenet_has_the_published_number_of_parameters():
    """timm: 4,231,976 with the classifier."""
    trunk = sum(parameter.numel() for parameter in MobileNetV1().parameters())
    assert trunk + (1024 + 1) * 1000 == 4_231_976


def test_an_unknown_name_is_an_error():
    with pytest.raises(UserError, match="backbone dla34: unknown to retinanet, expected one of resnet18-fpn"):
        make_pyramid("dla34")
