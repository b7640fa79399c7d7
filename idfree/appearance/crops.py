"""Boxes cut out of an image: what an encoder looks at."""

import numpy as np

from idfree.core.boxes import clip
from idfree.core.types import Crops, Floats, Image

GREY = 128  # of a box with nothing in it: mid-way, no colour


def cut(image_bgr: Image, xyxy: Floats, size_hw: tuple[int, int]) -> Crops:
    """The pixels of each box (N, 4), stretched to `size_hw` (height, width): (N, H, W, 3), BGR.

    Boxes are cut to the image and rounded to whole pixels; one that holds none (outside, empty or not finite) is grey.
    """
    crops = np.full((len(xyxy), *size_hw, 3), GREY, dtype=np.uint8)
    corners = np.rint(clip(xyxy, (image_bgr.shape[0], image_bgr.shape[1])))
    filled = np.flatnonzero((corners[:, 2:] > corners[:, :2]).all(axis=1))
    for row, (left, top, right, bottom) in zip(filled, corners[filled].astype(np.int64).tolist(), strict=True):
        stretch(image_bgr[top:bottom, left:right], crops[row])
    return crops


def stretched(crops: Crops, size_hw: tuple[int, int]) -> Crops:
    """Crops (N, H, W, 3) at another size; themselves where it is theirs."""
    if crops.shape[1:3] == size_hw:
        return crops
    result = np.empty((len(crops), *size_hw, 3), dtype=np.uint8)
    for crop, target in zip(crops, result, strict=True):
        stretch(crop, target)
    return result


def stretch(bgr: Image, target: Image) -> None:
    """Fill `target` (H, W, 3) with the whole of the picture `bgr`, whatever its shape.

    Pixels are averaged where it shrinks. A large picture is first drawn at twice the size of the target: averaging two
    by two is fast, averaging fractions is slow (4 times, at 64×32), and they differ by less than a grey level.
    """
    import cv2

    height, width = target.shape[:2]
    if bgr.shape[0] > 2 * height and bgr.shape[1] > 2 * width:
        bgr = cv2.resize(bgr, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    shrinks = bgr.shape[0] * bgr.shape[1] > height * width
    cv2.resize(bgr, (width, height), dst=target, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
