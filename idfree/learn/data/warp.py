"""Augmentation of labelled images: a random affine map of image and boxes in one warp, colour jitter, mosaic.

Affine maps are (3, 3) matrices on columns (x, y, 1) in pixels from the image's corner; pixel centres are at 0.5.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import area, clip, split_halves
from idfree.core.letterbox import letterbox
from idfree.core.types import Floats
from idfree.learn.data.labelled_images import LabelledImage

GREY = 127  # padding around images (Wang 2020, JDE; its code: 127.5)
MIN_SIDE = 4.0  # px of the network's input: minimum side of the visible part of a box (JDE's code)
MIN_VISIBLE = 0.1  # minimum visible fraction of a box (JDE's code)
HALF_PIXEL = 0.5  # coordinate of the first pixel's centre
CROSS = (0.25, 0.75)  # range of the point where the four images of a mosaic meet, as fractions of the sides

ColourTable = NDArray[np.uint8]  # (1, 256, 3): lookup table of hue, saturation and value


@dataclass(frozen=True)
class ImageAugmentation:
    """Ranges of random changes, each amount uniform in both directions (Wang 2020, JDE's code, which FairMOT uses)."""

    flip: float = 0.5  # probability
    rotation: float = 5.0  # degrees
    shift: float = 0.1  # fraction of the network's input size
    smallest: float = 0.5  # smallest scale
    largest: float = 1.2  # largest scale
    shear: float = 2.0  # degrees
    saturation: float = 0.5  # fraction of a pixel's saturation
    value: float = 0.5  # fraction of a pixel's value (brightness)
    mosaic: float = 0.0  # probability that an image is made of four (Bochkovskiy 2020, YOLOv4, sec. 3.3)


NO_AUGMENTATION = ImageAugmentation(0, 0, 0, 1, 1, 0, 0, 0, 0)  # letterboxing only


def augment_image(
    sample: LabelledImage, size_hw: tuple[int, int], random: np.random.Generator, settings: ImageAugmentation
) -> LabelledImage:
    """Letterbox an image to the network's input size under a random affine map, with random colours.

    Boxes of which too little remains visible become ignore regions.
    """
    matrix = random_affine(size_hw, random, settings) @ letterbox_matrix(sample, size_hw)
    return warp_sample(sample, matrix, size_hw, random_colour_table(random, settings))


def make_mosaic(
    samples: Sequence[LabelledImage], size_hw: tuple[int, int], random: np.random.Generator, settings: ImageAugmentation
) -> LabelledImage:
    """Mosaic of four augmented images (Bochkovskiy 2020, YOLOv4), which meet at a random point; their middle parts."""
    height, width = size_hw
    x, y = (random.uniform(*CROSS, 2) * (width, height)).astype(np.int64).tolist()
    corners = [(0, 0), (x, 0), (0, y), (x, y)]
    sizes = [(y, x), (y, width - x), (height - y, x), (height - y, width - x)]
    parts = []
    for sample, part_hw in zip(samples, sizes, strict=True):
        to_middle = translation((part_hw[1] - width) / 2, (part_hw[0] - height) / 2)
        matrix = to_middle @ random_affine(size_hw, random, settings) @ letterbox_matrix(sample, size_hw)
        parts.append(warp_sample(sample, matrix, part_hw, random_colour_table(random, settings)))
    images = [part.image for part in parts]
    rows = np.concatenate([part.row for part in parts])
    xyxy, visible, ignore = (
        np.concatenate([getattr(part, name) + np.tile(xy, 2) for part, xy in zip(parts, corners, strict=True)])
        for name in ("xyxy", "visible", "ignore")
    )
    return LabelledImage(np.vstack([np.hstack(images[:2]), np.hstack(images[2:])]), xyxy, visible, rows, ignore)


def letterbox_matrix(sample: LabelledImage, size_hw: tuple[int, int]) -> Floats:
    """The affine map of a centred letterbox."""
    return letterbox((sample.image.shape[0], sample.image.shape[1]), size_hw, "centre").matrix


def warp_sample(
    sample: LabelledImage, matrix: Floats, size_hw: tuple[int, int], colours: ColourTable | None = None
) -> LabelledImage:
    """Image and boxes under an affine map (3, 3), cropped to `size_hw`, the pixels changed by a lookup table."""
    xyxy = transform_boxes(sample.xyxy, matrix)
    visible = clip(intersection(transform_boxes(sample.visible, matrix), xyxy), size_hw)
    shorter_side = np.diff(visible.reshape(-1, 2, 2), axis=1)[:, 0].min(axis=1, initial=np.inf)
    keep = (shorter_side >= MIN_SIDE) & (area(visible) >= MIN_VISIBLE * area(xyxy))
    ignore = np.concatenate([clip(transform_boxes(sample.ignore, matrix), size_hw), visible[~keep]])
    image = warp_image(sample.image, matrix, size_hw, colours)
    return LabelledImage(image, xyxy[keep], visible[keep], sample.row[keep], ignore[area(ignore) > 0])


def transform_boxes(xyxy: Floats, matrix: Floats) -> Floats:
    """Boxes (N, 4) under an affine map: the bounding boxes of the transformed inscribed ellipses.

    The bounding box of a rotated box is too large for the object in it; without rotation both are the same.
    """
    top_left, bottom_right = split_halves(xyxy)
    centre, half = (top_left + bottom_right) / 2, (bottom_right - top_left) / 2
    linear = matrix[:2, :2]
    centre, half = centre @ linear.T + matrix[:2, 2], np.sqrt(half**2 @ (linear**2).T)
    return np.concatenate([centre - half, centre + half], axis=1)


def intersection(a: Floats, b: Floats) -> Floats:
    """(N, 4) intersections of a[k] and b[k]; with negative sides if they are disjoint."""
    return np.concatenate([np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])], axis=1)


def random_affine(size_hw: tuple[int, int], random: np.random.Generator, settings: ImageAugmentation) -> Floats:
    """A random flip, rotation, scale, shear and shift about the centre of an image of `size_hw`."""
    height, width = size_hw
    mirror = -1.0 if random.random() < settings.flip else 1.0
    scale = random.uniform(settings.smallest, settings.largest)
    angle, *slope = np.deg2rad(random.uniform(-1, 1, 3) * (settings.rotation, settings.shear, settings.shear)).tolist()
    shift = random.uniform(-1, 1, 2) * settings.shift * (width, height)
    rotation = scale * np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    shear = np.array([[1, math.tan(slope[0])], [math.tan(slope[1]), 1]])
    linear = np.eye(3)
    linear[:2, :2] = shear @ rotation @ np.diag([mirror, 1.0])
    return translation(width / 2 + shift[0], height / 2 + shift[1]) @ linear @ translation(-width / 2, -height / 2)


def translation(x: float, y: float) -> Floats:
    """The affine map that moves by (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def random_colour_table(random: np.random.Generator, settings: ImageAugmentation) -> ColourTable | None:
    """Lookup table that multiplies saturation and value by random factors; None if both factors are 1."""
    factors = 1 + random.uniform(-1, 1, 2) * (settings.saturation, settings.value)
    if (factors == 1).all():
        return None
    table = np.arange(256)[:, None] * (1, *factors)
    return table.round().clip(0, 255).astype(np.uint8)[None]


def warp_image(
    bgr: NDArray[np.uint8], matrix: Floats, size_hw: tuple[int, int], colours: ColourTable | None
) -> NDArray[np.uint8]:
    """Image (h, w, 3) → (H, W, 3) of `size_hw` under an affine map, with grey padding; bilinear, without antialiasing.

    Colours are changed after warping, when there are fewer pixels; padding is the value that the table maps to grey.
    """
    import cv2

    padding = GREY if colours is None else int(np.abs(colours[0, :, 2].astype(np.int64) - GREY).argmin())
    between_centres = translation(-HALF_PIXEL, -HALF_PIXEL) @ matrix @ translation(HALF_PIXEL, HALF_PIXEL)
    size_wh = (size_hw[1], size_hw[0])
    result = cv2.warpAffine(bgr, between_centres[:2], size_wh, flags=cv2.INTER_LINEAR, borderValue=(padding,) * 3)
    if colours is not None:
        result = cv2.LUT(cv2.cvtColor(result, cv2.COLOR_BGR2HSV), colours)
        result = cv2.cvtColor(result, cv2.COLOR_HSV2BGR)
    return np.asarray(result, dtype=np.uint8)
