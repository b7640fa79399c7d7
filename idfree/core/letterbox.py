"""Letterbox geometry: where an image lies in a network's input, and how boxes map between the two.

Pixel coordinates start at the image's corner (pixel centres lie at half-integers), so that a resize is a pure scaling
and a letterbox a scaling followed by a translation. The scale is that of the resized image: as its sides are rounded to
whole pixels, it differs slightly between x and y; boxes mapped to the input and back are exact.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Floats, Image

Placement = Literal["corner", "centre", "stretch"]


@dataclass(frozen=True)
class Letterbox:
    """An image of `image_hw` resized to `resized_hw`, its top left corner at `offset_xy` of an input `input_hw`."""

    image_hw: tuple[int, int]
    input_hw: tuple[int, int]
    resized_hw: tuple[int, int]
    offset_xy: tuple[int, int]

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Input pixels per image pixel along x and y."""
        return self.resized_hw[1] / self.image_hw[1], self.resized_hw[0] / self.image_hw[0]

    @property
    def matrix(self) -> Floats:
        """(3, 3) the affine map from image pixels to input pixels."""
        (scale_x, scale_y), (left, top) = self.scale_xy, self.offset_xy
        return np.array([[scale_x, 0.0, left], [0.0, scale_y, top], [0.0, 0.0, 1.0]])

    def to_input(self, xyxy: Floats) -> Floats:
        """Boxes (N, 4) in image pixels → input pixels."""
        return xyxy * np.tile(self.scale_xy, 2) + np.tile(self.offset_xy, 2)

    def to_image(self, xyxy: Floats) -> Floats:
        """Boxes (N, 4) in input pixels → image pixels: the inverse of `to_input`."""
        return (xyxy - np.tile(self.offset_xy, 2)) / np.tile(self.scale_xy, 2)


def letterbox(image_hw: tuple[int, int], input_hw: tuple[int, int], placement: Placement) -> Letterbox:
    """The letterbox of an image in a network's input; small images are enlarged, as in the networks' own code.

    `corner`: aspect kept, at the top left, sides rounded down (YOLOX: `int(w·r)`, `int(h·r)`).
    `centre`: aspect kept, sides rounded, the odd pixel of padding to the right and the bottom (YOLOv5, YOLOv8).
    `stretch`: the whole input, aspect lost (RT-DETR).
    """
    if placement == "stretch":
        return Letterbox(image_hw, input_hw, input_hw, (0, 0))
    ratio = min(input_hw[0] / image_hw[0], input_hw[1] / image_hw[1])
    rounded = int if placement == "corner" else round
    height, width = (max(rounded(side * ratio), 1) for side in image_hw)
    offset = (0, 0) if placement == "corner" else ((input_hw[1] - width) // 2, (input_hw[0] - height) // 2)
    return Letterbox(image_hw, input_hw, (height, width), offset)


def draw(bgr: Image, box: Letterbox, table: NDArray[np.floating[Any]], rgb: bool, planes: NDArray[Any]) -> None:
    """Resize an image into a network's input `planes` (3, H, W), in place; the padding around it is left unchanged.

    table (256,) or, of each plane, (3, 256): the input value of each 8-bit intensity. rgb: the planes are in RGB
    order. The resize is bilinear without antialiasing (OpenCV's INTER_LINEAR), as these networks were trained.
    """
    import cv2

    (left, top), (height, width) = box.offset_xy, box.resized_hw
    channels = cv2.split(cv2.resize(bgr, (width, height), interpolation=cv2.INTER_LINEAR))
    order = slice(None, None, -1 if rgb else 1)
    rows = np.broadcast_to(table, (3, 256))
    for channel, row, plane in zip(channels, rows[order], planes[order], strict=True):
        plane[top : top + height, left : left + width] = cv2.LUT(channel, row.astype(np.float32))
