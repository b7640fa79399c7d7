"""Where the made-up street is painted: a camera, and a canvas that knows what it sees.

The world is in metres: x to the right, y up, z away from the camera.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.boxes import Floats

SUBPIXEL = 4  # fractional bits of the points given to OpenCV
FINER = 3  # the scenery is painted this many times larger, then averaged down
ROUND = np.linspace(0, 2 * np.pi, 60)


@dataclass(frozen=True)
class PinholeCamera:
    """Looks across the street from a first floor, level, its lens shifted down so that uprights stay upright."""

    size_hw: tuple[int, int]
    height: float = 4.0
    horizon: float = 0.3  # share of the picture above it
    nearest: float = 6.6  # depth of the ground at the picture's lower edge

    @property
    def focal(self) -> float:
        """Pixels that a metre at a depth of one metre measures."""
        return (1 - self.horizon) * self.size_hw[0] * self.nearest / self.height

    def project(self, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Floats:
        """(…, 2) pixels of points in metres."""
        x, y, z = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (x, y, z)))
        scale, (height, width) = self.focal / z, self.size_hw
        return np.stack([width / 2 + scale * x, self.horizon * height + scale * (self.height - y)], axis=-1)

    @property
    def aperture(self) -> float:
        """Metres from the middle of the picture to its side, for every metre of depth."""
        return self.size_hw[1] / 2 / self.focal


class Canvas:
    """A canvas FINER times larger than the picture, and a mask of the upright shapes painted on it."""

    def __init__(self, camera: PinholeCamera):
        self.camera = camera
        height, width = camera.size_hw
        self.canvas = np.zeros((FINER * height, FINER * width, 3), dtype=np.uint8)
        self.mask = np.zeros(self.canvas.shape[:2], dtype=np.uint8)

    def shape(self, x: ArrayLike, y: ArrayLike, z: ArrayLike, colour: str) -> None:
        """A convex polygon; what lies on the ground hides nothing."""
        import cv2

        corners = fixed(FINER * self.camera.project(x, y, z))
        cv2.fillConvexPoly(self.canvas, corners, bgr(colour).tolist(), cv2.LINE_AA, SUBPIXEL)
        if np.any(y):
            cv2.fillConvexPoly(self.mask, corners, 255, cv2.LINE_8, SUBPIXEL)

    def wall(self, x: float, y: float, width: float, height: float, z: float, colour: str) -> None:
        """An upright rectangle whose left lower corner is (x, y)."""
        self.shape([x, x + width, x + width, x], [y, y, y + height, y + height], z, colour)

    def floor(self, x: float, width: float, z: float, depth: float, colour: str) -> None:
        """A rectangle on the ground whose left near corner is (x, z)."""
        self.shape([x, x + width, x + width, x], 0, [z, z, z + depth, z + depth], colour)

    def lane(self, z: float, depth: float, colour: str) -> None:
        """A strip of ground as wide as the picture."""
        reach = self.camera.aperture * (z + depth)
        self.floor(-reach, 2 * reach, z, depth, colour)

    def disc(self, x: float, y: float, z: float, radius: float, colour: str) -> None:
        """An upright disc."""
        self.shape(x + radius * np.cos(ROUND), y + radius * np.sin(ROUND), z, colour)

    def shadow(self, x: float, z: float, across: float, away: float, colour: str) -> None:
        """An ellipse on the ground."""
        self.shape(x + across * np.cos(ROUND), 0, z + away * np.sin(ROUND), colour)


def fixed(points: Floats) -> NDArray[np.int32]:
    """Points in pixels as OpenCV draws them: with SUBPIXEL fractional bits, and whole numbers at pixels' centres."""
    return np.asarray(np.rint((points - 0.5) * 2**SUBPIXEL), dtype=np.int32)


def bgr(colour: str) -> NDArray[np.float64]:
    """#rrggbb as (3,) blue, green, red, 0…255."""
    return np.array(list(bytes.fromhex(colour.removeprefix("#"))[::-1]), dtype=np.float64)


def shrink(canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A painted canvas averaged down to the picture's size."""
    import cv2

    size_wh = canvas.shape[1] // FINER, canvas.shape[0] // FINER
    return np.asarray(cv2.resize(canvas, size_wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)
