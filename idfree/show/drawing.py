"""Draw tracks on an image: boxes, id labels and fading trails. Sizes scale with the image, colours depend on the id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import Floats, Integers, area, clip
from idfree.core.types import Image, Tracks
from idfree.show.colours import Colour, palette
from idfree.show.figure import SUBPIXEL, fixed_point
from idfree.show.labels import Box, LabelPlaces
from idfree.show.outlines import Outline, draw_outlines, draw_zones
from idfree.show.text import draw_heading, paste, render_label
from idfree.show.trails import Trails, anchor_points, split_trail

DASH = 4  # line widths, length of a dash and of the space after it
CROSS = 6  # line widths, size of a marker
MAX_COLOURS = 4096  # that are kept
TRAIL_DASH, TRAIL_SPACE = 3, 6  # line widths; the round ends of a dash cover one of the space, each
TRAIL_BANDS = 8  # opacity steps of a trail
LONG_SIDE = 0.4  # of an image wider or higher than 2.5 : 1, whose lines are as wide as if this were its shorter side
USUAL_ASPECT = 16 / 9  # longer images have texts as if they were of this aspect and of the same area


@dataclass(frozen=True)
class DrawingSettings:
    """What is drawn, and sizes as fractions of the image's shorter side (larger in long images, see `sizes`)."""

    line: float = 1 / 320
    text: float = 1 / 64  # height of a capital
    smallest_text: int = 8  # px; smaller digits are illegible
    labels: bool = True
    trail: int = 30  # length of a trail in frames; 0: no trails
    trail_at: Literal["foot", "centre"] = "foot"


class Drawing:
    """Annotator of the frames of one sequence, in order; keeps the trails of the last `settings.trail` frames.

    class_names: by class id; if there is more than one, labels read "3 car" instead of "3".
    """

    def __init__(
        self,
        settings: DrawingSettings = DrawingSettings(),
        class_names: Mapping[int, str] = MappingProxyType({}),
    ):
        self.settings = settings
        self.class_names = class_names
        self.reset()

    def reset(self) -> None:
        """Clear the trails and the places of labels, before another sequence."""
        self.trails = Trails(self.settings.trail)
        self.label_places = LabelPlaces()
        self.known_colours: dict[int, Colour] = {}

    def draw(
        self,
        image: Image,
        tracks: Tracks,
        frame_number: int | None = None,
        caption: str = "",
        camera: Floats | None = None,
        points: Floats | None = None,
        outlines: Sequence[Outline] = (),
        in_place: bool = False,
    ) -> Image:
        """Return a copy of `image` (H, W, 3), or with in_place itself, with the tracks drawn.

        Those with the lowest bottom edge are on top; tracks outside the image are not drawn. Trails require frames in
        order. camera: affine map (2, 3) from pixels of the previous frame to those of this one, by which trails move
        with the scene; None for no motion. points: (K, 2) or more columns, x and y of markers, such as
        occlusion centres. outlines: lines and zones.
        """
        canvas = image if in_place else np.array(image, order="C")
        line, text = self.sizes(canvas)
        draw_zones(canvas, outlines)
        self.draw_trails(canvas, tracks, max(line, 2), camera)
        self.draw_tracks(canvas, tracks, line, text)
        draw_points(canvas, np.zeros((0, 2)) if points is None else points, line)
        draw_outlines(canvas, outlines, line, text)
        heading = "   ".join(filter(None, ["" if frame_number is None else f"frame {frame_number}", caption]))
        if heading:
            draw_heading(canvas, heading, text)
        return canvas

    def draw_tracks(self, canvas: Image, tracks: Tracks, line: int, text: int) -> None:
        """Draw boxes and labels. line, text: line width and text height in pixels."""
        nearest_last = np.argsort(tracks.xyxy[:, 3], kind="stable")
        shown = tracks[nearest_last]
        shown = shown[area(clip(shown.xyxy, canvas.shape[:2])) > 0]
        corners, colours = to_pixel_corners(shown.xyxy, canvas, margin=2 * line), self.colours(shown.id.tolist())
        draw_boxes(canvas, corners, colours, line, is_dashed=shown.score == 0)  # 0: filled in by `refine`
        if self.settings.labels:
            names = map(self.name, shown.id.tolist(), shown.class_id.tolist())
            labels = [render_label(name, text, colour) for name, colour in zip(names, colours, strict=True)]
            self.draw_labels(canvas, shown.id.tolist(), corners, labels, line)

    def draw_labels(self, canvas: Image, ids: list[int], corners: list[Box], labels: list[Image], line: int) -> None:
        """Draw the label of each box, inside the image; the last ones, which are nearest, have the first choice."""
        half = line // 2
        outer = [(x1 - half, y1 - half, x2 + half + 1, y2 + half + 1) for x1, y1, x2, y2 in corners]
        sizes = [(label.shape[0], label.shape[1]) for label in labels]
        places = self.label_places.place(ids[::-1], outer[::-1], sizes[::-1], (canvas.shape[0], canvas.shape[1]))
        for (x, y), label in zip(places[::-1], labels, strict=True):
            paste(canvas, label, x, y)

    def colour(self, id: int) -> Colour:
        """(b, g, r) of a track id: fixed per id, distinct from the neighbouring ids."""
        return self.colours([id])[0]

    def colours(self, ids: list[int]) -> list[Colour]:
        """`colour` of several ids; about the last MAX_COLOURS are cached."""
        if unknown := [id for id in ids if id not in self.known_colours]:
            if len(self.known_colours) > MAX_COLOURS:
                self.known_colours = {}
                unknown = ids
            self.known_colours.update(zip(unknown, palette(np.array(unknown)), strict=True))
        return [self.known_colours[id] for id in ids]

    def name(self, id: int, class_id: int) -> str:
        """Label text of a track: its id, and its class if there are several."""
        return f"{id} {self.class_names.get(class_id, class_id)}" if len(self.class_names) > 1 else str(id)

    def sizes(self, image: Image) -> tuple[int, int]:
        """Line width and text height in pixels: long images are seen small, but texts must fit into their height."""
        short, long = sorted(image.shape[:2])
        line = self.settings.line * max(short, LONG_SIDE * long)
        text = self.settings.text * max(short, (short * long / USUAL_ASPECT) ** 0.5)
        return max(1, round(line)), max(self.settings.smallest_text, round(text))

    def draw_trails(self, canvas: Image, tracks: Tracks, width: int, camera: Floats | None = None) -> None:
        """Append the current positions to the trails, and draw those of the current tracks."""
        if self.settings.trail < 1:
            return
        self.trails.add(tracks.id, anchor_points(tracks, self.settings.trail_at == "foot"), camera)
        trails = [trail for trail in self.trails.smooth() if len(trail[1]) > 1]
        colours = self.colours([id for id, _, _ in trails])
        for (_, points, age), colour in zip(trails, colours, strict=True):
            draw_trail(canvas, points, age, self.settings.trail, colour, width)


def to_pixel_corners(xyxy: Floats, image: Image, margin: int) -> list[Box]:
    """Boxes as inclusive integer corners, clipped `margin` px outside the image: clipped edges are not drawn."""
    height, width = image.shape[:2]
    last = np.array([width, height, width, height]) - 1 + margin
    corners = np.clip(np.rint(xyxy - [0, 0, 1, 1]), -margin, last)
    return [(x1, y1, x2, y2) for x1, y1, x2, y2 in corners.astype(int).tolist()]


def draw_boxes(
    canvas: Image,
    corners: list[Box],
    colours: list[Colour],
    line: int,
    is_dashed: NDArray[np.bool_],
) -> None:
    """Draw box outlines on `canvas`, in place; those of the mask is_dashed (N,) with dashes of DASH line widths."""
    import cv2

    for (x1, y1, x2, y2), colour, dashed in zip(corners, colours, is_dashed.tolist(), strict=True):
        if not dashed:
            cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, line)
            continue
        step = 2 * DASH * line
        for x in range(x1, x2, step):
            for y in (y1, y2):
                cv2.line(canvas, (x, y), (min(x + step // 2, x2), y), colour, line)
        for y in range(y1, y2, step):
            for x in (x1, x2):
                cv2.line(canvas, (x, y), (x, min(y + step // 2, y2)), colour, line)


def draw_points(canvas: Image, points: Floats, line: int) -> None:
    """Draw markers at points (K, 2 or more columns), in place: white crosses on black ones."""
    import cv2

    for x, y in np.rint(points[:, :2]).astype(int).tolist():
        for grey, width in ((0, 3 * line), (255, line)):
            cv2.drawMarker(canvas, (x, y), (grey, grey, grey), cv2.MARKER_TILTED_CROSS, CROSS * line, width)


def draw_trail(canvas: Image, points: Floats, age: Integers, length: int, colour: Colour, width: int) -> None:
    """Blend a trail of positions (K, 2), oldest first, into `canvas`, in place; fading, dashed across gaps.

    age: (K,), frames ago; length: the age at which it is transparent. width: of the line, px.
    """
    import cv2

    height, image_width = canvas.shape[:2]
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    x1, x2 = max(0, int(left) - 2 * width), min(image_width, int(right) + 2 * width)
    y1, y2 = max(0, int(top) - 2 * width), min(height, int(bottom) + 2 * width)
    if x1 >= x2 or y1 >= y2:
        return
    mask = np.zeros((y2 - y1, x2 - x1), dtype=np.uint8)
    for part, part_age in split_trail(points - [x1, y1], age, TRAIL_DASH * width, TRAIL_SPACE * width):
        draw_fading(mask, part, 1 - part_age / length, width)
    region, coverage = canvas[y1:y2, x1:x2], mask.astype(np.float32) / 255
    colour_image = cv2.rectangle(np.empty_like(region), (0, 0), (x2 - x1, y2 - y1), colour, cv2.FILLED)
    cv2.blendLinear(colour_image, region, coverage, 1 - coverage, dst=region)


def draw_fading(mask: Image, points: Floats, opacity: Floats, width: int) -> None:
    """Draw a polyline through points (K, 2) into a mask (H, W), in place. opacity: (K,), 0…1, in TRAIL_BANDS steps."""
    import cv2

    step, fixed = np.ceil(TRAIL_BANDS * opacity).astype(int), fixed_point(points)
    edges = [0, *np.flatnonzero(np.diff(step[1:])) + 1, len(step) - 1]
    for first, last in pairwise(edges):
        value = round(255 * int(step[first + 1]) / TRAIL_BANDS)
        cv2.polylines(mask, [fixed[first : last + 1]], False, value, width, cv2.LINE_AA, SUBPIXEL)
