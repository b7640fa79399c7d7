"""Crops of boxes."""

import numpy as np

from idfree.appearance.crops import GREY, crop_boxes, resize_crops

RAMP = np.broadcast_to(np.arange(0, 240, 2, dtype=np.uint8)[:, None, None], (120, 160, 3)).copy()  # darker above


def test_no_boxes_no_crops():
    assert crop_boxes(RAMP, np.zeros((0, 4)), (64, 32)).shape == (0, 64, 32, 3)
    assert resize_crops(np.zeros((0, 8, 4, 3), dtype=np.uint8), (64, 32)).shape == (0, 64, 32, 3)


def test_a_box_of_the_crops_size_is_copied():
    np.testing.assert_array_equal(
        crop_boxes(RAMP, np.array([[10.2, 19.6, 41.8, 84.4]]), (64, 32))[0], RAMP[20:84, 10:42]
    )


def test_boxes_without_pixels_are_grey():
    outside = [[-50, 10, -10, 60], [200, 10, 260, 60], [10, 130, 40, 180]]
    empty = [[50, 20, 30, 60], [30, 20, 30.2, 60], [np.nan, 0, 10, 10]]
    assert (crop_boxes(RAMP, np.array(outside + empty), (16, 8)) == GREY).all()


def test_a_box_across_the_border_is_clipped():
    across, inside = np.array([[-20, -10, 30, 50]]), np.array([[0, 0, 30, 50]])
    np.testing.assert_array_equal(crop_boxes(RAMP, across, (16, 8)), crop_boxes(RAMP, inside, (16, 8)))
    infinite = np.array([[-np.inf, 0, np.inf, 120]])
    np.testing.assert_array_equal(
        crop_boxes(RAMP, infinite, (16, 8)), crop_boxes(RAMP, np.array([[0, 0, 160, 120]]), (16, 8))
    )


def test_shrinking_averages_whole_and_fractional_factors():
    stripes = np.tile(np.array([0, 200], dtype=np.uint8), (120, 80))[:, :, None].repeat(3, axis=2)
    for right in (160, 158, 60, 22):  # widths 20, 19.75, 7.5 and 2.75 times that of the crop
        assert (abs(crop_boxes(stripes, np.array([[0, 0, right, 120]]), (12, 8)).mean() - 100) < 12).all(), right
    crop = crop_boxes(RAMP, np.array([[0, 0, 160, 120]]), (12, 8))[0, :, :, 0]
    np.testing.assert_allclose(crop, np.repeat(np.arange(9, 240, 20)[:, None], 8, axis=1), atol=1)


def test_growing_interpolates():
    crop = crop_boxes(RAMP, np.array([[0, 10, 4, 14]]), (16, 8))[0, :, 0, 0].astype(int)
    assert crop.min() == 20
    assert crop.max() == 26
    assert (np.diff(crop) >= 0).all()
    assert (np.diff(crop) <= 1).all()


def test_the_image_is_left_alone():
    before = RAMP.copy()
    crops = crop_boxes(RAMP, np.array([[0, 0, 32, 64]]), (64, 32))
    crops[:] = 0
    np.testing.assert_array_equal(RAMP, before)


def test_resizing_a_crop_is_cropping_the_whole_of_it():
    crops = np.random.default_rng(0).integers(0, 256, (3, 128, 64, 3), dtype=np.uint8)
    assert resize_crops(crops, (128, 64)) is crops
    small = resize_crops(crops, (64, 32))
    for crop, expected in zip(small, crops, strict=True):
        np.testing.assert_array_equal(crop, crop_boxes(expected, np.array([[0, 0, 64, 128]]), (64, 32))[0])
