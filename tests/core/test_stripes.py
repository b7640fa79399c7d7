"""Reading boxes from feature maps: linear maps by hand, and the two ways of reading against each other."""

import numpy as np
import pytest

from idfree.core.stripes import read_own_stripes, read_stripes

SIZE = (80, 160)  # of the image, of which the map has a cell for 8×8 pixels
BOXES = np.array([[40.0, 16.0, 72.0, 64.0], [20.0, 10.0, 30.0, 50.0], [100.0, 20.0, 140.0, 70.0]])


def ramps():
    """(2, 10, 20): the image coordinates of the middle of each cell, y and x."""
    y, x = np.indices((10, 20))
    return np.stack([8 * y + 4, 8 * x + 4]).astype(np.float32)


@pytest.mark.parametrize("stripes", [1, 4])
def test_stripes_of_coordinates_are_their_centres(stripes):
    read = read_stripes(ramps(), BOXES, SIZE, stripes)
    height = BOXES[:, 3] - BOXES[:, 1]
    middle = BOXES[:, 1, None] + height[:, None] * (np.arange(stripes) + 0.5) / stripes
    np.testing.assert_allclose(read[..., 0], middle, rtol=1e-5)
    np.testing.assert_allclose(read[..., 1], np.repeat((BOXES[:, [0]] + BOXES[:, [2]]) / 2, stripes, 1), rtol=1e-5)


def test_boxes_beyond_the_map_read_its_border():
    far = np.array([[1000.0, 1000.0, 1100.0, 1200.0]])
    np.testing.assert_allclose(read_stripes(ramps(), far, SIZE)[0, 0], [76, 156])
    assert read_stripes(ramps()[:, :1, :1], BOXES, SIZE).shape == (3, 4, 2)


def test_no_boxes():
    assert read_stripes(ramps(), np.zeros((0, 4)), SIZE).shape == (0, 4, 2)
    assert read_own_stripes(np.zeros((12, 10, 20)), np.zeros((0, 4)), SIZE).shape == (0, 3)


def test_a_map_times_weights_is_read_as_the_weighted_stripes():
    """What a taught graph gives is what was learnt outside of it."""
    random = np.random.default_rng(0)
    features, weight = random.normal(size=(7, 10, 20)), random.normal(size=(4, 7, 3))
    expected = np.einsum("nsc,scd->nd", read_stripes(features, BOXES, SIZE), weight)
    inside = np.einsum("chw,scd->sdhw", features, weight).reshape(12, 10, 20)
    np.testing.assert_allclose(read_own_stripes(inside, BOXES, SIZE), expected, rtol=1e-4, atol=1e-4)
