"""Augmentation of crops, vectorised over a batch; each crop gets random changes of its own."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from idfree.learn.networks.layers import PIXEL_MEAN

LUMA = (0.114, 0.587, 0.299)  # weights of B, G, R in grey values (ITU-R BT.601)
# Fractions of the width: range of the middle part that `mix_margins` keeps, and the border in which crops are blended.
MIDDLE, SOFT = (0.24, 0.8), 0.08
ERASED_AREA, ERASED_LOG_ASPECT = (0.02, 0.4), (math.log(0.3), -math.log(0.3))  # Zhong 2017, Random Erasing, sec. 4.2


@dataclass(frozen=True)
class CropAugmentation:
    """Ranges of random changes. Hue is not changed, since the colour of clothes distinguishes people.

    margins: probability that the left and right margins are replaced by another crop's, so that the background cannot
    identify people (see `mix_margins`).
    """

    flip: float = 0.5  # probability
    scale: float = 0.12  # maximum change, as a fraction of the size
    shift: float = 0.05  # the same
    brightness: float = 0.15  # maximum change, as a fraction of the pixel values
    contrast: float = 0.15
    saturation: float = 0.2
    margins: float = 0.7  # probability
    erase: float = 0.5  # probability


def augment_crops(crops: NDArray[np.uint8], random: np.random.Generator, settings: CropAugmentation) -> Tensor:
    """Crops (N, H, W, 3) BGR → augmented float32 (N, 3, H, W), pixels 0…255."""
    pixels = torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).float()  # N H W 3 -> N 3 H W
    pixels = random_affine(pixels.contiguous(), random, settings)
    pixels = mix_margins(pixels, random, settings.margins)
    pixels = jitter_colour(pixels, random, settings)
    return random_erasing(pixels, random, settings.erase)


def random_affine(pixels: Tensor, random: np.random.Generator, settings: CropAugmentation) -> Tensor:
    """Random flip, scale and shift of pixels (N, 3, H, W) in one bilinear resampling, with replicated borders."""
    count = len(pixels)
    zoom, shift = 1 + symmetric(random, settings.scale, count), symmetric(random, settings.shift, (count, 2))
    mirror = np.where(random.random(count) < settings.flip, -1.0, 1.0)
    affine = np.zeros((count, 2, 3))
    affine[:, 0, 0], affine[:, 1, 1], affine[:, :, 2] = mirror * zoom, zoom, 2 * shift  # the image spans −1…1
    grid = torch.nn.functional.affine_grid(torch.from_numpy(affine).float(), list(pixels.shape), align_corners=False)
    return torch.nn.functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def mix_margins(pixels: Tensor, random: np.random.Generator, probability: float) -> Tensor:
    """Replace the left and right margins by those of another crop of the batch, with a soft border."""
    count, width = len(pixels), pixels.shape[3]
    offset = np.abs(pixel_centres(width) - 0.5)
    half_middle = random.uniform(*MIDDLE, (count, 1)) / 2
    half_middle = np.where(random.random((count, 1)) < probability, half_middle, 0.5)
    weight = torch.from_numpy(np.clip((half_middle - offset) / SOFT + 1, 0, 1)).float()[:, None, None]  # N 1 1 W
    return torch.lerp(pixels[torch.from_numpy(random.permutation(count))], pixels, weight)


def jitter_colour(pixels: Tensor, random: np.random.Generator, settings: CropAugmentation) -> Tensor:
    """Random brightness, contrast and saturation, clamped to 0…255."""
    amounts = (settings.brightness, settings.contrast, settings.saturation)
    gain, contrast, saturation = (1 + per_crop(symmetric(random, amount, len(pixels))) for amount in amounts)
    grey = torch.einsum("nchw,c->nhw", pixels, torch.tensor(LUMA))[:, None]
    level = grey.mean(dim=(2, 3), keepdim=True)
    # gain · (level + contrast · (grey + saturation · (pixels − grey) − level)), multiplied out: fewer passes
    constant = gain * (contrast * (1 - saturation) * grey + (1 - contrast) * level)
    return torch.addcmul(constant, pixels, gain * contrast * saturation).clamp_(0, 255)


def random_erasing(pixels: Tensor, random: np.random.Generator, probability: float) -> Tensor:
    """Fill a random rectangle of the crop with the mean colour (Zhong 2017)."""
    count, _, height, width = pixels.shape
    area, aspect = random.uniform(*ERASED_AREA, count), np.exp(random.uniform(*ERASED_LOG_ASPECT, count))
    size = np.minimum(np.sqrt(np.stack([area * aspect, area / aspect])), 1)  # of the height, of the width
    size = np.where(random.random(count) < probability, size, 0)
    (top, left), (bottom, right) = (corners := random.random((2, count)) * (1 - size)), corners + size
    rows, columns = (
        (low[:, None] <= centre) & (centre < high[:, None])
        for low, high, centre in ((top, bottom, pixel_centres(height)), (left, right, pixel_centres(width)))
    )
    mask = torch.from_numpy(rows[:, None, :, None] & columns[:, None, None, :])  # N 1 H W
    return torch.where(mask, torch.tensor(PIXEL_MEAN[::-1]).view(3, 1, 1), pixels)


def symmetric(random: np.random.Generator, amount: float, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
    """Samples of the uniform distribution over −amount … amount."""
    return random.uniform(-amount, amount, shape)


def per_crop(values: NDArray[np.float64]) -> Tensor:
    """(N,) → (N, 1, 1, 1)."""
    return torch.from_numpy(values).float().view(-1, 1, 1, 1)


def pixel_centres(count: int) -> NDArray[np.float64]:
    """(count,) centres of pixels as fractions of a side."""
    return (np.arange(count) + 0.5) / count
