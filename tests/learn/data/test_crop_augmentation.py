"""Each augmentation separately, against a computation by hand."""

from dataclasses import fields, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from idfree.learn.data.crop_augmentation import CropAugmentation, augment_crops, random_erasing
from idfree.learn.networks.layers import PIXEL_MEAN

NONE = CropAugmentation(**{field.name: 0.0 for field in fields(CropAugmentation)})
CROPS = np.random.default_rng(0).integers(0, 256, (64, 16, 8, 3), dtype=np.uint8)


def augmented(crops=CROPS, seed=0, **settings):
    """(N, H, W, 3) with only the named augmentations."""
    pixels = augment_crops(crops, np.random.default_rng(seed), replace(NONE, **settings))
    assert pixels.dtype == torch.float32
    return pixels.permute(0, 2, 3, 1).numpy()


def test_without_augmentation_crops_are_unchanged():
    assert np.allclose(augmented(), CROPS, atol=1e-3)


def test_flip():
    assert np.allclose(augmented(flip=1.0), CROPS[:, :, ::-1], atol=1e-3)
    flipped = np.isclose(augmented(flip=0.5), CROPS[:, :, ::-1], atol=1e-3).all(axis=(1, 2, 3))
    assert 16 < flipped.sum() < 48


def test_shift_moves_and_scale_does_not_move_the_middle():
    ramp = np.broadcast_to(np.arange(8, dtype=np.uint8)[:, None] * 10, (64, 16, 8, 3))
    moved = augmented(ramp, shift=0.1)[:, 8, 2:6] - ramp[:, 8, 2:6]
    assert np.ptp(moved, axis=(1, 2)).max() < 1e-3  # all pixels of a crop alike
    assert 4 < np.abs(moved).max() <= 8.001  # 0.1 of 8 pixels, 10 grey levels each
    scaled = augmented(ramp, scale=0.12)[:, 8]
    assert np.allclose((scaled[:, 3] + scaled[:, 4]) / 2, 35, atol=1e-3)
    slope = (scaled[:, 4] - scaled[:, 3])[:, 0] / 10
    assert 0.87 < slope.min() < 0.95
    assert 1.05 < slope.max() < 1.13


def test_margins_are_of_another_crop():
    wide = np.random.default_rng(1).integers(0, 256, (64, 4, 50, 3), dtype=np.uint8)
    mixed = augmented(wide, margins=1.0)
    assert np.allclose(mixed[:, :, 19:31], wide[:, :, 19:31], atol=1e-3)  # 0.24 of the width at the least
    of = [np.flatnonzero([np.allclose(one[:, 0], other[:, 0], atol=1e-3) for other in wide]) for one in mixed]
    assert sorted(np.concatenate(of)) == list(range(64))  # each lends its own to one
    same = np.isclose(augmented(wide, margins=0.5), wide, atol=1e-3).all(axis=(1, 2, 3))
    assert 16 < same.sum() < 48


def test_colour_jitter_keeps_grey_grey():
    grey = np.full((64, 4, 4, 3), 100, dtype=np.uint8)
    bright = augmented(grey, brightness=0.15, saturation=0.5, contrast=0.5)
    assert np.ptp(bright, axis=(1, 2, 3)).max() < 1e-3
    assert 85 <= bright.min() < 92
    assert 108 < bright.max() <= 115.001


def test_contrast_keeps_the_level_and_saturation_keeps_the_luma():
    middle = (CROPS // 4) + 96
    luma = np.array([0.114, 0.587, 0.299])
    assert np.allclose((augmented(middle, saturation=0.5) - middle) @ luma, 0, atol=1e-3)
    assert np.allclose(((augmented(middle, contrast=0.5) - middle) @ luma).mean(axis=(1, 2)), 0, atol=1e-3)


def test_hue_is_unchanged():
    middle = (CROPS // 4) + 96
    result = augmented(middle, brightness=0.1, contrast=0.1, saturation=0.2)
    assert (np.argsort(result, axis=-1, kind="stable") == np.argsort(middle, axis=-1, kind="stable")).mean() > 0.99


def test_pixels_stay_in_range():
    result = augmented(brightness=0.9, contrast=0.9)
    assert result.min() >= 0
    assert result.max() <= 255


def test_erasing_fills_one_rectangle_with_the_mean_colour():
    pixels = torch.zeros(200, 3, 64, 32)
    result = random_erasing(pixels, np.random.default_rng(0), 1.0)
    mask = (result != 0).any(dim=1).numpy()
    assert torch.allclose(result[0][:, mask[0]].mean(dim=1), torch.tensor(PIXEL_MEAN[::-1]))
    for crop in mask:
        rows, columns = crop.any(axis=1), crop.any(axis=0)
        assert (crop == np.outer(rows, columns)).all()
    assert 0.15 < mask.mean() < 0.25  # uniform in 0.02…0.4
    assert (random_erasing(pixels, np.random.default_rng(0), 0.5) != 0).flatten(1).any(
        dim=1
    ).float().mean() == pytest.approx(0.5, abs=0.1)


def test_input_is_unchanged():
    before = CROPS.copy()
    augment_crops(CROPS, np.random.default_rng(0), CropAugmentation())
    assert (before == CROPS).all()
