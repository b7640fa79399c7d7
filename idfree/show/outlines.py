"""Draw counting lines and zones in images, with their counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from idfree.core.types import Floats, Image
from idfree.show.colours import Colour
from idfree.show.text import paste, render_label

DARK = (20, 20, 20)  # b, g, r of the margin that sets a line off from bright pictures
ZONE_OPACITY = 0.18


@dataclass(frozen=True)
class Outline:
    """A line or, if closed, a zone: points (K, 2) in pixels, colour, and the text of its label."""

    points: Floats
    is_closed: bool
    colour: Colour
    text: str = ""


def draw_zones(canvas: Image, outlines: Sequence[Outline]) -> None:
    """Tint the inside of zones, in place."""
    import cv2

    for outline in (each for each in outlines if each.is_closed):
        corners = np.rint(outline.points).astype(np.int32)
        (left, top), (right, bottom) = np.maximum(corners.min(axis=0), 0), corners.max(axis=0) + 1
        region = canvas[top:bottom, left:right]
        if region.size:
            tinted = cv2.fillPoly(region.copy(), [corners - [left, top]], outline.colour)
            cv2.addWeighted(tinted, ZONE_OPACITY, region, 1 - ZONE_OPACITY, 0, dst=region)


def draw_outlines(canvas: Image, outlines: Sequence[Outline], line: int, text: int) -> None:
    """Draw lines and the edges of zones, in place, with their texts. line, text: width and height in pixels."""
    import cv2

    width = max(2, round(1.5 * line))
    for outline in outlines:
        points = [np.rint(outline.points).astype(np.int32)]
        cv2.polylines(canvas, points, outline.is_closed, DARK, width + 2, cv2.LINE_AA)
        cv2.polylines(canvas, points, outline.is_closed, outline.colour, width, cv2.LINE_AA)
        if not outline.is_closed:
            for x, y in points[0].tolist():
                cv2.circle(canvas, (x, y), 2 * width, DARK, cv2.FILLED, cv2.LINE_AA)
                cv2.circle(canvas, (x, y), 2 * width - 1, outline.colour, cv2.FILLED, cv2.LINE_AA)
    for outline in (each for each in outlines if each.text):
        label = render_label(outline.text, text, outline.colour)
        x, y = (outline.points.mean(axis=0) - [label.shape[1] / 2, label.shape[0] / 2]).astype(int).tolist()
        paste(canvas, label, x, y)
