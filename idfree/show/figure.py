"""Vector figure of lines, polygons, circles, text and images, rendered as PNG (by OpenCV) or SVG."""

import base64
import html
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.errors import UserError
from idfree.core.files import atomic_write
from idfree.core.types import Floats, Image
from idfree.show.colours import Colour
from idfree.show.text import MARGIN, render_text

SUBPIXEL = 4  # fractional bits of the points given to OpenCV
CAPITAL = 0.72  # height of a capital in font sizes, of the usual sans-serif fonts
JPEG_QUALITY = 88  # of pictures within SVG
Align = Literal["start", "middle", "end"]
SUFFIXES = (".png", ".svg")


@dataclass
class Figure:
    """A figure, drawn in the order of the calls; coordinates in pixels from the top left, colours (b, g, r).

    marks: what is drawn, each as a function that draws it in place into an image (H, W, 3), and as SVG.
    """

    width: int
    height: int
    background: Colour = (255, 255, 255)
    marks: list["tuple[Callable[[Image], None], str]"] = field(default_factory=list)

    def line(self, points: ArrayLike, colour: Colour, width: float = 1, opacity: float = 1, dash: float = 0) -> None:
        """Add a polyline through points (K, 2). width: px. opacity: 0…1. dash: length of dashes in px, 0 for none."""
        xy = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        style = f' stroke-dasharray="{dash:g}"' if dash else ""
        svg = (
            f'<polyline points="{svg_points(xy)}" fill="none" stroke="{css(colour)}" stroke-width="{width:g}"'
            f' stroke-opacity="{opacity:g}" stroke-linejoin="round"{style}/>'
        )
        parts = cut_dashes(xy, dash) if dash else [xy]

        def draw(canvas: Image) -> None:
            """Draw the line."""
            import cv2

            fixed, thick = [fixed_point(part) for part in parts], max(1, round(width))
            cv2.polylines(canvas, fixed, False, colour, thick, cv2.LINE_AA, SUBPIXEL)

        self.marks.append((blended(draw, xy, opacity, width + 2), svg))

    def area(self, points: ArrayLike, colour: Colour, opacity: float = 1) -> None:
        """Add a filled polygon of corners (K, 2). opacity: 0…1."""
        xy = np.asarray(points, dtype=np.float64).reshape(-1, 2)

        def draw(canvas: Image) -> None:
            """Draw the polygon."""
            import cv2

            cv2.fillPoly(canvas, [fixed_point(xy)], colour, cv2.LINE_AA, SUBPIXEL)

        svg = f'<polygon points="{svg_points(xy)}" fill="{css(colour)}" fill-opacity="{opacity:g}"/>'
        self.marks.append((blended(draw, xy, opacity, 2), svg))

    def bar(self, x: float, y: float, width: float, height: float, colour: Colour, opacity: float = 1) -> None:
        """Add a filled rectangle with its left upper corner at x, y."""
        self.area([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], colour, opacity)

    def dot(self, point: ArrayLike, radius: float, colour: Colour, edge: Colour | None = None) -> None:
        """Add a filled circle at `point` (x, y), with an edge in another colour if given. radius: px."""
        x, y = np.asarray(point, dtype=np.float64).tolist()

        def draw(canvas: Image) -> None:
            """Draw the circle, with its edge below it."""
            import cv2

            centre = (round(x * 2**SUBPIXEL), round(y * 2**SUBPIXEL))
            for size, fill in (((radius + 1.5), edge), (radius, colour)):
                if fill is not None:
                    cv2.circle(canvas, centre, round(size * 2**SUBPIXEL), fill, -1, cv2.LINE_AA, SUBPIXEL)

        stroke = f' stroke="{css(edge)}" stroke-width="1.5"' if edge is not None else ""
        self.marks.append((draw, f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{css(colour)}"{stroke}/>'))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 14,
        colour: Colour = (40, 40, 40),
        align: Align = "start",
        halo: Colour | None = None,
    ) -> None:
        """Add text whose base line starts, has its middle, or ends at x, y. size: of the font, px. halo: around it."""

        def draw(canvas: Image) -> None:
            """Draw the text, with its halo below it."""
            capital = max(6, round(size * CAPITAL))
            coverage = np.asarray(render_text(text, capital) / 255, dtype=np.float32)
            margin = round(MARGIN * capital)
            left = x - {"start": margin, "middle": coverage.shape[1] / 2, "end": coverage.shape[1] - margin}[align]
            top = y - coverage.shape[0] + margin
            if halo is not None:
                import cv2

                edge = np.asarray(cv2.dilate(coverage, np.ones((3, 3), dtype=np.uint8)), dtype=np.float32)
                paint(canvas, edge, round(left), round(top), halo)
            paint(canvas, coverage, round(left), round(top), colour)

        around = "" if halo is None else f' stroke="{css(halo)}" stroke-width="3" paint-order="stroke"'
        place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{css(colour)}" text-anchor="{align}"{around}'
        self.marks.append((draw, f"<text {place}>{html.escape(text)}</text>"))

    def image(self, x: int, y: int, image: Image) -> None:
        """Add an image (h, w, 3) with its left upper corner at x, y."""
        import cv2

        height, width = image.shape[:2]
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
        link = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"

        def draw(canvas: Image) -> None:
            """Copy the image."""
            canvas[y : y + height, x : x + width] = image[: canvas.shape[0] - y, : canvas.shape[1] - x]

        self.marks.append((draw, f'<image x="{x}" y="{y}" width="{width}" height="{height}" href="{link}"/>'))

    def render(self) -> Image:
        """Render the figure as an image (H, W, 3), BGR."""
        canvas = np.full((self.height, self.width, 3), self.background, dtype=np.uint8)
        for draw, _ in self.marks:
            draw(canvas)
        return canvas

    def to_svg(self) -> str:
        """The figure as the text of an SVG file."""
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif">'
        ground = f'<rect width="100%" height="100%" fill="{css(self.background)}"/>'
        return "\n".join([head, ground, *(svg for _, svg in self.marks), "</svg>", ""])

    def save(self, path: Path) -> None:
        """Write the figure to a .png or .svg. Raises UserError for another suffix, or if it cannot be written."""
        import cv2

        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise UserError(f"{path}: pictures are written as {' or '.join(SUFFIXES)}")
        content = self.to_svg().encode() if suffix == ".svg" else cv2.imencode(".png", self.render())[1].tobytes()
        with atomic_write(path) as partial:
            partial.write_bytes(content)


def css(colour: Colour) -> str:
    """A colour as CSS: #rrggbb."""
    blue, green, red = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


def svg_points(points: Floats) -> str:
    """Points (K, 2) as the text of an SVG attribute."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points.tolist())


def fixed_point(points: Floats) -> NDArray[np.int32]:
    """Points (K, 2) in pixels as integers with SUBPIXEL fractional bits, as OpenCV takes them."""
    return np.rint(points * 2**SUBPIXEL).astype(np.int32)


def cut_dashes(points: Floats, dash: float, space: float | None = None) -> list[Floats]:
    """Dashes of a polyline through points (K, 2): parts (k, 2) of length `dash` px, `space` px apart (None: as far)."""
    at = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    begins = np.arange(0, at[-1], dash + (dash if space is None else space))
    ends = np.minimum(begins + dash, at[-1])
    parts = []
    for begin, end in zip(begins, ends, strict=True):
        inner = at[(at > begin) & (at < end)]
        places = np.concatenate([[begin], inner, [end]])
        parts.append(np.stack([np.interp(places, at, axis) for axis in points.T], axis=1))
    return parts


def blended(draw: Callable[[Image], None], points: Floats, opacity: float, margin: float) -> Callable[[Image], None]:
    """`draw` with an opacity: blended with what is below, within `margin` px around points (K, 2)."""
    if opacity >= 1 or not len(points):
        return draw

    def mix(canvas: Image) -> None:
        """Draw, and blend with what was there."""
        import cv2

        height, width = canvas.shape[:2]
        low, high = np.floor(points.min(axis=0) - margin), np.ceil(points.max(axis=0) + margin)
        (x1, y1), (x2, y2) = np.clip([low, high], 0, [width, height]).astype(int).tolist()
        if x1 < x2 and y1 < y2:
            below = canvas[y1:y2, x1:x2].copy()
            draw(canvas)
            region = canvas[y1:y2, x1:x2]
            cv2.addWeighted(region, opacity, below, 1 - opacity, 0, dst=region)

    return mix


def paint(canvas: Image, coverage: NDArray[np.float32], x: int, y: int, colour: Colour) -> None:
    """Paint a colour by its coverage (h, w), 0…1, with the left upper corner at x, y; in place, clipped."""
    height, width = canvas.shape[:2]
    x1, y1 = max(0, x), max(0, y)
    x2, y2 = min(width, x + coverage.shape[1]), min(height, y + coverage.shape[0])
    if x1 < x2 and y1 < y2:
        part = coverage[y1 - y : y2 - y, x1 - x : x2 - x, None]
        region = canvas[y1:y2, x1:x2]
        region[:] = np.rint(part * np.array(colour, dtype=np.float32) + (1 - part) * region)
