"""Synthetic people: appearance, pose and drawing. Body parts are convex hulls of discs, so that boxes are exact."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from idfree.core.boxes import Floats, Integers
from idfree.synthetic.canvas import SUBPIXEL, PinholeCamera, parse_colour, to_fixed_point

STRIDE = 0.8  # length of two steps, in body heights
CHILD_FRACTION, SKIRT_FRACTION, BAG_FRACTION, LONG_HAIR_FRACTION = 0.1, 0.25, 0.35, 0.4  # of all people
CHILD_HEIGHT = (1.1, 1.4)  # range in metres
ADULT_HEIGHT, ADULT_RANGE = (1.72, 0.09), (1.5, 1.95)  # mean and standard deviation, and range, in metres
BUILD = (0.95, 1.2)  # range of the relative width
BLEED = 0.7  # px by which OpenCV's anti-aliased polygons extend beyond their outline (measured)

SHIRTS = ["#d9503f", "#3f78c9", "#f0b53c", "#3f9d68", "#8a5bb0", "#f2efe6"]
SHIRTS += ["#333b4d", "#e58a9c", "#57b5c4", "#a9623a", "#b9c24a", "#6d7584"]
TROUSERS = ["#2d3a55", "#3a3a3f", "#6a5a48", "#46618f", "#86807a", "#23252b", "#7c8aa0"]
SKINS = ["#f3cdb0", "#e6b48e", "#c98f65", "#9a6642", "#6e452d"]
HAIRS = ["#2a211d", "#4a3223", "#7a5230", "#c79a55", "#8d8a86", "#15151a", "#8c3b22"]
BAGS = ["#8b3a32", "#2f5d50", "#27303f", "#c98a3a", "#5a4a7a"]

LIMBS = ("thigh", "shin", "shoe", "sleeve", "forearm", "hand")
TRUNK: dict[str, list[tuple[float, float, float, float]]] = {  # discs (side, forward, up, radius) in body heights
    "neck": [(0, 0.005, 0.8, 0.032), (0, 0.01, 0.87, 0.032)],
    "skirt": [(0, 0, 0.54, 0.085), (0.07, -0.06, 0.35, 0.035), (-0.07, -0.06, 0.35, 0.035), (0, 0.08, 0.35, 0.035)],
    "torso": [(0.075, 0, 0.775, 0.055), (-0.075, 0, 0.775, 0.055), (0.05, 0, 0.53, 0.06), (-0.05, 0, 0.53, 0.06)],
    "bag": [(0.05, -0.1, 0.75, 0.045), (-0.05, -0.1, 0.75, 0.045), (0.05, -0.1, 0.6, 0.045), (-0.05, -0.1, 0.6, 0.045)],
    "head": [(0, 0.008, 0.92, 0.056), (0, 0.014, 0.897, 0.047)],
    "hair": [(0, -0.004, 0.947, 0.052), (0, -0.03, 0.93, 0.046)],
    "long hair": [(0.02, -0.034, 0.92, 0.046), (-0.02, -0.034, 0.92, 0.046), (0, -0.055, 0.81, 0.04)],
}
TRUNK_DISCS = np.array([(discs + discs[-1:] * 3)[:4] for discs in TRUNK.values()])  # padded to four by repetition
PARTS = (*LIMBS, *LIMBS, *TRUNK)
LIMB_COUNT = 2 * len(LIMBS)  # the first parts, which are hulls of two discs; those of the trunk are of four
DEPTH_OFFSETS = {
    "thigh": 0.05,
    "shin": 0.05,
    "shoe": 0.06,
    "neck": 0.02,
    "skirt": 0.005,
    "hair": -0.004,
    "long hair": -0.002,
}
PART_DEPTH_OFFSETS = np.array(
    [DEPTH_OFFSETS.get(part, 0.0) for part in PARTS]
)  # (P,) drawing order of parts at about the same depth
DIRECTIONS = np.stack(
    [f(np.linspace(0, 2 * np.pi, 18, endpoint=False)) for f in (np.cos, np.sin)]
)  # (2, V) unit vectors


@dataclass(frozen=True)
class Appearance:
    """Appearance of N people with P body parts.

    height: (N,), metres. build: (N,), relative width. colours: (N, P, 3), BGR. has_part: (N, P). lookalike_of: (N,),
    index of the first person with the same clothes, its own index if there is none before.
    """

    height: Floats
    build: Floats
    colours: Floats
    has_part: NDArray[np.bool_]
    lookalike_of: Integers


def sample_appearance(rng: Generator, people: int, lookalikes: float) -> Appearance:
    """Sample the appearance of people; a fraction `lookalikes` has the clothes of an earlier person."""
    wardrobe, lookalike_of = [sample_clothes(rng) for _ in range(people)], np.arange(people)
    for person in range(1, people):
        if rng.random() < lookalikes:
            lookalike_of[person] = lookalike_of[rng.integers(person)]
    colours = np.array([[parse_colour(clothes.get(part, "#000000")) for part in PARTS] for clothes in wardrobe])
    has_part = np.array([[part in clothes for part in PARTS] for clothes in wardrobe], dtype=bool)
    colours = colours.reshape(people, len(PARTS), 3)[lookalike_of]
    has_part = has_part.reshape(people, len(PARTS))[lookalike_of]
    child, adult = rng.uniform(*CHILD_HEIGHT, people), np.clip(rng.normal(*ADULT_HEIGHT, people), *ADULT_RANGE)
    height = np.where(rng.random(people) < CHILD_FRACTION, child, adult)
    return Appearance(height, rng.uniform(*BUILD, people), colours, has_part, lookalike_of)


def sample_clothes(rng: Generator) -> dict[str, str]:
    """Sample a colour for each body part that a person has."""
    palettes = (SHIRTS, TROUSERS, SKINS, HAIRS, TROUSERS, BAGS)
    shirt, trousers, skin, hair, shoe, bag = (str(rng.choice(colours)) for colours in palettes)
    clothes = dict.fromkeys(("hand", "neck", "head"), skin) | dict.fromkeys(("torso", "sleeve"), shirt)
    clothes |= {"hair": hair, "shoe": shoe, "thigh": trousers, "shin": trousers}
    clothes["forearm"] = str(rng.choice([shirt, skin]))
    if rng.random() < SKIRT_FRACTION:
        clothes |= dict.fromkeys(("skirt", "thigh"), str(rng.choice([shirt, trousers]))) | {"shin": skin}
    if rng.random() < BAG_FRACTION:
        clothes["bag"] = bag
    if rng.random() < LONG_HAIR_FRACTION:
        clothes["long hair"] = hair
    return clothes


def body_discs(phase: Floats, pace: Floats) -> Floats:
    """Body parts (N, P, 4, 4) as four discs (side, forward, up, radius) each, in body heights.

    phase: (N,), of the step, radians. pace: (N,), 0 (standing) … 1 (walking).
    """
    limbs = [part for side in (1, -1) for part in limb_discs(phase + np.pi * (side < 0), pace, side)]
    trunk = np.broadcast_to(TRUNK_DISCS, (len(phase), *TRUNK_DISCS.shape))
    discs = np.concatenate([np.stack(limbs, axis=1), trunk], axis=1)
    lowest = (discs[..., 2] - discs[..., 3]).min(axis=(1, 2), keepdims=True)
    discs[..., 2] -= lowest  # the lower foot touches the ground
    return discs


def limb_discs(phase: Floats, pace: Floats, side: int) -> list[Floats]:
    """The six limb parts (N, 4, 4) of one side: the knee bends as the leg swings forward, the arm swings back."""

    def disc(side: ArrayLike, forward: ArrayLike, up: ArrayLike, radius: float) -> Floats:
        """A disc (N, 4)."""
        return np.stack(np.broadcast_arrays(side, forward, up, np.full(len(phase), radius)), axis=-1)

    def attach(joint: Floats, angle: Floats, length: float, radius: float) -> Floats:
        """The disc at the end of a limb that hangs from a joint, swung forward by an angle (N,), radians."""
        return disc(joint[:, 0], joint[:, 1] + length * np.sin(angle), joint[:, 2] - length * np.cos(angle), radius)

    swing, lift = pace * np.sin(phase), pace * np.maximum(np.cos(phase), 0)
    hip = disc(0.045 * side, 0, 0.5, 0.055)
    knee = attach(hip, 0.42 * swing, 0.235, 0.042)
    ankle = attach(knee, 0.42 * swing - 0.1 * pace - 0.75 * lift, 0.235, 0.027)
    toe = disc(ankle[:, 0], ankle[:, 1] + 0.075, ankle[:, 2] - 0.006, 0.021)
    shoulder = disc(0.1 * side, 0, 0.795, 0.036)
    elbow = attach(shoulder + [0.025 * side, 0, 0, 0], -0.38 * swing, 0.155, 0.03)
    hand = attach(elbow, 0.15 + 0.25 * pace - 0.45 * swing, 0.14, 0.023)
    ends = [(hip, knee), (knee, ankle), (ankle, toe), (shoulder, elbow), (elbow, hand), (hand, hand)]
    return [np.stack([a, b, b, b], axis=1) for a, b in ends]


def part_outlines(discs: Floats) -> Floats:
    """Outlines (N, P, V, 2) of body parts of four discs (N, P, 4, 3) x, y, radius."""
    limbs, trunk = discs[:, :LIMB_COUNT, :2], discs[:, LIMB_COUNT:]
    return np.concatenate([hull_outlines(limbs), hull_outlines(trunk)], axis=1)


def hull_outlines(discs: Floats) -> Floats:
    """Convex hull (…, V, 2) of discs (…, K, 3) x, y, radius: the extreme point in each of V directions."""
    extent = discs[..., :2] @ DIRECTIONS + discs[..., 2:]  # … K V
    extreme = np.take_along_axis(discs, extent.argmax(axis=-2)[..., None], axis=-2)  # … V 3
    return np.asarray(extreme[..., :2] + extreme[..., 2:] * DIRECTIONS.T)


@dataclass(frozen=True)
class People:
    """Geometry of N people in one frame.

    depth: (N,), metres. foot: (N, 2), pixels. scale: (N,), pixels per metre. xyxy: (N, 4), pixels, not clipped.
    outline: (N, P, V, 2), of body parts, fixed point. colours: (N, P, 3). order: (N, P), parts from far to near.
    has_part: (N, P).
    """

    depth: Floats
    foot: Floats
    scale: Floats
    xyxy: Floats
    outline: NDArray[np.int32]
    colours: Floats
    order: Integers
    has_part: NDArray[np.bool_]

    def draw(self, image: NDArray[np.uint8], person: int) -> None:
        """Draw one person into `image` (H, W, 3), in place."""
        import cv2

        order = self.order[person][self.has_part[person, self.order[person]]]
        for outline, colour in zip(self.outline[person, order], self.colours[person, order].tolist(), strict=True):
            cv2.fillConvexPoly(image, outline, colour, cv2.LINE_AA, SUBPIXEL)

    def silhouette(self, person: int) -> tuple[NDArray[np.bool_], int, int]:
        """Mask (h, w) of one person's pixels, and its left and top coordinate in the image."""
        import cv2

        left, top, right, bottom = (self.xyxy[person] + [-1, -1, 2, 2]).astype(int).tolist()
        mask = np.zeros((bottom - top, right - left), dtype=np.uint8)
        corner = np.array([left, top], dtype=np.int32) * 2**SUBPIXEL
        for outline in self.outline[person, self.has_part[person]] - corner:
            cv2.fillConvexPoly(mask, outline, 1, cv2.LINE_8, SUBPIXEL)
        return mask.view(np.bool_), left, top


def pose_people(
    camera: PinholeCamera, appearance: Appearance, position: Floats, heading: Floats, distance: Floats, pace: Floats
) -> list[People]:
    """Pose people and project them to the image, with weak perspective: the scale of a person is that of their depth.

    position, heading: (F, N, 2), (x, z), metres and unit vectors, in F frames, which together take half the time.
    distance: (F, N), walked so far, metres. pace: (F, N), 0…1. Returns the people of each frame.
    """
    frames = len(position)
    height, build = (np.tile(of_person, frames) for of_person in (appearance.height, appearance.build))
    (x, z), (heading_x, heading_z) = position.reshape(-1, 2).T, heading.reshape(-1, 2).T[:, :, None, None]
    side, forward, up, radius = np.moveaxis(
        body_discs(2 * np.pi * distance.ravel() / (STRIDE * height), pace.ravel()), -1, 0
    )
    right, back = forward * heading_x + side * heading_z, forward * heading_z - side * heading_x
    foot, scale = camera.project(x, 0, z), camera.focal / z
    size, tilt = (scale * height)[:, None, None], (camera.height / z)[:, None, None]
    centre = np.stack([size * right, -size * (up + tilt * back)], axis=-1) + foot[:, None, None]
    radius = (size * radius * build[:, None, None])[..., None]
    edges = np.concatenate([centre - radius, -centre - radius], axis=-1)
    has_part = np.tile(appearance.has_part, (frames, 1))
    xyxy = np.where(has_part[..., None, None], edges, np.inf).min(axis=(1, 2)) * [1, 1, -1, -1]
    outline = to_fixed_point(part_outlines(np.concatenate([centre, np.maximum(radius - BLEED, 0)], axis=-1)))
    depth = back.mean(axis=-1)
    shade = 1 - 0.25 * np.clip(depth / 0.1, 0, 1)  # parts on the far side are darker
    colours = np.tile(appearance.colours, (frames, 1, 1)) * shade[..., None]
    order = np.argsort(-depth - PART_DEPTH_OFFSETS, axis=1, kind="stable")
    columns = (z, foot, scale, xyxy, outline, colours, order, has_part)
    by_frame = ([*column.reshape(frames, -1, *column.shape[1:])] for column in columns)
    return [People(*of_frame) for of_frame in zip(*by_frame, strict=True)]
