"""Crops varied as another camera, pose and detector would: all crops of a batch at once, each in its own way."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from idfree.learn.networks.layers import PIXEL_MEAN

GREY = (0.114, 0.587, 0.299)  # luma of B, G, R (ITU-R BT.601)
KEPT, SOFT = (0.24, 0.8), 0.08  # of the width: what is kept when the margins change; the border between the two
ERASED_AREA, ERASED_LOG_ASPECT = (0.02, 0.4), (math.log(0.3), -math.log(0.3))  # Zhong 2017, Random Erasing, sec. 4.2


@dataclass(frozen=True)
class CropAugmentation:
    """How far a crop may be changed. Hue stays: the colour of clothes is what tells people apart.

    margins: how often what lies left and right of the middle becomes another crop's. People who stand side by side
    share their background, and a network that learns where somebody stands cannot tell them apart: without it, MOT17-09
    (SDP, FRCNN, yolox-x) tracked with the network has IDF1 66.2, with it 71.0.
    """

    flip: float = 0.5  # probability
    scale: float = 0.12  # of the size, either way
    shift: float = 0.05  # of the size, either way
    brightness: float = 0.15  # of the pixel values, either way
    contrast: float = 0.15
    saturation: float = 0.2
    margins: float = 0.7  # probability
    erase: float = 0.5  # probability


def augment(crops: NDArray[np.uint8], random: np.random.Generator, settings: CropAugmentation) -> Tensor:
    """Crops (N, H, W, 3) BGR → float32 (N, 3, H, W) of pixels 0…255, changed as `random` has it."""
    pixels = torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).float()  # N H W 3 -> N 3 H W
    pixels = move(pixels.contiguous(), random, settings)
    pixels = margins(pixels, random, settings.margins)
    pixels = colour(pixels, random, settings)
    return erase(pixels, random, settings.erase)


def move(pixels: Tensor, random: np.random.Generator, settings: CropAugmentation) -> Tensor:
    """Flipped, scaled and shifted at once; what comes in from outside is the border's own pixels."""
    count = len(pixels)
    zoom, shift = 1 + either_way(random, settings.scale, count), either_way(random, settings.shift, (count, 2))
    mirror = np.where(random.random(count) < settings.flip, -1.0, 1.0)
    affine = np.zeros((count, 2, 3))
    affine[:, 0, 0], affine[:, 1, 1], affine[:, :, 2] = mirror * zoom, zoom, 2 * shift  # the picture spans −1…1
    grid = torch.nn.functional.affine_grid(torch.from_numpy(affine).float(), list(pixels.shape), align_corners=False)
    return torch.nn.functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def margins(pixels: Tensor, random: np.random.Generator, probability: float) -> Tensor:
    """With that probability, all but the middle of the width is another crop's of the batch, with a soft border."""
    count, width = len(pixels), pixels.shape[3]
    offset = np.abs(centres(width) - 0.5)
    kept = random.uniform(*KEPT, (count, 1)) / 2
    kept = np.where(random.random((count, 1)) < probability, kept, 0.5)
    share = torch.from_numpy(np.clip((kept - offset) / SOFT + 1, 0, 1)).float()[:, None, None]  # N 1 1 W
    return torch.lerp(pixels[torch.from_numpy(random.permutation(count))], pixels, share)


def colour(pixels: Tensor, random: np.random.Generator, settings: CropAugmentation) -> Tensor:
    """Brighter or darker, with more or less contrast and saturation, and still within 0…255."""
    amounts = (settings.brightness, settings.contrast, settings.saturation)
    gain, contrast, saturation = (1 + per_crop(either_way(random, amount, len(pixels))) for amount in amounts)
    grey = torch.einsum("nchw,c->nhw", pixels, torch.tensor(GREY))[:, None]
    level = grey.mean(dim=(2, 3), keepdim=True)
    # gain · (level + contrast · (grey + saturation · (pixels − grey) − level)), multiplied out: fewer passes
    constant = gain * (contrast * (1 - saturation) * grey + (1 - contrast) * level)
    return torch.addcmul(constant, pixels, gain * contrast * saturation).clamp_(0, 255)


def erase(pixels: Tensor, random: np.random.Generator, probability: float) -> Tensor:
    """With that probability, a rectangle of the crop becomes the mean colour (Zhong 2017)."""
    count, _, height, width = pixels.shape
    area, aspect = random.uniform(*ERASED_AREA, count), np.exp(random.uniform(*ERASED_LOG_ASPECT, count))
    size = np.minimum(np.sqrt(np.stack([area * aspect, area / aspect])), 1)  # of the height, of the width
    size = np.where(random.random(count) < probability, size, 0)
    (top, left), (bottom, right) = (corners := random.random((2, count)) * (1 - size)), corners + size
    inside = [
        (low[:, None] <= at) & (at < high[:, None])
        for low, high, at in ((top, bottom, centres(height)), (left, right, centres(width)))
    ]
    mask = torch.from_numpy(inside[0][:, None, :, None] & inside[1][:, None, None, :])  # N 1 H W
    return torch.where(mask, torch.tensor(PIXEL_MEAN[::-1]).view(3, 1, 1), pixels)


def either_way(random: np.random.Generator, amount: float, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
    """Uniform in −amount … amount."""
    return random.uniform(-amount, amount, shape)


def per_crop(values: NDArray[np.float64]) -> Tensor:
    """(N,) → (N, 1, 1, 1)."""
    return torch.from_numpy(values).float().view(-1, 1, 1, 1)


def centres(count: int) -> NDArray[np.float64]:
    """Where the centres of `count` pixels lie in 0…1."""
    return (np.arange(count) + 0.5) / count
