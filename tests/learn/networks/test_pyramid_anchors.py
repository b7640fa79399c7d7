"""Anchors of the feature pyramid."""

import math

import pytest

torch = pytest.importorskip("torch")

from idfree.learn.networks.pyramid_anchors import (
    ANCHORS,
    STRIDES,
    level_sizes,
    map_sizes,
    pyramid_anchors,
    to_corners,
)


def test_sizes_of_the_finest_level():
    """√area 32, 40.3 and 50.8 px; widths half, 0.71 times and once of that, heights the inverse."""
    sizes = level_sizes(8)
    assert len(sizes) == ANCHORS == 9
    assert [round(math.sqrt(w * h), 1) for w, h in sizes[::3]] == [32.0, 40.3, 50.8]
    assert [w / h for w, h in sizes[:3]] == pytest.approx([0.25, 0.5, 1.0])
    assert sizes[0] == pytest.approx((16.0, 64.0))
    assert level_sizes(128)[2] == pytest.approx((512.0, 512.0))


def test_anchors_by_level_row_column():
    sizes_hw = map_sizes((64, 96))
    assert sizes_hw == [(8, 12), (4, 6), (2, 3), (1, 2), (1, 1)]
    anchors = pyramid_anchors(sizes_hw)
    assert anchors.shape == (ANCHORS * (96 + 24 + 6 + 2 + 1), 4)
    assert anchors[0].tolist() == [4.0, 4.0, 16.0, 64.0]
    assert anchors[ANCHORS * (12 + 2), :2].tolist() == [20.0, 12.0]  # the second row, the third column
    assert anchors[ANCHORS * 96, :2].tolist() == [8.0, 8.0]  # the next level
    assert anchors[-1].tolist() == pytest.approx([64, 64, 512 * 2 ** (2 / 3), 512 * 2 ** (2 / 3)])


def test_corners():
    assert to_corners(torch.tensor([[10.0, 20, 4, 8]])).tolist() == [[8, 16, 12, 24]]


@pytest.mark.parametrize("size_hw", [(32, 32), (608, 1088), (320, 576), (96, 160)])
def test_map_sizes_are_those_of_strided_convolutions(size_hw):
    image = torch.zeros(1, 1, *size_hw)
    x = torch.nn.functional.avg_pool2d(image, STRIDES[0])
    layer = torch.nn.Conv2d(1, 1, 3, stride=2, padding=1)
    for height, width in map_sizes(size_hw):
        assert tuple(x.shape[2:]) == (height, width)
        x = layer(x)
