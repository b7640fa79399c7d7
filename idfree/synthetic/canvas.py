"""Pinhole camera, and a canvas on which shapes in world coordinates are drawn.

World coordinates are in metres: x to the right, y up, z away from the camera.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.boxes import Floats

SUBPIXEL = 4  # fractional bits of coordinates in OpenCV drawing functions
SUPERSAMPLING = 3  # the scenery is drawn this many times larger, then downsampled
CIRCLE_ANGLES = np.linspace(0, 2 * np.pi, 60)


@dataclass(frozen=True)
class PinholeCamera:
    """Horizontal camera at first-floor height, with a vertical lens shift so that vertical lines stay vertical.

    size_hw: of the image. height: above the ground, metres. horizon: its position as a fraction of the image height,
    from the top. nearest: depth in metres of the ground at the lower edge of the image.
    """

    size_hw: tuple[int, int]
    height: float = 4.0
    horizon: float = 0.3
    nearest: float = 6.6

    @property
    def focal(self) -> float:
        """Focal length in pixels: the size of one metre at a depth of one metre."""
        return (1 - self.horizon) * self.size_hw[0] * self.nearest / self.height

    def project(self, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Floats:
        """Project points in metres to pixels (…, 2)."""
        x, y, z = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (x, y, z)))
        scale, (height, width) = self.focal / z, self.size_hw
        return np.stack([width / 2 + scale * x, self.horizon * height + scale * (self.height - y)], axis=-1)

    @property
    def aperture(self) -> float:
        """Half the width of the field of view in metres, per metre of depth."""
        return self.size_hw[1] / 2 / self.focal


class Canvas:
    """An image SUPERSAMPLING times larger than the camera's, and a mask of the upright shapes drawn on it."""

    def __init__(self, camera: PinholeCamera):
        self.camera = camera
        height, width = camera.size_hw
        self.pixels = np.zeros((SUPERSAMPLING * height, SUPERSAMPLING * width, 3), dtype=np.uint8)
        self.mask = np.zeros(self.pixels.shape[:2], dtype=np.uint8)

    def draw_polygon(self, x: ArrayLike, y: ArrayLike, z: ArrayLike, colour: str) -> None:
        """Draw a convex polygon; it is added to the mask unless it lies on the ground."""
        import cv2

        corners = to_fixed_point(SUPERSAMPLING * self.camera.project(x, y, z))
        cv2.fillConvexPoly(self.pixels, corners, parse_colour(colour).tolist(), cv2.LINE_AA, SUBPIXEL)
        if np.any(y):
            cv2.fillConvexPoly(self.mask, corners, 255, cv2.LINE_8, SUBPIXEL)

    def draw_wall(self, x: float, y: float, width: float, height: float, z: float, colour: str) -> None:
        """Draw an upright rectangle with lower left corner (x, y)."""
        self.draw_polygon([x, x + width, x + width, x], [y, y, y + height, y + height], z, colour)

    def draw_floor(self, x: float, width: float, z: float, depth: float, colour: str) -> None:
        """Draw a rectangle on the ground with near left corner (x, z)."""
        self.draw_polygon([x, x + width, x + width, x], 0, [z, z, z + depth, z + depth], colour)

    def draw_lane(self, z: float, depth: float, colour: str) -> None:
        """Draw a strip of ground over the whole width of the image."""
        half_width = self.camera.aperture * (z + depth)
        self.draw_floor(-half_width, 2 * half_width, z, depth, colour)

    def draw_disc(self, x: float, y: float, z: float, radius: float, colour: str) -> None:
        """Draw an upright disc with centre (x, y)."""
        self.draw_polygon(x + radius * np.cos(CIRCLE_ANGLES), y + radius * np.sin(CIRCLE_ANGLES), z, colour)

    def draw_shadow(self, x: float, z: float, across: float, away: float, colour: str) -> None:
        """Draw an ellipse on the ground with semi-axes `across` (x) and `away` (z)."""
        self.draw_polygon(x + across * np.cos(CIRCLE_ANGLES), 0, z + away * np.sin(CIRCLE_ANGLES), colour)


def to_fixed_point(points: Floats) -> NDArray[np.int32]:
    """Convert points in pixels to OpenCV's: SUBPIXEL fractional bits, integers at the centres of pixels."""
    return np.asarray(np.rint((points - 0.5) * 2**SUBPIXEL), dtype=np.int32)


def parse_colour(colour: str) -> NDArray[np.float64]:
    """Parse #rrggbb to (3,) blue, green, red, 0…255."""
    return np.array(list(bytes.fromhex(colour.removeprefix("#"))[::-1]), dtype=np.float64)


def downsample(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average an image of a canvas down to the size of the camera's image."""
    import cv2

    size_wh = image.shape[1] // SUPERSAMPLING, image.shape[0] // SUPERSAMPLING
    return np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)
