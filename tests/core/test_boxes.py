import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfree.core import boxes


def random_boxes(count, seed, extent=100.0):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, extent, (count, 2))
    return np.hstack([corner, corner + rng.uniform(0, extent / 3, (count, 2))])


@pytest.mark.parametrize(
    ("convert", "invert"),
    [
        (boxes.xyxy_to_xywh, boxes.xywh_to_xyxy),
        (boxes.xyxy_to_cxcywh, boxes.cxcywh_to_xyxy),
        (boxes.xyxy_to_xyah, boxes.xyah_to_xyxy),
    ],
)
def test_conversions_are_inverse(convert, invert):
    xyxy = random_boxes(20, 0)
    before = xyxy.copy()
    np.testing.assert_allclose(invert(convert(xyxy)), xyxy)
    np.testing.assert_array_equal(xyxy, before)
    assert convert(np.zeros((0, 4))).shape == invert([]).shape == (0, 4)


def test_values_by_hand():
    box = [[10, 20, 30, 60]]
    np.testing.assert_array_equal(boxes.xyxy_to_xywh(box), [[10, 20, 20, 40]])
    np.testing.assert_array_equal(boxes.xyxy_to_cxcywh(box), [[20, 40, 20, 40]])
    np.testing.assert_array_equal(boxes.xyxy_to_xyah(box), [[20, 40, 0.5, 40]])
    a, b = np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 5, 15, 15], [2, 2, 4, 4], [10, 0, 20, 10], [3, 3, 3, 3]])
    np.testing.assert_allclose(boxes.intersection(a, b), [[25, 4, 0, 0]])
    np.testing.assert_allclose(boxes.iou(a, b), [[25 / 175, 4 / 100, 0, 0]])
    np.testing.assert_allclose(boxes.overlap(a, b), [[0.25, 1, 0, 0]])
    np.testing.assert_allclose(boxes.iou(b[3:], b[3:]), [[0]])  # two boxes without area
    np.testing.assert_array_equal(boxes.clip(np.array([[-5.0, 2, 30, 90]]), (50, 20)), [[0, 2, 20, 50]])
    np.testing.assert_array_equal(boxes.area(np.array([[0.0, 0, 2, 3], [5, 5, 1, 9]])), [6, 0])


def test_boxes_without_area():
    """Of negative, of zero, of small and of larger sides; read as left, top, width, height they may lose a last bit."""
    xywh = [[5, 5, -4, 4], [5, 5, 4, 0], [5, 5, 0.01, 4], [1700.1, 5, 0.5, 0.5]]
    xyxy = boxes.xywh_to_xyxy(xywh)
    assert boxes.has_area(xyxy).tolist() == [False, False, True, True]
    assert boxes.has_area(xyxy, 0.02).tolist() == [False, False, False, True]
    assert boxes.has_area(np.zeros((0, 4))).shape == (0,)


def test_empty_inputs():
    none, some = np.zeros((0, 4)), random_boxes(5, 0)
    assert boxes.iou(none, some).shape == (0, 5)
    assert boxes.overlap(some, none).shape == (5, 0)
    for a, b in ((none, some), (some, none), (none, none)):
        assert [len(index) for index in boxes.overlapping_pairs(a, b)] == [0, 0]


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 10**6), st.booleans())
def test_overlapping_pairs_are_complete(n, m, seed, whole_numbers):
    a, b = random_boxes(n, seed), random_boxes(m, seed + 1)
    if whole_numbers:  # makes edges coincide
        a, b = a.round(-1), b.round(-1)
    i, j = boxes.overlapping_pairs(a, b)
    full = boxes.iou(a, b)
    assert set(zip(i.tolist(), j.tolist(), strict=True)) >= set(
        zip(*(k.tolist() for k in np.nonzero(full)), strict=True)
    )
    assert (np.diff(i) >= 0).all()
    np.testing.assert_allclose(boxes.paired_iou(a[i], b[j]), full[i, j])
    np.testing.assert_allclose(boxes.paired_intersection(a[i], b[j]), boxes.intersection(a, b)[i, j])


def test_pairs_in_frames_are_those_of_each_frame():
    a, b = random_boxes(60, 0), random_boxes(50, 1)
    frame_a, frame_b = np.arange(60) // 7 + 3, np.arange(50) // 5 + 1
    i, j = boxes.overlapping_pairs_in_frames(frame_a, a, frame_b, b)
    expected = np.nonzero((boxes.iou(a, b) > 0) & (frame_a[:, None] == frame_b))
    overlap = boxes.paired_iou(a[i], b[j]) > 0
    assert (frame_a[i] == frame_b[j]).all()
    found = zip(i[overlap].tolist(), j[overlap].tolist(), strict=True)
    assert sorted(found) == sorted(zip(*(rows.tolist() for rows in expected), strict=True))
