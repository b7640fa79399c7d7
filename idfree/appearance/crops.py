"""Crop boxes from an image, and resize them to the encoder's input size."""

import numpy as np

from idfree.core.boxes import clip
from idfree.core.types import Crops, Floats, Image

GREY = 128  # level of the crop of a box without pixels


def crop_boxes(image_bgr: Image, xyxy: Floats, size_hw: tuple[int, int]) -> Crops:
    """Crops (N, H, W, 3), BGR, of boxes (N, 4), resized to `size_hw` without keeping the aspect ratio.

    Boxes are clipped to the image and rounded to whole pixels; a box without pixels (outside, empty or not finite)
    gives a grey crop.
    """
    crops = np.full((len(xyxy), *size_hw, 3), GREY, dtype=np.uint8)
    corners = np.rint(clip(xyxy, (image_bgr.shape[0], image_bgr.shape[1])))
    rows = np.flatnonzero((corners[:, 2:] > corners[:, :2]).all(axis=1))
    for row, (left, top, right, bottom) in zip(rows, corners[rows].astype(np.int64).tolist(), strict=True):
        resize_into(crops[row], image_bgr[top:bottom, left:right])
    return crops


def resize_crops(crops: Crops, size_hw: tuple[int, int]) -> Crops:
    """Crops (N, H, W, 3) resized to `size_hw`; the same array if they have that size."""
    if crops.shape[1:3] == size_hw:
        return crops
    result = np.empty((len(crops), *size_hw, 3), dtype=np.uint8)
    for crop, target in zip(crops, result, strict=True):
        resize_into(target, crop)
    return result


def resize_into(target: Image, bgr: Image) -> None:
    """Resize the image `bgr` to the shape of `target` (H, W, 3), in place, without keeping the aspect ratio.

    Downscaling averages pixels. A large image is first resized bilinearly to twice the size of the target, as averaging
    two by two is 4 times as fast as by fractions; the results differ by less than a grey level.
    """
    import cv2

    height, width = target.shape[:2]
    if bgr.shape[0] > 2 * height and bgr.shape[1] > 2 * width:
        bgr = cv2.resize(bgr, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    shrinks = bgr.shape[0] * bgr.shape[1] > height * width
    cv2.resize(bgr, (width, height), dst=target, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
