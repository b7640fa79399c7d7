"""Colour palette of track ids: fixed for each id, and distinct for ids that are close to each other."""

import numpy as np
from numpy.typing import ArrayLike

from idfree.core.boxes import Floats

Colour = tuple[int, int, int]  # b, g, r

# Chosen by random search for the largest minimum CIELAB distance among successive ids (docs/video.md).
HUE_STEP = 0.3563  # turns from one id to the next
LIGHTNESS = np.array([0.48, 0.66, 0.78])  # OKLab lightness of successive ids, cycled
MAX_CHROMA = 0.4  # more than sRGB has at any hue and lightness
CHROMA_BISECTIONS = 16

OKLAB_TO_LMS = np.array(  # Ottosson 2020, "A perceptual color space for image processing"
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
LMS_TO_LINEAR_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
LUMINANCE_BGR = np.array([0.0722, 0.7152, 0.2126])  # of linear light (ITU-R BT.709)
EQUAL_CONTRAST_LUMINANCE = 0.179  # equal contrast of black and white: 1.05/(L + 0.05) = (L + 0.05)/0.05 (WCAG 2.1)


def palette(ids: ArrayLike) -> list[Colour]:
    """Colours (b, g, r) of ids: hues HUE_STEP apart, LIGHTNESS in turn, with the largest chroma within sRGB."""
    ids = np.asarray(ids, dtype=np.int64)
    hue, lightness = 2 * np.pi * (ids * HUE_STEP % 1), LIGHTNESS[ids % len(LIGHTNESS)]
    linear = np.clip(linear_rgb(lightness, max_chroma(lightness, hue), hue), 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
    return [(b, g, r) for r, g, b in np.rint(255 * srgb).astype(int).tolist()]


def max_chroma(lightness: Floats, hue: Floats) -> Floats:
    """The largest chroma (N,) within sRGB of colours of this lightness (N,) and hue (N,), radians; by bisection."""
    low, high = np.zeros(len(hue)), np.full(len(hue), MAX_CHROMA)
    for _ in range(CHROMA_BISECTIONS):
        middle = (low + high) / 2
        rgb = linear_rgb(lightness, middle, hue)
        is_inside = ((rgb >= 0) & (rgb <= 1)).all(axis=-1)
        low, high = np.where(is_inside, middle, low), np.where(is_inside, high, middle)
    return low


def linear_rgb(lightness: Floats, chroma: Floats, hue: Floats) -> Floats:
    """Linear RGB (N, 3), not clipped, of colours in OKLab; hue in radians."""
    oklab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)
    return np.asarray((oklab @ OKLAB_TO_LMS.T) ** 3 @ LMS_TO_LINEAR_RGB.T)


def contrasting_grey(colour: Colour) -> int:
    """Text grey level, 0 or 255, with the higher contrast on `colour`."""
    srgb = np.array(colour) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return 0 if linear @ LUMINANCE_BGR > EQUAL_CONTRAST_LUMINANCE else 255
