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
    draw_texts(canvas, [outline for outline in outlines if outline.text], text)


def draw_texts(canvas: Image, outlines: Sequence[Outline], height: int) -> None:
    """Draw the texts of outlines about the means of their points, one below the other where they would overlap."""
    labels = [render_label(outline.text, height, outline.colour) for outline in outlines]
    boxes = []
    for outline, label in zip(outlines, labels, strict=True):
        x, y = outline.points.mean(axis=0).tolist()
        boxes.append((x - label.shape[1] / 2, x + label.shape[1] / 2, y - label.shape[0] / 2))
    tops = separated_tops(boxes, max((label.shape[0] for label in labels), default=0))
    for label, (left, _, _), top in zip(labels, boxes, tops, strict=True):
        paste(canvas, label, int(left), int(top))


def separated_tops(labels: Sequence[tuple[float, float, float]], height: float) -> list[float]:
    """Tops of labels (left, right, top) of one height, moved down where they would cover an earlier one."""
    placed: list[tuple[float, float, float]] = []
    for left, right, top in labels:
        for other_left, other_right, other in sorted(placed, key=lambda label: label[2]):
            if left < other_right and other_left < right and abs(top - other) < height:
                top = other + height
        placed.append((left, right, top))
    return [top for _, _, top in placed]
