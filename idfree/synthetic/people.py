"""Little people, drawn: every part of one is the convex hull of a few discs, so their boxes are exact."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from idfree.core.boxes import Floats, Integers
from idfree.synthetic.canvas import SUBPIXEL, PinholeCamera, bgr, fixed

STRIDE = 0.8  # length of two steps as a share of body height
CHILDREN = 0.1  # share of people
BLEED = 0.7  # px by which OpenCV's anti-aliased polygons reach beyond their outline (measured)

SHIRTS = ["#d9503f", "#3f78c9", "#f0b53c", "#3f9d68", "#8a5bb0", "#f2efe6"]
SHIRTS += ["#333b4d", "#e58a9c", "#57b5c4", "#a9623a", "#b9c24a", "#6d7584"]
TROUSERS = ["#2d3a55", "#3a3a3f", "#6a5a48", "#46618f", "#86807a", "#23252b", "#7c8aa0"]
SKINS = ["#f3cdb0", "#e6b48e", "#c98f65", "#9a6642", "#6e452d"]
HAIRS = ["#2a211d", "#4a3223", "#7a5230", "#c79a55", "#8d8a86", "#15151a", "#8c3b22"]
BAGS = ["#8b3a32", "#2f5d50", "#27303f", "#c98a3a", "#5a4a7a"]

LIMBS = ("thigh", "shin", "shoe", "sleeve", "forearm", "hand")
TRUNK: dict[
    str, list[tuple[float, float, float, float]]
] = {  # discs (side, forward, up, radius) in body heights, the last one repeated to make four
    "neck": [(0, 0.005, 0.8, 0.032), (0, 0.01, 0.87, 0.032)],
    "skirt": [(0, 0, 0.54, 0.085), (0.07, -0.06, 0.35, 0.035), (-0.07, -0.06, 0.35, 0.035), (0, 0.08, 0.35, 0.035)],
    "torso": [(0.075, 0, 0.775, 0.055), (-0.075, 0, 0.775, 0.055), (0.05, 0, 0.53, 0.06), (-0.05, 0, 0.53, 0.06)],
    "bag": [(0.05, -0.1, 0.75, 0.045), (-0.05, -0.1, 0.75, 0.045), (0.05, -0.1, 0.6, 0.045), (-0.05, -0.1, 0.6, 0.045)],
    "head": [(0, 0.008, 0.92, 0.056), (0, 0.014, 0.897, 0.047)],
    "hair": [(0, -0.004, 0.947, 0.052), (0, -0.03, 0.93, 0.046)],
    "long hair": [(0.02, -0.034, 0.92, 0.046), (-0.02, -0.034, 0.92, 0.046), (0, -0.055, 0.81, 0.04)],
}
TRUNK_DISCS = np.array([(discs + discs[-1:] * 3)[:4] for discs in TRUNK.values()])
PARTS = (*LIMBS, *LIMBS, *TRUNK)
BEHIND = {"thigh": 0.05, "shin": 0.05, "shoe": 0.06, "neck": 0.02, "skirt": 0.005, "hair": -0.004, "long hair": -0.002}
SET_BACK = np.array([BEHIND.get(part, 0.0) for part in PARTS])  # settles who covers whom among parts at one depth
DIRECTIONS = np.stack([f(np.linspace(0, 2 * np.pi, 18, endpoint=False)) for f in (np.cos, np.sin)])  # of an outline


@dataclass(frozen=True)
class Appearance:
    """height (N,) m, build (N,) of 1, colours (N, P, 3) BGR, worn (N, P): the parts each has, model (N,).

    model: the first person dressed alike, oneself if there is none before.
    """

    height: Floats
    build: Floats
    colours: Floats
    worn: NDArray[np.bool_]
    model: Integers


def dress(rng: Generator, people: int, lookalikes: float) -> Appearance:
    """People, a share of whom are dressed like one before them."""
    wardrobe, model = [clothes(rng) for _ in range(people)], np.arange(people)
    for person in range(1, people):
        if rng.random() < lookalikes:
            model[person] = model[rng.integers(person)]
    colours = np.array([[bgr(worn.get(part, "#000000")) for part in PARTS] for worn in wardrobe])
    worn = np.array([[part in worn for part in PARTS] for worn in wardrobe], dtype=bool)
    colours, worn = colours.reshape(people, len(PARTS), 3)[model], worn.reshape(people, len(PARTS))[model]
    child, adult = rng.uniform(1.1, 1.4, people), np.clip(rng.normal(1.72, 0.09, people), 1.5, 1.95)
    height = np.where(rng.random(people) < CHILDREN, child, adult)
    return Appearance(height, rng.uniform(0.95, 1.2, people), colours, worn, model)


def clothes(rng: Generator) -> dict[str, str]:
    """A colour for each part that one has."""
    stock = (SHIRTS, TROUSERS, SKINS, HAIRS, TROUSERS, BAGS)
    shirt, trousers, skin, hair, shoe, bag = (str(rng.choice(colours)) for colours in stock)
    worn = dict.fromkeys(("hand", "neck", "head"), skin) | dict.fromkeys(("torso", "sleeve"), shirt)
    worn |= {"hair": hair, "shoe": shoe, "thigh": trousers, "shin": trousers}
    worn["forearm"] = str(rng.choice([shirt, skin]))
    if rng.random() < 0.25:
        worn |= dict.fromkeys(("skirt", "thigh"), str(rng.choice([shirt, trousers]))) | {"shin": skin}
    if rng.random() < 0.35:
        worn["bag"] = bag
    if rng.random() < 0.4:
        worn["long hair"] = hair
    return worn


def body(phase: Floats, pace: Floats) -> Floats:
    """Everybody's parts (N, P, 4, 4): each four discs (side, forward, up, radius) in body heights.

    phase (N,): of the step, in radians; pace (N,): 0 standing … 1 walking.
    """
    limbs = [part for side in (1, -1) for part in leg_and_arm(phase + np.pi * (side < 0), pace, side)]
    trunk = np.broadcast_to(TRUNK_DISCS, (len(phase), *TRUNK_DISCS.shape))
    discs = np.concatenate([np.stack(limbs, axis=1), trunk], axis=1)
    lowest = (discs[..., 2] - discs[..., 3]).min(axis=(1, 2), keepdims=True)
    discs[..., 2] -= lowest  # one foot is always on the ground
    return discs


def leg_and_arm(phase: Floats, pace: Floats, side: int) -> list[Floats]:
    """The six limb parts (N, 4, 4) of one side: the knee bends as the leg comes forward, the arm swings against it."""

    def disc(side: ArrayLike, forward: ArrayLike, up: ArrayLike, radius: float) -> Floats:
        return np.stack(np.broadcast_arrays(side, forward, up, np.full(len(phase), radius)), axis=-1)

    def hang(joint: Floats, angle: Floats, length: float, radius: float) -> Floats:
        return disc(joint[:, 0], joint[:, 1] + length * np.sin(angle), joint[:, 2] - length * np.cos(angle), radius)

    swing, lift = pace * np.sin(phase), pace * np.maximum(np.cos(phase), 0)
    hip = disc(0.045 * side, 0, 0.5, 0.055)
    knee = hang(hip, 0.42 * swing, 0.235, 0.042)
    ankle = hang(knee, 0.42 * swing - 0.1 * pace - 0.75 * lift, 0.235, 0.027)
    toe = disc(ankle[:, 0], ankle[:, 1] + 0.075, ankle[:, 2] - 0.006, 0.021)
    shoulder = disc(0.1 * side, 0, 0.795, 0.036)
    elbow = hang(shoulder + [0.025 * side, 0, 0, 0], -0.38 * swing, 0.155, 0.03)
    hand = hang(elbow, 0.15 + 0.25 * pace - 0.45 * swing, 0.14, 0.023)
    ends = [(hip, knee), (knee, ankle), (ankle, toe), (shoulder, elbow), (elbow, hand), (hand, hand)]
    return [np.stack([a, b, b, b], axis=1) for a, b in ends]


def outlines(discs: Floats) -> Floats:
    """(…, V, 2) corners of the convex hull of discs (…, K, 3) x, y, radius: the furthest point in each direction."""
    reach = discs[..., :2] @ DIRECTIONS + discs[..., 2:]  # … K V
    furthest = np.take_along_axis(discs, reach.argmax(axis=-2)[..., None], axis=-2)  # … V 3
    return np.asarray(furthest[..., :2] + furthest[..., 2:] * DIRECTIONS.T)


@dataclass(frozen=True)
class People:
    """Everybody in one picture.

    depth (N,) m, foot (N, 2) px, scale (N,) px a metre, xyxy (N, 4) px, uncut; and of each part outline (N, P, V, 2) as
    OpenCV takes it, colours (N, P, 3), order (N, P) far to near, worn (N, P).
    """

    depth: Floats
    foot: Floats
    scale: Floats
    xyxy: Floats
    outline: NDArray[np.int32]
    colours: Floats
    order: Integers
    worn: NDArray[np.bool_]

    def draw(self, image: NDArray[np.uint8], person: int) -> None:
        """Paint one person into `image` (H, W, 3)."""
        import cv2

        order = self.order[person][self.worn[person, self.order[person]]]
        for outline, colour in zip(self.outline[person, order], self.colours[person, order].tolist(), strict=True):
            cv2.fillConvexPoly(image, outline, colour, cv2.LINE_AA, SUBPIXEL)

    def silhouette(self, person: int) -> tuple[NDArray[np.bool_], int, int]:
        """(h, w) the pixels of one person, and the left and the top of that little mask in the picture."""
        import cv2

        left, top, right, bottom = (self.xyxy[person] + [-1, -1, 2, 2]).astype(int).tolist()
        mask = np.zeros((bottom - top, right - left), dtype=np.uint8)
        corner = np.array([left, top], dtype=np.int32) * 2**SUBPIXEL
        for outline in self.outline[person, self.worn[person]] - corner:
            cv2.fillConvexPoly(mask, outline, 1, cv2.LINE_8, SUBPIXEL)
        return mask > 0, left, top


def pose(
    camera: PinholeCamera, looks: Appearance, place: Floats, heading: Floats, gone: Floats, pace: Floats
) -> People:
    """Everybody as the camera sees them, each as if flat at their own depth.

    place (N, 2) m, heading (N, 2) of length 1, both (x, z); gone (N,) m; pace (N,) 0…1.
    """
    (x, z), (ahead, away) = place.T, heading.T[:, :, None, None]
    side, forward, up, radius = np.moveaxis(body(2 * np.pi * gone / (STRIDE * looks.height), pace), -1, 0)
    right, back = forward * ahead + side * away, forward * away - side * ahead
    foot, scale = camera.project(x, 0, z), camera.focal / z
    size, tilt = (scale * looks.height)[:, None, None], (camera.height / z)[:, None, None]
    centre = np.stack([size * right, -size * (up + tilt * back)], axis=-1) + foot[:, None, None]
    radius = (size * radius * looks.build[:, None, None])[..., None]
    edges = np.concatenate([centre - radius, -centre - radius], axis=-1)
    xyxy = np.where(looks.worn[..., None, None], edges, np.inf).min(axis=(1, 2)) * [1, 1, -1, -1]
    outline = fixed(outlines(np.concatenate([centre, np.maximum(radius - BLEED, 0)], axis=-1)))
    depth = back.mean(axis=-1)
    shade = 1 - 0.25 * np.clip(depth / 0.1, 0, 1)  # the far arm and leg are darker
    order = np.argsort(-depth - SET_BACK, axis=1, kind="stable")
    return People(z, foot, scale, xyxy, outline, looks.colours * shade[..., None], order, looks.worn)
