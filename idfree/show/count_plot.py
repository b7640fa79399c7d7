"""Plot of counts: lines and zones in the scene, crossings and people over time."""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Floats, Image, Integers
from idfree.show.axes import INK, Axes
from idfree.show.colours import Colour, palette
from idfree.show.figure import Figure
from idfree.show.outlines import Outline, separated_tops
from idfree.show.plots import BLACK, WHITE, fade, resize_to_width

PANEL = 210  # px, height of a panel below the image
PANEL_SPACE = 110  # px, for the title and ticks of a panel
MARGIN = 70  # px, left of the panels
LABEL = 28  # px, height of the label of a line or zone
LETTER = 7.2  # px, approximate width of a letter of the legend
FIRST_COLOUR = 2  # in the palette of ids: orange, green, …


@dataclass(frozen=True)
class Curve:
    """A step curve: times (K,) in seconds at which a quantity changes, and its values (K,) from then on."""

    label: str
    seconds: Floats
    values: Integers
    colour: Colour
    is_dashed: bool = False


def draw_counts(
    image: Image, outlines: list[Outline], crossings: list[Curve], people: list[Curve], end: float
) -> Figure:
    """Plot the scene, cumulative crossings, and people in zones; panels without curves are left out. end: seconds."""
    picture, scale = resize_to_width(image)
    panels = [
        (title, curves) for title, curves in (("crossings so far", crossings), ("people in zones", people)) if curves
    ]
    figure = Figure(picture.shape[1], picture.shape[0] + len(panels) * (PANEL + PANEL_SPACE) + 10)
    figure.image(0, 0, fade(picture))
    for outline in outlines:
        draw_outline(figure, outline, outline.points * scale)
    draw_labels(figure, outlines, scale)
    top = float(picture.shape[0] + 56)
    for title, curves in panels:
        highest = max(float(curve.values.max(initial=0)) for curve in curves)
        axes = Axes(figure, MARGIN, top, figure.width - MARGIN - 30, PANEL, max(end, 1e-9), max(1.0, 1.1 * highest))
        axes.frame(title, "seconds", counts=True)
        draw_legend(figure, curves, figure.width - 30, top - 12)
        for curve in curves:
            axes.steps(curve.seconds, curve.values, curve.colour, curves is people, 6 if curve.is_dashed else 0)
        top += PANEL + PANEL_SPACE
    return figure


def draw_outline(figure: Figure, outline: Outline, points: Floats) -> None:
    """Draw a line or zone at points (K, 2)."""
    ring = np.concatenate([points, points[:1]]) if outline.is_closed else points
    if outline.is_closed:
        figure.area(points, outline.colour, 0.25)
    figure.line(ring, BLACK, 6, 0.6)
    figure.line(ring, outline.colour, 3)
    for point in points:
        figure.dot(point, 5, outline.colour, BLACK)


def draw_labels(figure: Figure, outlines: list[Outline], scale: float) -> None:
    """Draw the texts of lines and zones at the means of their points, one below the other where they would overlap."""
    boxes = []
    for outline in outlines:
        x, y = (outline.points * scale).mean(axis=0).tolist()
        half = 5.2 * len(outline.text) + 8  # of letters 18 px high
        boxes.append((x - half, x + half, y - 14 if outline.is_closed else y - 36))
    for outline, (left, right, _), top in zip(outlines, boxes, separated_tops(boxes, LABEL + 2), strict=True):
        figure.bar(left, top, right - left, LABEL, BLACK, 0.6)
        figure.text((left + right) / 2, top + 20, outline.text, 18, WHITE, "middle")


def draw_legend(figure: Figure, curves: list[Curve], right: float, y: float) -> None:
    """Draw the labels of the curves in a row, right-aligned."""
    for curve in reversed(curves):
        figure.text(right, y, curve.label, 13, INK, "end")
        right -= LETTER * len(curve.label) + 8
        dash = 6 if curve.is_dashed else 0
        figure.line([[right - 26, y - 5], [right, y - 5]], curve.colour, 3, dash=dash)
        right -= 26 + 22


def shape_colours(count: int) -> list[Colour]:
    """Distinct colours for `count` lines and zones."""
    return palette(np.arange(FIRST_COLOUR, FIRST_COLOUR + count))
