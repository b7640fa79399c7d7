"""Which maps of a detector are read."""

import pytest

from idfree.core.errors import UserError
from idfree.teaching.feature_maps import FeatureMap, choose_maps, common_stride, find_map, named_maps

BACKBONE = [  # of a network whose neck goes back to stride 8
    FeatureMap("a", 16, 2),
    FeatureMap("b", 16, 4),
    FeatureMap("c", 32, 4),
    FeatureMap("d", 64, 8),
    FeatureMap("e", 64, 8),
    FeatureMap("f", 64, 8),
    FeatureMap("g", 64, 8),
    FeatureMap("h", 128, 16),
    FeatureMap("i", 32, 8),
]


def names(maps):
    return [each.name for each in maps]


def test_maps_of_two_scales_are_chosen():
    assert names(choose_maps(BACKBONE, "m")) == ["c", "g"]
    assert names(choose_maps([*BACKBONE, FeatureMap("wide", 128, 8)], "m")) == ["c", "g"]
    assert names(choose_maps([FeatureMap("h", 128, 16), *BACKBONE], "m")) == ["g"]


def test_coarse_networks_are_read_coarsely():
    assert names(choose_maps([FeatureMap("x", 64, 16), FeatureMap("y", 64, 32)], "m")) == ["x"]
    assert names(choose_maps([FeatureMap("x", 64, 4)], "m")) == ["x"]
    with pytest.raises(UserError, match="m cannot be taught: none of its tensors is a feature map"):
        choose_maps([], "m")


def test_shapes_tell_strides():
    assert find_map((96, 128), "t", [1, 32, 12, 16]) == FeatureMap("t", 32, 8)
    for shape in ([1, 3, 12, 16], [1, 32, 12, 17], [1, 32, None, 16], [1, 32, 16], [1, 32, 1, 1]):
        assert find_map((96, 128), "t", shape) is None


def test_maps_by_name():
    assert names(named_maps(BACKBONE, ["b", "h"])) == ["b", "h"]
    with pytest.raises(UserError, match="maps=z: no feature map; among them are b, c"):
        named_maps(BACKBONE, ["z"])
    assert common_stride(BACKBONE[:4]) == 8
    with pytest.raises(UserError, match="strides 3 and 8"):
        common_stride([FeatureMap("x", 8, 3), BACKBONE[3]])
