"""How an image lies in a network's input, and the way back for boxes.

Both frames measure pixels from the image's corner (a pixel's centre is at half), so a resize is a pure scaling and a
letterbox a scaling and a shift. The scale is that of the resized picture itself: rounding its sides to whole pixels
makes it differ a little between x and y, and a box sent there and back returns exactly.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Floats, Image

Place = Literal["corner", "centre", "stretch"]


@dataclass(frozen=True)
class Fit:
    """An image of `image_hw` drawn into an input of `input_hw` at `corner_xy`, `drawn_hw` pixels large."""

    image_hw: tuple[int, int]
    input_hw: tuple[int, int]
    drawn_hw: tuple[int, int]
    corner_xy: tuple[int, int]

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Input pixels per image pixel, along x and y."""
        return self.drawn_hw[1] / self.image_hw[1], self.drawn_hw[0] / self.image_hw[0]


def fitted(image_hw: tuple[int, int], input_hw: tuple[int, int], place: Place) -> Fit:
    """How an image is fitted to a network's input; small images grow, as in the networks' own code.

    `corner`: aspect kept, at the top left, sides rounded down (YOLOX: `int(w·r)`, `int(h·r)`).
    `centre`: aspect kept, sides rounded, the odd pixel of padding to the right and the bottom (YOLOv5, YOLOv8).
    `stretch`: the whole input, aspect lost (RT-DETR).
    """
    if place == "stretch":
        return Fit(image_hw, input_hw, input_hw, (0, 0))
    ratio = min(input_hw[0] / image_hw[0], input_hw[1] / image_hw[1])
    whole = int if place == "corner" else round
    height, width = (max(whole(side * ratio), 1) for side in image_hw)
    corner = (0, 0) if place == "corner" else ((input_hw[1] - width) // 2, (input_hw[0] - height) // 2)
    return Fit(image_hw, input_hw, (height, width), corner)


def to_input(xyxy: Floats, fit: Fit) -> Floats:
    """Boxes (N, 4) in image pixels → input pixels."""
    return xyxy * np.tile(fit.scale_xy, 2) + np.tile(fit.corner_xy, 2)


def to_image(xyxy: Floats, fit: Fit) -> Floats:
    """Boxes (N, 4) in input pixels → image pixels: the inverse of `to_input`."""
    return (xyxy - np.tile(fit.corner_xy, 2)) / np.tile(fit.scale_xy, 2)


def draw(bgr: Image, fit: Fit, levels: NDArray[np.floating[Any]], rgb: bool, planes: NDArray[Any]) -> None:
    """Draw an image into a network's input `planes` (3, H, W), in place; what lies around it is left as it was.

    levels (256,): the input's value for each brightness. rgb: red comes first. The resize is bilinear without
    smoothing (OpenCV's INTER_LINEAR), which is what these networks saw in training.
    """
    import cv2

    (left, top), (height, width) = fit.corner_xy, fit.drawn_hw
    channels = cv2.split(cv2.resize(bgr, (width, height), interpolation=cv2.INTER_LINEAR))
    for channel, plane in zip(channels, planes[::-1] if rgb else planes, strict=True):
        levels.take(
            np.asarray(channel, dtype=np.uint8), out=plane[top : top + height, left : left + width], mode="clip"
        )
