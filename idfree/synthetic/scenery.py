"""The made-up street without its people: what a camera sees, and the things that can hide somebody.

Everything is painted from far to near.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from idfree.core.types import Image
from idfree.synthetic.canvas import FINER, Canvas, PinholeCamera, bgr, shrink

ROAD = (11.0, 17.5)  # depths of its kerbs
KIOSK, LAMPS, VAN, TREES, HOUSES, SKY = 9.2, 10.9, 16.6, 17.8, 21.5, 90.0  # depths

WALLS = ["#d98f73", "#f0ddb8", "#9fb8bf", "#c9d3b5", "#dba9a0", "#b9a5bd", "#e3bb7f"]
ROOFS = ["#9c5a4a", "#7d6a66", "#8a4f45"]
AWNINGS = ["#c2483d", "#2f7f79", "#d99a2b", "#47639c", "#7a4a75"]
CREAM, STUCCO, GLASS, GLEAM, LIT, IRON = "#f8f1e4", "#f6eee0", "#7b9bab", "#9db8c3", "#f5d58c", "#33454a"
ASPHALT, GUTTER, PAVING, JOINT = "#747980", "#63686f", "#d9cdbc", "#c7baa8"


@dataclass(frozen=True)
class SceneObject:
    """Something that hides people behind it: its depth, the part of the picture it takes, its patch and its mask."""

    depth: float
    rows: slice
    columns: slice
    patch: Image
    mask: NDArray[np.uint8]


def scenery(camera: PinholeCamera, rng: Generator) -> tuple[Image, list[SceneObject]]:
    """What does not move: the background (H, W, 3), and the things in it that hide people, far to near."""
    easel = Canvas(camera)
    paint_sky(easel, rng)
    paint_houses(easel, rng)
    paint_ground(easel, rng)
    side = float(rng.choice([-1, 1]))
    reach = side * camera.aperture
    standing: list[tuple[Callable[[Canvas, float, float], None], float, float]] = [
        *((paint_tree, x, TREES) for x in np.arange(-3, 4) * 6.5 + rng.uniform(2.2, 4.2, 7)),
        (paint_van, -0.5 * reach * VAN, VAN),
        (paint_lamp, -0.4 * reach * LAMPS, LAMPS),
        (paint_lamp, 0.94 * reach * LAMPS, LAMPS),
        (paint_kiosk, side * max(0.62 * camera.aperture * KIOSK, 3.5), KIOSK),  # off the way to the zebra crossing
    ]
    things: list[SceneObject] = []
    for paint, x, z in standing:
        easel.mask[:] = 0
        paint(easel, x, z)
        if easel.mask.any():
            things.append(cut_out(easel, z))
    return shrink(easel.canvas), things


def cut_out(easel: Canvas, depth: float) -> SceneObject:
    """What has just been painted, as a thing of its own."""
    import cv2

    x, y, width, height = cv2.boundingRect(easel.mask)
    rows, columns = (slice(start // FINER, (end - 1) // FINER + 1) for start, end in ((y, y + height), (x, x + width)))
    fine = slice(rows.start * FINER, rows.stop * FINER), slice(columns.start * FINER, columns.stop * FINER)
    mask = np.where(shrink(easel.mask[fine]) > 127, np.uint8(255), np.uint8(0))
    return SceneObject(depth, rows, columns, shrink(easel.canvas[fine]), mask)


def paint_sky(easel: Canvas, rng: Generator) -> None:
    """Clear, with clouds, and the distant town."""
    t = np.linspace(0, 2, len(easel.canvas))[:, None, None].clip(0, 1)
    easel.canvas[:] = np.rint((1 - t) * bgr("#8ec5e8") + t * bgr("#fdf0da"))
    reach = easel.camera.aperture * SKY
    for x in np.arange(-reach, reach, 26) + rng.uniform(-5, 5):
        y = rng.uniform(22, 25)
        for dx, dy, radius in ((-5, 0, 1.6), (-2.5, 0.8, 2.4), (0.5, 1.2, 2.8), (3.5, 0.4, 2), (5.5, -0.2, 1.3)):
            easel.disc(x + dx, y + dy, SKY, radius, "#f4f8fa")
    for x in np.arange(-reach, reach, 7):
        easel.wall(x, 0, rng.uniform(5, 9), rng.uniform(11, 20), SKY, str(rng.choice(["#c3d3dd", "#b7cad8"])))


def paint_houses(easel: Canvas, rng: Generator) -> None:
    """A row from side to side, no two neighbours of one colour."""
    reach, wall = easel.camera.aperture * HOUSES + 1, ""
    x = -reach - rng.uniform(0, 3)
    while x < reach:
        width = rng.uniform(4.6, 6.4)
        wall = str(rng.choice([other for other in WALLS if other != wall]))
        paint_house(easel, rng, x, width, wall)
        paint_shop(easel, x, width, str(rng.choice(AWNINGS)))
        x += width


def paint_house(easel: Canvas, rng: Generator, x: float, width: float, wall: str) -> None:
    """Two rows of windows, and a gable or a flat roof; left edge at x."""
    z, eaves = HOUSES, rng.uniform(7.0, 7.8)
    if rng.random() < 0.7:
        easel.wall(x + 0.7 * width, eaves, 0.5, 1.9, z, "#8d5d50")
        gable = [x - 0.15, x + width + 0.15, x + width / 2]
        easel.shape(gable, [eaves, eaves, eaves + 1.7], z, str(rng.choice(ROOFS)))
    easel.wall(x, 0, width, eaves, z, wall)
    easel.wall(x - 0.06, eaves - 0.22, width + 0.12, 0.3, z, STUCCO)
    easel.wall(x, 3.05, width, 0.14, z, STUCCO)
    columns = 3 if width > 5.4 else 2
    for y in (3.55, 5.35):
        for left in x + (np.arange(columns) + 0.5) * width / columns - 0.45:
            easel.wall(left - 0.1, y - 0.1, 1.1, 1.6, z, CREAM)
            easel.wall(left, y, 0.9, 1.4, z, GLASS if rng.random() < 0.8 else LIT)
            easel.shape(left + np.array([0, 0.45, 0.9, 0.5]), [y, y, y + 1.4, y + 1.4], z, GLEAM)
            easel.wall(left + 0.42, y, 0.06, 1.4, z, CREAM)
            easel.wall(left - 0.15, y - 0.2, 1.2, 0.12, z, "#e7dccb")


def paint_shop(easel: Canvas, x: float, width: float, accent: str) -> None:
    """The ground floor: a window, a door, a striped awning."""
    z = HOUSES
    easel.wall(x + 0.25, 0, width - 0.5, 2.6, z, "#54433c")
    easel.wall(x + 0.4, 0.45, width - 1.9, 1.9, z, "#8fb3b8")
    easel.shape(x + np.array([0.5, 1.3, 2.1, 1.5]), [0.45, 0.45, 2.35, 2.35], z, "#b4ced0")
    easel.wall(x + width - 1.3, 0.05, 0.9, 2.2, z, accent)
    easel.wall(x + width - 1.15, 0.9, 0.6, 1.15, z, "#a8c4c6")
    easel.wall(x + 0.25, 2.6, width - 0.5, 0.42, z, accent)
    stripes = np.linspace(x + 0.2, x + width - 0.2, 2 * round(width) + 2)
    for n, (a, b) in enumerate(pairwise(stripes)):
        easel.shape([a, b, b, a], [2.6, 2.6, 2.2, 2.2], [z, z, z - 0.9, z - 0.9], CREAM if n % 2 else accent)


def paint_ground(easel: Canvas, rng: Generator) -> None:
    """Two pavements, a road between them, a zebra crossing in the middle."""
    near, far = ROAD
    easel.lane(far, HOUSES - far, "#d6cbbb")
    for z in np.arange(far + 0.8, HOUSES, 0.9):
        easel.lane(z, 0.04, JOINT)
    easel.lane(HOUSES - 0.35, 0.35, "#bfb2a1")
    easel.lane(near, far - near, GUTTER)
    easel.lane(near + 0.25, far - near - 0.55, ASPHALT)
    for x in np.arange(-60, 60, 3.0):
        easel.floor(x, 1.5, 14.15, 0.13, "#e8e4d8")
    easel.floor(-2.1, 4.2, near + 0.25, far - near - 0.55, ASPHALT)
    for z in np.arange(near + 0.4, far - 0.6, 0.95):
        easel.floor(-1.9, 3.8, z, 0.5, "#f3f0e8")
    easel.lane(4.0, near - 4.0, PAVING)
    reach = easel.camera.aperture * near
    for row, z in enumerate(np.arange(near - 0.75, 4.0, -0.75)):
        easel.lane(z, 0.025, JOINT)
        for x in np.arange(-reach - 1, reach, 1.5) + 0.75 * (row % 2):
            easel.floor(x, 0.03, z, 0.75, JOINT)
    for z in (near - 0.22, far):
        easel.lane(z, 0.22, "#efe7d9")
    top = round(float(easel.camera.project(0, 0, HOUSES)[1]))
    grain = rng.normal(0, 2, (easel.camera.size_hw[0] - top, easel.camera.size_hw[1]))
    ground = easel.canvas[FINER * top :]
    ground[:] = np.clip(ground + grain.repeat(FINER, axis=0).repeat(FINER, axis=1)[..., None], 0, 255)


def paint_tree(easel: Canvas, x: float, z: float) -> None:
    """A trunk and a crown of five discs."""
    easel.floor(x - 0.5, 1.0, z - 0.3, 0.6, "#8b7a63")
    easel.shape(x + np.array([-0.13, 0.13, 0.08, -0.08]), [0, 0, 2.8, 2.8], z, "#76563f")
    leaves = ((-0.75, 3.0, 0.8, "#4f8a4c"), (0.75, 3.0, 0.8, "#4f8a4c"), (0, 3.4, 1.15, "#5b9a54"))
    for dx, y, radius, leaf in (*leaves, (-0.35, 3.9, 0.85, "#6dac5f"), (0.35, 3.75, 0.6, "#7cba69")):
        easel.disc(x + dx, y, z, radius, leaf)


def paint_van(easel: Canvas, x: float, z: float) -> None:
    """A delivery van of 4.4 × 2 m, parked at the far kerb."""
    left = x - 2.2
    easel.shadow(x, z, 2.5, 0.45, "#565b62")
    easel.shape(left + np.array([0, 4.4, 4.4, 3.75, 0]), [0.3, 0.3, 1.0, 2.0, 2.0], z, "#f3f1ec")
    easel.wall(left, 0.75, 4.4, 0.26, z, "#3f7fa8")
    easel.shape(left + np.array([2.9, 4.1, 3.6, 2.9]), [1.1, 1.1, 1.85, 1.85], z, "#5d7885")
    easel.wall(left, 0.3, 4.4, 0.16, z, "#565b62")
    easel.wall(left + 2.75, 0.46, 0.04, 1.5, z, "#cfcdc6")
    easel.wall(left + 4.25, 0.62, 0.15, 0.14, z, LIT)
    for wheel in (left + 0.85, left + 3.5):
        easel.disc(wheel, 0.36, z, 0.36, "#2d3035")
        easel.disc(wheel, 0.36, z, 0.17, "#c3c6c9")


def paint_lamp(easel: Canvas, x: float, z: float) -> None:
    """A street lamp, 5 m high."""
    easel.wall(x - 0.11, 0, 0.22, 0.5, z, IRON)
    easel.wall(x - 0.06, 0, 0.12, 4.3, z, "#3d5257")
    easel.wall(x - 0.22, 4.3, 0.44, 0.08, z, IRON)
    easel.shape(x + np.array([-0.13, 0.13, 0.2, -0.2]), [4.38, 4.38, 4.85, 4.85], z, "#fbe8b0")
    easel.shape(x + np.array([-0.26, 0.26, 0]), [4.85, 4.85, 5.1], z, IRON)


def paint_kiosk(easel: Canvas, x: float, z: float) -> None:
    """A newspaper kiosk of 2.2 × 2.7 m."""
    left = x - 1.1
    easel.shadow(x, z, 1.3, 0.3, "#b3a795")
    easel.wall(left, 0, 2.2, 2.35, z, "#2f6f68")
    easel.wall(left + 0.15, 1.0, 1.9, 0.95, z, "#24413f")
    easel.wall(left + 0.15, 1.0, 1.9, 0.3, z, "#e9d3a5")
    for n, cover in enumerate(("#c2483d", "#f0b53c", CREAM, "#47639c", "#e58a9c", CREAM)):
        easel.wall(left + 0.24 + 0.3 * n, 1.06, 0.22, 0.36, z, cover)
    easel.wall(left - 0.06, 0.9, 2.32, 0.1, z, STUCCO)
    for panel in (0.15, 0.82, 1.49):
        easel.wall(left + panel, 0.18, 0.56, 0.55, z, "#3b857d")
    for n, (a, b) in enumerate(pairwise(np.linspace(-1.3, 1.3, 10))):
        stripe = CREAM if n % 2 else "#d0553f"
        easel.shape(x + np.array([a, b, 0.88 * b, 0.88 * a]), [2.0, 2.0, 2.55, 2.55], z, stripe)
        easel.disc(x + (a + b) / 2, 2.0, z, (b - a) / 2, stripe)
    easel.wall(left + 0.1, 2.55, 2.0, 0.16, z, "#24544f")
