"""Tracks drawn on a picture: boxes, ids, fading trails; sizes follow the picture, colours follow the id."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import ceil
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfree.core.boxes import Floats, Integers, area, clip
from idfree.core.errors import UserError
from idfree.core.types import Image, Tracks

Colour = tuple[int, int, int]  # b, g, r

GOLDEN = (5**0.5 - 1) / 2  # of a turn: successive hues never come close (Vogel 1979, the sunflower)
LIGHTNESS = np.array([0.60, 0.72, 0.84])  # in turn: any 20 successive ids keep 0.09 apart in OKLab, neighbours 0.24
CHROMA = 0.15  # about as vivid as sRGB can be at every hue of these lightnesses
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
EVEN_LUMINANCE = 0.179  # black and white text contrast alike on it: (1.05)/(L + 0.05) = (L + 0.05)/0.05 (WCAG 2.1)
FINER = 4  # text is drawn this many times larger, then averaged down: crisper than OpenCV's own anti-aliasing
SUBPIXEL = 4  # fractional bits of the points given to OpenCV
BANDS = 8  # steps in which a trail fades


@dataclass(frozen=True)
class DrawingSettings:
    """What is drawn, and how large as a share of the picture's shorter side."""

    line: float = 1 / 320
    text: float = 1 / 64  # height of a capital
    smallest_text: int = 8  # px: below it digits run together
    labels: bool = True
    trail: int = 30  # frames after which a trail has faded and is forgotten; 0: no trails
    trail_at: Literal["foot", "centre"] = "foot"


class Drawing:
    """Draws one sequence, frame after frame; remembers only the trails of its last `settings.trail` frames.

    class_names: by class id; where there is more than one, labels read "3 car" instead of "3".
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
        """Forget the trails: the next frame begins another sequence."""
        self.past: deque[tuple[Integers, Floats]] = deque(maxlen=self.settings.trail + 1)

    def draw(self, image: Image, tracks: Tracks, frame_number: int | None = None, caption: str = "") -> Image:
        """A copy of `image` (H, W, 3) with the tracks on it, the nearest to the viewer (lowest foot) on top.

        Tracks outside the image are not drawn; frames must come in order, for the trails' sake.
        """
        canvas = np.array(image, order="C")
        line, text = self.sizes(canvas)
        self.draw_trails(canvas, tracks, max(line, 2))
        nearest_last = np.argsort(tracks.xyxy[:, 3], kind="stable")
        shown = tracks[nearest_last]
        shown = shown[area(clip(shown.xyxy, canvas.shape[:2])) > 0]
        corners, colours = whole_pixels(shown.xyxy, canvas, margin=2 * line), palette(shown.id)
        draw_boxes(canvas, corners, colours, line)
        if self.settings.labels:
            names = map(self.name, shown.id.tolist(), shown.class_id.tolist())
            plates = [label(name, text, colour) for name, colour in zip(names, colours, strict=True)]
            draw_labels(canvas, corners, plates, line)
        heading = "   ".join(
            part for part in (f"frame {frame_number}" if frame_number is not None else "", caption) if part
        )
        if heading:
            draw_heading(canvas, heading, text)
        return canvas

    def colour(self, id: int) -> Colour:
        """(b, g, r) of a track: the same for an id always, and unlike that of its neighbours."""
        return palette(np.array([id]))[0]

    def name(self, id: int, class_id: int) -> str:
        """What a track's label says."""
        return f"{id} {self.class_names.get(class_id, class_id)}" if len(self.class_names) > 1 else str(id)

    def sizes(self, image: Image) -> tuple[int, int]:
        """Line width and height of a capital in pixels."""
        side = min(image.shape[:2])
        return max(1, round(side * self.settings.line)), max(
            self.settings.smallest_text, round(side * self.settings.text)
        )

    def draw_trails(self, canvas: Image, tracks: Tracks, width: int) -> None:
        """Remember where the tracks are now, and draw where they and others have been lately."""
        left, top, right, bottom = tracks.xyxy.T
        y = bottom if self.settings.trail_at == "foot" else (top + bottom) / 2
        self.past.append((tracks.id, np.stack([(left + right) / 2, y], axis=1)))
        if self.settings.trail < 1:
            return
        age = np.repeat(np.arange(len(self.past))[::-1], [len(ids) for ids, _ in self.past])
        ids = np.concatenate([ids for ids, _ in self.past])
        order = np.lexsort((-age, ids))
        ids, points = ids[order], np.concatenate([points for _, points in self.past])[order]
        step = np.ceil(BANDS * (1 - age[order] / self.settings.trail)).astype(int)
        first = np.flatnonzero(np.diff(ids, prepend=-1))
        long = np.diff(first, append=len(ids)) > 1
        colours = palette(ids[first])
        for trail in np.flatnonzero(long).tolist():
            rows = slice(first[trail], first[trail + 1] if trail + 1 < len(first) else None)
            draw_trail(canvas, points[rows], step[rows], colours[trail], width)


def palette(ids: ArrayLike) -> list[Colour]:
    """A (b, g, r) for each id: hues a golden turn apart, lightness in three steps, evenly spaced to the eye (OKLab)."""
    ids = np.asarray(ids, dtype=np.int64)
    hue = 2 * np.pi * (ids * GOLDEN % 1)
    oklab = np.stack([LIGHTNESS[ids % len(LIGHTNESS)], CHROMA * np.cos(hue), CHROMA * np.sin(hue)], axis=-1)
    linear = np.clip((oklab @ OKLAB_TO_LMS.T) ** 3 @ LMS_TO_LINEAR_RGB.T, 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
    return [(b, g, r) for r, g, b in np.rint(255 * srgb).astype(int).tolist()]


def ink(colour: Colour) -> int:
    """0 or 255: the grey in which text on `colour` reads best."""
    srgb = np.array(colour) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return 0 if linear @ LUMINANCE_BGR > EVEN_LUMINANCE else 255


@lru_cache(maxsize=1024)
def lettering(text: str, height: int) -> NDArray[np.uint8]:
    """(h, w) coverage of `text`, capitals `height` px tall, with a margin around. Only ASCII can be lettered."""
    import cv2

    text = text.encode("ascii", "replace").decode()
    font, stroke = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(FINER * height / 6.5))
    scale = cv2.getFontScaleFromHeight(font, FINER * height - stroke, 0)
    (width, _), _ = cv2.getTextSize(text, font, scale, stroke)
    margin = FINER * ceil(0.45 * height)
    fine_height = FINER * height + 2 * margin
    fine = np.zeros((fine_height, FINER * ceil(width / FINER) + 2 * margin), dtype=np.uint8)
    baseline = fine_height - margin - stroke // 2
    cv2.putText(fine, text, (margin, baseline), font, scale, 255, stroke, cv2.LINE_AA)
    return np.asarray(cv2.resize(fine, None, fx=1 / FINER, fy=1 / FINER, interpolation=cv2.INTER_AREA))


@lru_cache(maxsize=1024)
def label(text: str, height: int, colour: Colour) -> Image:
    """(h, w, 3) plate of `colour` with `text` on it in black or white."""
    share = lettering(text, height)[..., None] / 255
    return np.asarray(np.rint(share * ink(colour) + (1 - share) * np.array(colour)), dtype=np.uint8)


def whole_pixels(xyxy: Floats, image: Image, margin: int) -> list[tuple[int, int, int, int]]:
    """Boxes as the whole pixels that they cover, cut a `margin` outside the image so that far edges are not seen."""
    height, width = image.shape[:2]
    last = np.array([width, height, width, height]) - 1 + margin
    corners = np.clip(np.rint(xyxy - [0, 0, 1, 1]), -margin, last)
    return [(x1, y1, x2, y2) for x1, y1, x2, y2 in corners.astype(int).tolist()]


def draw_boxes(canvas: Image, corners: list[tuple[int, int, int, int]], colours: list[Colour], line: int) -> None:
    """Outlines, drawn into `canvas`; upright edges on whole pixels need no anti-aliasing."""
    import cv2

    for (x1, y1, x2, y2), colour in zip(corners, colours, strict=True):
        cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, line)


def draw_labels(canvas: Image, corners: list[tuple[int, int, int, int]], plates: list[Image], line: int) -> None:
    """Set each plate on its box's upper edge, or below that edge at the top of the image; always inside the image."""
    for (x, y, _, _), plate in zip(corners, plates, strict=True):
        x, y = x - line // 2, y - line // 2
        above = y - len(plate)
        paste(canvas, plate, x, above if above >= 0 else y)


def paste(canvas: Image, plate: Image, x: int, y: int) -> None:
    """Copy `plate` into `canvas` at left x, top y, shifted inside and cut if it is larger than the canvas."""
    height, width = canvas.shape[:2]
    x, y = max(0, min(x, width - plate.shape[1])), max(0, min(y, height - plate.shape[0]))
    room = canvas[y : y + plate.shape[0], x : x + plate.shape[1]]
    room[:] = plate[: room.shape[0], : room.shape[1]]


def draw_heading(canvas: Image, text: str, height: int) -> None:
    """White text on a darkened strip in the upper left corner."""
    share = lettering(text, height)[: len(canvas), : canvas.shape[1], None] / 255
    room = canvas[: share.shape[0], : share.shape[1]]
    room[:] = np.rint(255 * share + 0.4 * room * (1 - share))


def draw_trail(canvas: Image, points: Floats, step: Integers, colour: Colour, width: int) -> None:
    """A line through `points` (K, 2), oldest first, blended into `canvas`; `step` (K,) 0…BANDS is how strongly."""
    import cv2

    height, wide = canvas.shape[:2]
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    x1, x2 = max(0, int(left) - 2 * width), min(wide, int(right) + 2 * width)
    y1, y2 = max(0, int(top) - 2 * width), min(height, int(bottom) + 2 * width)
    if x1 >= x2 or y1 >= y2:
        return
    mask = np.zeros((y2 - y1, x2 - x1), dtype=np.uint8)
    fixed = np.rint((points - [x1, y1]) * 2**SUBPIXEL).astype(np.int32)
    edges = [0, *np.flatnonzero(np.diff(step[1:])) + 1, len(step) - 1]
    for first, last in pairwise(edges):
        value = round(255 * int(step[first + 1]) / BANDS)
        cv2.polylines(mask, [fixed[first : last + 1]], False, value, width, cv2.LINE_AA, SUBPIXEL)
    room, share = canvas[y1:y2, x1:x2], mask.astype(np.float32) / 255
    paint = cv2.rectangle(np.empty_like(room), (0, 0), (x2 - x1, y2 - y1), colour, cv2.FILLED)
    cv2.blendLinear(paint, room, share, 1 - share, dst=room)


def mosaic(images: Sequence[Image], columns: int, gap: int = 4) -> Image:
    """Images side by side, row by row, each in the size of the first, on white. Raises UserError if there are none."""
    import cv2

    if not images or columns < 1:
        raise UserError(f"mosaic: {len(images)} images in {columns} columns, expected at least one of each")
    height, width = images[0].shape[:2]
    columns = min(columns, len(images))
    rows = ceil(len(images) / columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, dtype=np.uint8)
    for place, image in enumerate(images):
        y, x = place // columns * (height + gap), place % columns * (width + gap)
        sheet[y : y + height, x : x + width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return sheet
