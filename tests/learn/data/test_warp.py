"""Augmented boxes agree with the pixels, with the letterbox of detection, and with values by hand."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from idfree.core.boxes import clip
from idfree.core.letterbox import draw, letterbox
from idfree.learn.data.labelled_images import LabelledImage
from idfree.learn.data.warp import (
    NO_AUGMENTATION,
    ImageAugmentation,
    augment_image,
    make_mosaic,
    random_colour_table,
    transform_boxes,
    translation,
    warp_sample,
)

SIZE_HW = (96, 160)
FACE = np.random.default_rng(3).integers(0, 256, (12, 20, 3), dtype=np.uint8)


def make_sample(boxes, image=None, ignore=()):
    """A labelled image with (N, 4) boxes, by default black, 90 × 150."""
    xyxy, image = (
        np.array(boxes, dtype=float).reshape(-1, 4),
        np.zeros((90, 150, 3), np.uint8) if image is None else image,
    )
    ignore = np.array(ignore, dtype=float).reshape(-1, 4)
    return LabelledImage(image, xyxy, clip(xyxy, image.shape[:2]), np.arange(len(xyxy)) + 100, ignore)


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("image_hw", [(90, 150), (60, 200), (331, 97), (96, 160)])
def test_without_augmentation_it_is_the_letterbox_of_detection(image_hw):
    image = cv2.resize(FACE, image_hw[::-1], interpolation=cv2.INTER_CUBIC)
    result = augment_image(make_sample([[10, 20, 50, 55]], image), SIZE_HW, generator(), NO_AUGMENTATION)
    fit = letterbox(image_hw, SIZE_HW, "centre")
    assert np.allclose(result.xyxy, fit.to_input(np.array([[10, 20, 50, 55.0]])))
    expected = np.full((3, *SIZE_HW), 127.0)
    draw(image, fit, np.arange(256.0), rgb=False, planes=expected)
    (left, top), (height, width) = fit.offset_xy, fit.resized_hw
    inner = (slice(top + 2, top + height - 2), slice(left + 2, left + width - 2))
    assert np.abs(result.image[inner] - expected.transpose(1, 2, 0)[inner]).max() <= 4  # OpenCV warps in 1/32 px
    around = np.ones(SIZE_HW, dtype=bool)
    around[top : top + height, left : left + width] = False
    assert (result.image[around] == 127).all()


def test_a_flip_is_a_mirror():
    image = cv2.resize(FACE, SIZE_HW[::-1], interpolation=cv2.INTER_CUBIC)
    result = augment_image(
        make_sample([[10, 20, 50, 55]], image), SIZE_HW, generator(), replace(NO_AUGMENTATION, flip=1)
    )
    assert (result.image == image[:, ::-1]).all()
    assert np.allclose(result.xyxy, [[110, 20, 150, 55]])


@pytest.mark.parametrize("seed", range(12))
def test_boxes_follow_the_pixels(seed):
    image = np.zeros((360, 600, 3), np.uint8)
    cv2.ellipse(image, [(260 - 0.5, 180 - 0.5), (60, 160), 0], (255, 255, 255), -1)
    result = augment_image(
        make_sample([[230, 100, 290, 260]], image), (384, 640), generator(seed), replace(ImageAugmentation(), value=0)
    )
    y, x = np.nonzero(result.image.min(axis=2) > 191)  # white, less the blur of its edge; grey around is 127
    assert np.abs(result.xyxy[0] - [x.min(), y.min(), x.max() + 1, y.max() + 1]).max() < 1.5
    assert (result.visible == result.xyxy).all()


def test_transformed_boxes_by_hand():
    box = np.array([[10.0, 20, 30, 60]])
    assert np.allclose(transform_boxes(box, translation(5, -5) @ np.diag([2, 0.5, 1])), [[25, 5, 65, 25]])
    quarter_turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # x, y -> −y, x
    assert np.allclose(transform_boxes(box, quarter_turn), [[-60, 10, -20, 30]])
    diagonal = np.array([[1.0, -1, 0], [1, 1, 0], [0, 0, 1]]) / np.sqrt(2)
    disc = transform_boxes(np.array([[-3.0, -3, 3, 3]]), diagonal)
    assert np.allclose(disc, [[-3, -3, 3, 3]])  # a disc turns in its place
    assert transform_boxes(np.zeros((0, 4)), diagonal).shape == (0, 4)


def test_cut_boxes_keep_their_extent_and_hardly_visible_ones_become_ignore_regions():
    boxes = [
        [-10, 10, 10, 50],
        [-95, 10, 5, 30],
        [-19, 60, 1, 80],
        [40, 40, 43, 60],
        [150, 0, 170, 20],
        [20, 10, 40, 50],
    ]
    result = warp_sample(make_sample(boxes, ignore=[[100, -10, 120, 10], [0, -9, 9, -3]]), np.eye(3), (90, 150))
    # half visible; 5 % visible; less than 4 px visible (two); outside; fully visible
    assert result.row.tolist() == [100, 105]
    assert result.xyxy.tolist() == [boxes[0], boxes[5]]
    assert result.visible.tolist() == [[0, 10, 10, 50], boxes[5]]
    assert result.ignore.tolist() == [[100, 0, 120, 10], [0, 10, 5, 30], [0, 60, 1, 80], [40, 40, 43, 60]]


def test_the_visible_part_excludes_the_padding():
    """The visible part of a box cut by the image border ends there after the image is placed on a larger canvas."""
    result = warp_sample(make_sample([[-10, 10, 10, 50]]), translation(30, 20), (200, 300))
    assert result.visible.tolist() == [[30, 30, 40, 70]]
    assert result.xyxy.tolist() == [[20, 30, 40, 70]]


def test_rows_identify_objects_in_two_views():
    image, boxes = np.zeros((90, 150, 3), np.uint8), []
    for n in range(20):
        left, top = 4 + 29 * (n % 5), 4 + 22 * (n // 5)
        image[top : top + 16, left : left + 20] = (10 * n + 40, 250 - 10 * n, 128)
        boxes.append([left, top, left + 20, top + 16])
    settings = replace(ImageAugmentation(), saturation=0, value=0, smallest=1.5, largest=1.8, shift=0.3)
    a, b = (
        augment_image(make_sample(boxes, image), SIZE_HW, generator(), replace(settings, flip=flip, shift=shift))
        for flip, shift in ((0, 0.3), (1, 0.1))
    )
    rows, in_a, in_b = np.intersect1d(a.row, b.row, return_indices=True)
    assert 3 < len(rows) < 20
    for row, *places in zip(rows, in_a, in_b, strict=True):
        for view, place in zip((a, b), places, strict=True):
            left, top, right, bottom = view.visible[place]
            middle = view.image[int((top + bottom) / 2), int((left + right) / 2)].astype(int)
            assert np.abs(middle - image[4 + 22 * ((row - 100) // 5) + 8, 4 + 29 * ((row - 100) % 5) + 10]).max() <= 1


def test_colours_by_hand():
    image = np.zeros((90, 150, 3), np.uint8)
    image[:] = (60, 80, 120)  # value 120, saturation (120 − 60) / 120
    for seed in range(6):
        levels = random_colour_table(generator(seed), ImageAugmentation())
        result = warp_sample(make_sample([], image), translation(8, 3), SIZE_HW, levels)
        value, saturation = levels[0, 120, 2], levels[0, 128, 1] / 255
        lower, blue = value * (1 - saturation), result.image[50, 80, 0]
        assert result.image[50, 80, 2] == value
        assert abs(blue - lower) <= 2
        assert abs(result.image[50, 80, 1] - (blue + (value - blue) / 3)) <= 4  # the hue stays
        assert np.abs(result.image[:2].astype(int) - 127).max() <= 1  # what lies around stays grey
    factors = (
        np.array([random_colour_table(generator(seed), ImageAugmentation())[0, 100, 1:] for seed in range(200)]) / 100
    )
    assert 0.5 <= factors.min() < 0.52
    assert 1.48 < factors.max() <= 1.5
    assert random_colour_table(generator(), NO_AUGMENTATION) is None


def test_a_mosaic_combines_four_images():
    flat = [make_sample([[0, 0, 150, 90]], np.full((90, 150, 3), 40 * n + 10, np.uint8)) for n in range(4)]
    result = make_mosaic(flat, SIZE_HW, generator(1), NO_AUGMENTATION)
    assert result.image.shape == (*SIZE_HW, 3)
    corners = result.image[[0, 0, -1, -1], [0, -1, 0, -1], 0]
    assert corners.tolist() == [10, 50, 90, 130]
    assert len(result.row) == 4
    for n, (left, top, right, bottom) in enumerate(result.visible.astype(int).tolist()):
        assert (result.image[top:bottom, left:right] == 40 * n + 10).mean() > 0.95
    assert np.ptp(result.xyxy[:, 2:] - result.xyxy[:, :2], axis=0).max() < 1e-9  # whole, however they are cut
    assert (result.visible[:, 2:] - result.visible[:, :2]).prod(axis=1).sum() > 0.9 * 96 * 160


def test_input_is_unchanged_and_the_seed_decides():
    image = cv2.resize(FACE, (150, 90))
    before = image.copy()
    one, two, other = (
        augment_image(make_sample([[10, 20, 50, 55]], image), SIZE_HW, generator(n), ImageAugmentation())
        for n in (4, 4, 5)
    )
    assert (image == before).all()
    assert (one.image == two.image).all()
    assert (one.xyxy == two.xyxy).all()
    assert (one.image != other.image).any()
