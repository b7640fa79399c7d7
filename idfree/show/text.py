"""Text, labels and headings in images, rendered by OpenCV at a multiple of their size."""

from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Image
from idfree.show.colours import Colour, contrasting_grey

MARGIN = 0.45  # around rendered text, in heights of a capital
STROKE = 1 / 6.5  # width, in heights of a capital
DARKENING = 0.4  # brightness of the image below a heading
TEXT_SUPERSAMPLING = 4  # text is rendered at this scale and averaged down: sharper than OpenCV's anti-aliasing


@lru_cache(maxsize=1024)
def render_text(text: str, height: int) -> NDArray[np.uint8]:
    """Coverage mask (h, w) of `text` with capitals `height` px tall and a margin. Non-ASCII characters become "?"."""
    import cv2

    text = text.encode("ascii", "replace").decode()
    font, stroke = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(TEXT_SUPERSAMPLING * height * STROKE))
    scale = cv2.getFontScaleFromHeight(font, TEXT_SUPERSAMPLING * height - stroke, 0)
    (width, _), _ = cv2.getTextSize(text, font, scale, stroke)
    margin = TEXT_SUPERSAMPLING * ceil(MARGIN * height)
    fine_height = TEXT_SUPERSAMPLING * height + 2 * margin
    fine = np.zeros((fine_height, TEXT_SUPERSAMPLING * ceil(width / TEXT_SUPERSAMPLING) + 2 * margin), dtype=np.uint8)
    baseline = fine_height - margin - stroke // 2
    cv2.putText(fine, text, (margin, baseline), font, scale, 255, stroke, cv2.LINE_AA)
    return np.asarray(
        cv2.resize(fine, None, fx=1 / TEXT_SUPERSAMPLING, fy=1 / TEXT_SUPERSAMPLING, interpolation=cv2.INTER_AREA)
    )


@lru_cache(maxsize=1024)
def render_label(text: str, height: int, colour: Colour) -> Image:
    """Label image (h, w, 3): `text` in black or white on `colour`."""
    coverage = render_text(text, height)[..., None] / 255
    return np.asarray(np.rint(coverage * contrasting_grey(colour) + (1 - coverage) * np.array(colour)), dtype=np.uint8)


def paste(canvas: Image, label: Image, x: int, y: int) -> None:
    """Copy `label` into `canvas` at left x, top y; shifted inside and clipped if it is larger than the canvas."""
    height, width = canvas.shape[:2]
    x, y = max(0, min(x, width - label.shape[1])), max(0, min(y, height - label.shape[0]))
    region = canvas[y : y + label.shape[0], x : x + label.shape[1]]
    region[:] = label[: region.shape[0], : region.shape[1]]


def draw_heading(canvas: Image, text: str, height: int) -> None:
    """Draw white text on a darkened strip in the upper left corner."""
    coverage = render_text(text, height)[: len(canvas), : canvas.shape[1], None] / 255
    region = canvas[: coverage.shape[0], : coverage.shape[1]]
    region[:] = np.rint(255 * coverage + DARKENING * region * (1 - coverage))
