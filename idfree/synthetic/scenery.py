"""The static scene of the street: background, and objects that can occlude people. Drawn from far to near.

Sizes of houses, vehicles and trees are in metres; they and all colours are made up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from idfree.core.types import Image
from idfree.synthetic.canvas import SUPERSAMPLING, Canvas, PinholeCamera, downsample, parse_colour

ROAD = (11.0, 17.5)  # depths of its kerbs, in metres
HOARDING, KIOSK, LAMPS, VAN, TREES, HOUSES, SKY = 9.0, 9.2, 10.9, 16.6, 17.8, 21.5, 90.0  # depths in metres

WALLS = ["#d98f73", "#f0ddb8", "#9fb8bf", "#c9d3b5", "#dba9a0", "#b9a5bd", "#e3bb7f"]
ROOFS = ["#9c5a4a", "#7d6a66", "#8a4f45"]
AWNINGS = ["#c2483d", "#2f7f79", "#d99a2b", "#47639c", "#7a4a75"]
CREAM, STUCCO, GLASS, GLEAM, LIT, IRON = "#f8f1e4", "#f6eee0", "#7b9bab", "#9db8c3", "#f5d58c", "#33454a"
ASPHALT, GUTTER, PAVING, JOINT = "#747980", "#63686f", "#d9cdbc", "#c7baa8"


@dataclass(frozen=True)
class SceneObject:
    """An object of the scene that occludes what is behind it.

    depth: in metres. rows, columns: its bounding box in the image. patch (h, w, 3): its pixels. mask (h, w): 255 or 0.
    """

    depth: float
    rows: slice
    columns: slice
    patch: Image
    mask: NDArray[np.uint8]


def draw_scenery(camera: PinholeCamera, rng: Generator, hoarding: float = 0.0) -> tuple[Image, list[SceneObject]]:
    """Draw the static scene: the background (H, W, 3), and the objects that can occlude people, far to near.

    hoarding: width in metres of one that hides who walks behind it on the near pavement; 0: none.
    """
    canvas = Canvas(camera)
    draw_sky(canvas, rng)
    draw_houses(canvas, rng)
    draw_ground(canvas, rng)
    side = float(rng.choice([-1, 1]))
    edge = side * camera.aperture  # x of one side of the image at a depth of 1 m
    placements: list[tuple[Callable[[Canvas, float, float], None], float, float]] = [
        *((draw_tree, x, TREES) for x in np.arange(-3, 4) * 6.5 + rng.uniform(2.2, 4.2, 7)),
        (draw_van, -0.5 * edge * VAN, VAN),
        (draw_lamp, -0.4 * edge * LAMPS, LAMPS),
        (draw_lamp, 0.94 * edge * LAMPS, LAMPS),
        (draw_kiosk, side * max(0.62 * camera.aperture * KIOSK, 3.5), KIOSK),  # not in front of the zebra crossing
    ]
    if hoarding:
        placements.append((partial(draw_hoarding, width=hoarding), 0.0, HOARDING))
    objects: list[SceneObject] = []
    for draw, x, z in placements:
        canvas.mask[:] = 0
        draw(canvas, x, z)
        if canvas.mask.any():
            objects.append(extract_object(canvas, z))
    return downsample(canvas.pixels), objects


def extract_object(canvas: Canvas, depth: float) -> SceneObject:
    """Cut the shapes in the canvas' mask out as an object."""
    import cv2

    x, y, width, height = cv2.boundingRect(canvas.mask)
    rows, columns = (
        slice(start // SUPERSAMPLING, (end - 1) // SUPERSAMPLING + 1)
        for start, end in ((y, y + height), (x, x + width))
    )
    canvas_region = (
        slice(rows.start * SUPERSAMPLING, rows.stop * SUPERSAMPLING),
        slice(columns.start * SUPERSAMPLING, columns.stop * SUPERSAMPLING),
    )
    mask = np.where(downsample(canvas.mask[canvas_region]) > 127, np.uint8(255), np.uint8(0))
    return SceneObject(depth, rows, columns, downsample(canvas.pixels[canvas_region]), mask)


def draw_sky(canvas: Canvas, rng: Generator) -> None:
    """Draw a clear sky with clouds, and distant buildings."""
    blend = np.linspace(0, 2, len(canvas.pixels))[:, None, None].clip(0, 1)
    canvas.pixels[:] = np.rint((1 - blend) * parse_colour("#8ec5e8") + blend * parse_colour("#fdf0da"))
    half_width = canvas.camera.aperture * SKY
    for x in np.arange(-half_width, half_width, 26) + rng.uniform(-5, 5):
        y = rng.uniform(22, 25)
        for dx, dy, radius in ((-5, 0, 1.6), (-2.5, 0.8, 2.4), (0.5, 1.2, 2.8), (3.5, 0.4, 2), (5.5, -0.2, 1.3)):
            canvas.draw_disc(x + dx, y + dy, SKY, radius, "#f4f8fa")
    for x in np.arange(-half_width, half_width, 7):
        canvas.draw_wall(x, 0, rng.uniform(5, 9), rng.uniform(11, 20), SKY, str(rng.choice(["#c3d3dd", "#b7cad8"])))


def draw_houses(canvas: Canvas, rng: Generator) -> None:
    """Draw a row of houses over the whole width; neighbours differ in colour."""
    half_width, wall = canvas.camera.aperture * HOUSES + 1, ""
    x = -half_width - rng.uniform(0, 3)
    while x < half_width:
        width = rng.uniform(4.6, 6.4)
        wall = str(rng.choice([other for other in WALLS if other != wall]))
        draw_house(canvas, rng, x, width, wall)
        draw_shop(canvas, x, width, str(rng.choice(AWNINGS)))
        x += width


def draw_house(canvas: Canvas, rng: Generator, x: float, width: float, wall: str) -> None:
    """Draw a house with two rows of windows, and a gable or a flat roof; left edge at x."""
    z, eaves = HOUSES, rng.uniform(7.0, 7.8)
    if rng.random() < 0.7:
        canvas.draw_wall(x + 0.7 * width, eaves, 0.5, 1.9, z, "#8d5d50")
        gable = [x - 0.15, x + width + 0.15, x + width / 2]
        canvas.draw_polygon(gable, [eaves, eaves, eaves + 1.7], z, str(rng.choice(ROOFS)))
    canvas.draw_wall(x, 0, width, eaves, z, wall)
    canvas.draw_wall(x - 0.06, eaves - 0.22, width + 0.12, 0.3, z, STUCCO)
    canvas.draw_wall(x, 3.05, width, 0.14, z, STUCCO)
    columns = 3 if width > 5.4 else 2
    for y in (3.55, 5.35):
        for left in x + (np.arange(columns) + 0.5) * width / columns - 0.45:
            canvas.draw_wall(left - 0.1, y - 0.1, 1.1, 1.6, z, CREAM)
            canvas.draw_wall(left, y, 0.9, 1.4, z, GLASS if rng.random() < 0.8 else LIT)
            canvas.draw_polygon(left + np.array([0, 0.45, 0.9, 0.5]), [y, y, y + 1.4, y + 1.4], z, GLEAM)
            canvas.draw_wall(left + 0.42, y, 0.06, 1.4, z, CREAM)
            canvas.draw_wall(left - 0.15, y - 0.2, 1.2, 0.12, z, "#e7dccb")


def draw_shop(canvas: Canvas, x: float, width: float, accent: str) -> None:
    """Draw the ground floor: a window, a door, a striped awning."""
    z = HOUSES
    canvas.draw_wall(x + 0.25, 0, width - 0.5, 2.6, z, "#54433c")
    canvas.draw_wall(x + 0.4, 0.45, width - 1.9, 1.9, z, "#8fb3b8")
    canvas.draw_polygon(x + np.array([0.5, 1.3, 2.1, 1.5]), [0.45, 0.45, 2.35, 2.35], z, "#b4ced0")
    canvas.draw_wall(x + width - 1.3, 0.05, 0.9, 2.2, z, accent)
    canvas.draw_wall(x + width - 1.15, 0.9, 0.6, 1.15, z, "#a8c4c6")
    canvas.draw_wall(x + 0.25, 2.6, width - 0.5, 0.42, z, accent)
    stripes = np.linspace(x + 0.2, x + width - 0.2, 2 * round(width) + 2)
    for n, (a, b) in enumerate(pairwise(stripes)):
        canvas.draw_polygon([a, b, b, a], [2.6, 2.6, 2.2, 2.2], [z, z, z - 0.9, z - 0.9], CREAM if n % 2 else accent)


def draw_ground(canvas: Canvas, rng: Generator) -> None:
    """Draw two pavements, a road between them, and a zebra crossing in the middle."""
    near, far = ROAD
    canvas.draw_lane(far, HOUSES - far, "#d6cbbb")
    for z in np.arange(far + 0.8, HOUSES, 0.9):
        canvas.draw_lane(z, 0.04, JOINT)
    canvas.draw_lane(HOUSES - 0.35, 0.35, "#bfb2a1")
    canvas.draw_lane(near, far - near, GUTTER)
    canvas.draw_lane(near + 0.25, far - near - 0.55, ASPHALT)
    for x in np.arange(-60, 60, 3.0):
        canvas.draw_floor(x, 1.5, 14.15, 0.13, "#e8e4d8")
    canvas.draw_floor(-2.1, 4.2, near + 0.25, far - near - 0.55, ASPHALT)
    for z in np.arange(near + 0.4, far - 0.6, 0.95):
        canvas.draw_floor(-1.9, 3.8, z, 0.5, "#f3f0e8")
    canvas.draw_lane(4.0, near - 4.0, PAVING)
    half_width = canvas.camera.aperture * near
    for row, z in enumerate(np.arange(near - 0.75, 4.0, -0.75)):
        canvas.draw_lane(z, 0.025, JOINT)
        for x in np.arange(-half_width - 1, half_width, 1.5) + 0.75 * (row % 2):
            canvas.draw_floor(x, 0.03, z, 0.75, JOINT)
    for z in (near - 0.22, far):
        canvas.draw_lane(z, 0.22, "#efe7d9")
    top = round(float(canvas.camera.project(0, 0, HOUSES)[1]))
    grain = rng.normal(0, 2, (canvas.camera.size_hw[0] - top, canvas.camera.size_hw[1]))
    ground = canvas.pixels[SUPERSAMPLING * top :]
    ground[:] = np.clip(ground + grain.repeat(SUPERSAMPLING, axis=0).repeat(SUPERSAMPLING, axis=1)[..., None], 0, 255)


def draw_tree(canvas: Canvas, x: float, z: float) -> None:
    """Draw a tree: a trunk and a crown of five discs."""
    canvas.draw_floor(x - 0.5, 1.0, z - 0.3, 0.6, "#8b7a63")
    canvas.draw_polygon(x + np.array([-0.13, 0.13, 0.08, -0.08]), [0, 0, 2.8, 2.8], z, "#76563f")
    leaves = ((-0.75, 3.0, 0.8, "#4f8a4c"), (0.75, 3.0, 0.8, "#4f8a4c"), (0, 3.4, 1.15, "#5b9a54"))
    for dx, y, radius, leaf in (*leaves, (-0.35, 3.9, 0.85, "#6dac5f"), (0.35, 3.75, 0.6, "#7cba69")):
        canvas.draw_disc(x + dx, y, z, radius, leaf)


def draw_van(canvas: Canvas, x: float, z: float) -> None:
    """Draw a delivery van of 4.4 × 2 m."""
    left = x - 2.2
    canvas.draw_shadow(x, z, 2.5, 0.45, "#565b62")
    canvas.draw_polygon(left + np.array([0, 4.4, 4.4, 3.75, 0]), [0.3, 0.3, 1.0, 2.0, 2.0], z, "#f3f1ec")
    canvas.draw_wall(left, 0.75, 4.4, 0.26, z, "#3f7fa8")
    canvas.draw_polygon(left + np.array([2.9, 4.1, 3.6, 2.9]), [1.1, 1.1, 1.85, 1.85], z, "#5d7885")
    canvas.draw_wall(left, 0.3, 4.4, 0.16, z, "#565b62")
    canvas.draw_wall(left + 2.75, 0.46, 0.04, 1.5, z, "#cfcdc6")
    canvas.draw_wall(left + 4.25, 0.62, 0.15, 0.14, z, LIT)
    for wheel in (left + 0.85, left + 3.5):
        canvas.draw_disc(wheel, 0.36, z, 0.36, "#2d3035")
        canvas.draw_disc(wheel, 0.36, z, 0.17, "#c3c6c9")


def draw_lamp(canvas: Canvas, x: float, z: float) -> None:
    """Draw a street lamp, 5 m high."""
    canvas.draw_wall(x - 0.11, 0, 0.22, 0.5, z, IRON)
    canvas.draw_wall(x - 0.06, 0, 0.12, 4.3, z, "#3d5257")
    canvas.draw_wall(x - 0.22, 4.3, 0.44, 0.08, z, IRON)
    canvas.draw_polygon(x + np.array([-0.13, 0.13, 0.2, -0.2]), [4.38, 4.38, 4.85, 4.85], z, "#fbe8b0")
    canvas.draw_polygon(x + np.array([-0.26, 0.26, 0]), [4.85, 4.85, 5.1], z, IRON)


def draw_kiosk(canvas: Canvas, x: float, z: float) -> None:
    """Draw a newspaper kiosk of 2.2 × 2.7 m."""
    left = x - 1.1
    canvas.draw_shadow(x, z, 1.3, 0.3, "#b3a795")
    canvas.draw_wall(left, 0, 2.2, 2.35, z, "#2f6f68")
    canvas.draw_wall(left + 0.15, 1.0, 1.9, 0.95, z, "#24413f")
    canvas.draw_wall(left + 0.15, 1.0, 1.9, 0.3, z, "#e9d3a5")
    for n, cover in enumerate(("#c2483d", "#f0b53c", CREAM, "#47639c", "#e58a9c", CREAM)):
        canvas.draw_wall(left + 0.24 + 0.3 * n, 1.06, 0.22, 0.36, z, cover)
    canvas.draw_wall(left - 0.06, 0.9, 2.32, 0.1, z, STUCCO)
    for panel in (0.15, 0.82, 1.49):
        canvas.draw_wall(left + panel, 0.18, 0.56, 0.55, z, "#3b857d")
    for n, (a, b) in enumerate(pairwise(np.linspace(-1.3, 1.3, 10))):
        stripe = CREAM if n % 2 else "#d0553f"
        canvas.draw_polygon(x + np.array([a, b, 0.88 * b, 0.88 * a]), [2.0, 2.0, 2.55, 2.55], z, stripe)
        canvas.draw_disc(x + (a + b) / 2, 2.0, z, (b - a) / 2, stripe)
    canvas.draw_wall(left + 0.1, 2.55, 2.0, 0.16, z, "#24544f")


def draw_hoarding(canvas: Canvas, x: float, z: float, width: float) -> None:
    """Draw boards 2.2 m high in alternating colours, `width` metres in all, centred at x."""
    boards = max(1, round(width / 0.5))
    for board in range(boards):
        left = x + width * (board / boards - 0.5)
        canvas.draw_wall(left, 0, width / boards, 2.2, z, (STUCCO, JOINT)[board % 2])
