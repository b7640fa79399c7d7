"""Letterbox geometry, and drawing an image into a network's input."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfree.core.letterbox import draw, letterbox

side = st.integers(1, 3000)
LEVELS = np.arange(256, dtype=np.float32)


@given(side, side, st.sampled_from(["corner", "centre", "stretch"]), st.floats(-50, 4000), st.floats(0.1, 900))
def test_to_image_inverts_to_input(height, width, place, left, size):
    box = np.array([[left, 7.25, left + size, 7.25 + 2 * size]])
    fit = letterbox((height, width), (416, 640), place)
    np.testing.assert_allclose(fit.to_image(fit.to_input(box)), box, rtol=1e-9, atol=1e-9)


@given(side, side, st.sampled_from(["corner", "centre", "stretch"]))
def test_the_image_maps_to_its_resized_area_within_the_input(height, width, place):
    fit = letterbox((height, width), (416, 640), place)
    left, top, right, bottom = fit.to_input(np.array([[0.0, 0.0, width, height]]))[0]
    assert (left, top) == fit.offset_xy
    np.testing.assert_allclose([bottom - top, right - left], fit.resized_hw)
    assert left >= 0
    assert top >= 0
    assert right <= 640 + 1e-9
    assert bottom <= 416 + 1e-9


@pytest.mark.parametrize(
    ("image_hw", "place", "resized_hw", "offset_xy"),
    [
        ((1080, 1920), "corner", (234, 416), (0, 0)),
        ((576, 768), "corner", (312, 416), (0, 0)),
        ((479, 641), "corner", (310, 416), (0, 0)),  # 310.86 rounded down, as YOLOX does
        ((479, 641), "centre", (311, 416), (0, 52)),  # rounded; of 105 spare rows 52 lie above
        ((100, 50), "centre", (416, 208), (104, 0)),  # small images grow
        ((370, 1224), "stretch", (416, 416), (0, 0)),
    ],
)
def test_sizes_worked_by_hand(image_hw, place, resized_hw, offset_xy):
    fit = letterbox(image_hw, (416, 416), place)
    assert (fit.resized_hw, fit.offset_xy) == (resized_hw, offset_xy)


def test_drawing_equals_the_preprocessing_of_yolox():
    bgr = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    ratio = min(416 / 90, 416 / 160)
    size = (int(160 * ratio), int(90 * ratio))
    expected = np.full((416, 416, 3), 114, dtype=np.uint8)
    expected[: size[1], : size[0]] = cv2.resize(bgr, size, interpolation=cv2.INTER_LINEAR)

    planes = np.full((3, 416, 416), 114, dtype=np.float32)
    draw(bgr, letterbox((90, 160), (416, 416), "corner"), LEVELS, False, planes)
    np.testing.assert_array_equal(planes, expected.transpose(2, 0, 1))


def test_rgb_reverses_the_channels_and_levels_scale_them():
    bgr = np.full((8, 8, 3), (255, 102, 0), dtype=np.uint8)
    planes = np.zeros((3, 8, 8), dtype=np.float32)
    draw(bgr, letterbox((8, 8), (8, 8), "centre"), LEVELS / 255, True, planes)
    np.testing.assert_allclose(planes[:, 3, 3], [0, 0.4, 1])


@pytest.mark.parametrize(("place", "input_hw"), [("corner", (32, 48)), ("centre", (32, 48)), ("stretch", (32, 64))])
def test_a_dot_is_drawn_at_its_mapped_box(place, input_hw):
    bgr = np.zeros((16, 16, 3), dtype=np.uint8)
    bgr[5, 9] = 200
    fit = letterbox((16, 16), input_hw, place)
    planes = np.zeros((3, *input_hw), dtype=np.float32)
    draw(bgr, fit, LEVELS, False, planes)
    rows, columns = np.indices(input_hw) + 0.5  # pixels' centres
    centre = [(planes[0] * where).sum() / planes[0].sum() for where in (columns, rows)]
    box = fit.to_input(np.array([[9.0, 5.0, 10.0, 6.0]]))[0]
    np.testing.assert_allclose(centre, (box[:2] + box[2:]) / 2, atol=0.02)  # 8-bit rounding
