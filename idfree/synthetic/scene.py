"""A made-up street, rendered: seeded people who walk, turn, stop and hide each other, with exact truth."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from idfree.core.boxes import Floats, Integers, area, clip, cxcywh_to_xyxy, xyxy_to_cxcywh
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Frame, Image, Sequence
from idfree.synthetic.canvas import SUBPIXEL, PinholeCamera, fixed
from idfree.synthetic.people import Appearance, People, dress, pose
from idfree.synthetic.scenery import SceneObject, scenery
from idfree.synthetic.trajectories import FAR_LANE, NEAR_LANES, Trajectories, walk


@dataclass(frozen=True)
class StreetSettings:
    """How people behave, and how often the made-up detector is wrong."""

    together: float = 0.4  # share of groups of more than one
    stopping: float = 0.35  # share of groups on a pavement that stand still for a while
    lookalikes: float = 0.2  # share of people dressed like somebody else
    shadows: bool = True
    miss_clear: float = 0.02  # chance to miss somebody in full view
    miss_hidden: float = 0.95  # … and somebody fully hidden; between them with the square of the hidden share
    jitter: float = 0.03  # σ of a detection's centre and of its size, shares of the box's width and height
    false_positives: float = 0.3  # per frame
    embedding_size: int = 32
    embedding_noise: float = 0.5  # length of the noise added to an identity's unit vector
    embedding_likeness: float = 0.7  # share of a lookalike's vector that is the other's


@dataclass(frozen=True)
class SyntheticSequence:
    """A rendered sequence, its truth, and what a detector with appearance might have seen.

    truth.xyxy is the figure's full extent cut to the picture, truth.visibility the share of the figure's own pixels
    that are seen; detections.embedding (K, D) has unit rows. Ids are from 1, the class of all is 1.
    """

    sequence: Sequence
    truth: Annotation
    detections: Annotation


def street(
    seed: int = 0,
    people: int = 30,
    frames: int = 240,
    size_hw: tuple[int, int] = (540, 960),
    frame_rate: float = 20.0,
    settings: StreetSettings = StreetSettings(),
) -> SyntheticSequence:
    """A street with `people` passers-by; the same arguments give the same truth, detections and pixels.

    Pictures are rendered as they are read, anew each time. Everybody is in the picture at some time, perhaps hidden.
    Raises UserError for fewer than one frame or a side shorter than 32 px.
    """
    if people < 0 or frames < 1 or min(size_hw) < 32 or frame_rate <= 0:
        raise UserError(
            f"street: {people} people in {frames} frames of {size_hw} at {frame_rate} per second; "
            "expected no fewer than 0 people, 1 frame and 32 px a side, and a positive rate"
        )
    dressing, walking, building, detecting = np.random.default_rng(seed).spawn(4)
    camera = PinholeCamera(size_hw)
    looks = dress(dressing, people, settings.lookalikes)
    walks = walk(walking, camera, people, frames, frame_rate, settings.together, settings.stopping)
    scene = Street(camera, looks, walks, *scenery(camera, building), settings.shadows)
    truth, hider = annotate(scene)
    detections = detect(detecting, truth, hider, scene, settings)

    def read() -> Iterator[Frame]:
        return (Frame(n + 1, scene.picture(n), n / frame_rate) for n in range(frames))

    return SyntheticSequence(Sequence(f"street-{seed}", read, frames, frame_rate, size_hw), truth, detections)


@dataclass(frozen=True)
class Street:
    """Everything there is, people and things; renders frames, counted from 0, and knows who is seen in them."""

    camera: PinholeCamera
    looks: Appearance
    walks: Trajectories
    background: Image
    things: list[SceneObject]
    shadows: bool

    def figures(self, frame: int) -> People:
        """Everybody in one frame."""
        w = self.walks
        return pose(self.camera, self.looks, w.place[frame], w.heading[frame], w.gone[frame], w.pace[frame])

    def picture(self, frame: int) -> Image:
        """(H, W, 3) of one frame."""
        import cv2

        figures, image = self.figures(frame), self.background.copy()
        if self.shadows:
            cast_shadows(image, figures)
        for index in self.near_to_far(figures)[::-1]:
            if index < len(figures.depth):
                figures.draw(image, index)
            else:
                thing = self.things[index - len(figures.depth)]
                cv2.copyTo(thing.patch, thing.mask, image[thing.rows, thing.columns])
        return image

    def near_to_far(self, figures: People) -> list[int]:
        """The people who touch the picture, and all things, numbered on after the last person."""
        depth = np.concatenate([figures.depth, [thing.depth for thing in self.things]])
        absent = np.flatnonzero(area(clip(figures.xyxy, self.camera.size_hw)) == 0)
        order = np.argsort(depth, kind="stable")
        return [int(index) for index in order[~np.isin(order, absent)]]

    def visibility(self, figures: People) -> tuple[Floats, Integers]:
        """(N,) share of each figure's pixels that are seen, and (N,) who hides most of it: −1 nobody, N a thing."""
        people = len(figures.depth)
        share, hider = np.zeros(people), np.full(people, -1)
        front = np.zeros(self.camera.size_hw, dtype=np.int16)  # 1 + whoever is seen there
        for index in self.near_to_far(figures):
            if index >= people:
                thing, name = self.things[index - people], people + 1
                room, own = front[thing.rows, thing.columns], thing.mask > 0
            else:
                mask, left, top = figures.silhouette(index)
                x, y, name = max(left, 0), max(top, 0), index + 1
                room = front[y : top + mask.shape[0], x : left + mask.shape[1]]
                own = mask[y - top :, x - left :][: room.shape[0], : room.shape[1]]
                covering = np.bincount(room[own], minlength=people + 2)
                share[index] = covering[0] / max(mask.sum(), 1)
                hider[index] = covering[1:].argmax() if covering[1:].any() else -1
            room[own & (room == 0)] = name
        return share, hider


def cast_shadows(image: Image, figures: People) -> None:
    """Darken the ground around everybody's feet, in place."""
    import cv2

    shade = np.zeros_like(image)
    places = fixed(figures.foot).tolist()
    sizes = np.rint(figures.scale[:, None] * [0.36, 0.12] * 2**SUBPIXEL).astype(int).tolist()
    for place, size in zip(places, sizes, strict=True):
        cv2.ellipse(shade, place, size, 0, 0, 360, (42, 48, 52), -1, cv2.LINE_AA, SUBPIXEL)
    cv2.subtract(image, shade, dst=image)


def annotate(scene: Street) -> tuple[Annotation, Integers]:
    """The truth of all frames, and (K,) the index of who hides most of each: −1 nobody, N a thing."""
    rows = []
    for frame in range(len(scene.walks.gone)):
        figures = scene.figures(frame)
        share, hider = scene.visibility(figures)
        xyxy = clip(figures.xyxy, scene.camera.size_hw)
        person = np.flatnonzero(has_pixels(xyxy))
        rows.append((np.full(len(person), frame + 1), person + 1, xyxy[person], share[person], hider[person]))
    number, id, xyxy, share, hider = (np.concatenate(column) for column in zip(*rows, strict=True))
    return Annotation(number, id, xyxy, np.ones(len(id)), np.ones(len(id), dtype=np.int64), share), hider


def detect(rng: Generator, truth: Annotation, hider: Integers, scene: Street, settings: StreetSettings) -> Annotation:
    """What a detector might have seen: misses, jitter, false boxes; scores and embeddings that suffer from hiding."""
    hidden = 1 - truth.visibility
    found = rng.random(len(truth)) >= settings.miss_clear + (settings.miss_hidden - settings.miss_clear) * hidden**2
    truth, hidden, hider = truth[found], hidden[found], hider[found]
    seen = jitter(rng, truth.xyxy, settings.jitter)
    score = np.clip(0.95 - 0.6 * hidden - np.abs(rng.normal(0, 0.05, len(truth))), 0.05, 1)
    identity = identities(rng, scene.looks.model, settings)
    mixed = (1 - hidden)[:, None] * identity[truth.id - 1] + (hidden * (hider >= 0))[:, None] * identity[hider]
    noise = rng.normal(0, settings.embedding_noise * settings.embedding_size**-0.5, mixed.shape)

    false, frame = false_boxes(rng, scene.camera, len(scene.walks.gone), settings.false_positives)
    nobody = rng.normal(size=(len(false), settings.embedding_size))
    frame, xyxy = np.concatenate([truth.frame, frame]), clip(np.concatenate([seen, false]), scene.camera.size_hw)
    score = np.concatenate([score, rng.uniform(0.1, 0.7, len(false))])
    count = len(frame)
    unknown, person = np.full(count, -1), np.ones(count, dtype=np.int64)
    embedding = unit(np.concatenate([mixed + noise, nobody]))
    order = np.argsort(frame, kind="stable")
    everything = Annotation(frame, unknown, xyxy, score, person, np.ones(count), embedding)
    return everything[order[has_pixels(xyxy[order])]]


def identities(rng: Generator, model: Integers, settings: StreetSettings) -> Floats:
    """(N + 1, D) unit vectors of the people, those of lookalikes near to their model's, and of things."""
    own = unit(rng.normal(size=(len(model) + 1, settings.embedding_size)))
    alike = np.append(model, len(model))
    return unit(own + (alike != np.arange(len(alike)))[:, None] * settings.embedding_likeness * (own[alike] - own))


def jitter(rng: Generator, xyxy: Floats, share: float) -> Floats:
    """Boxes moved and resized by a normal share of their width and height."""
    boxes = xyxy_to_cxcywh(xyxy)
    shift, growth = rng.normal(0, share, (2, len(boxes), 2))
    boxes[:, :2] += shift * boxes[:, 2:]
    boxes[:, 2:] *= np.exp(growth)
    return cxcywh_to_xyxy(boxes)


def false_boxes(rng: Generator, camera: PinholeCamera, frames: int, rate: float) -> tuple[Floats, Integers]:
    """Boxes (K, 4) as large as people are at some place in the picture, and their frames (K,)."""
    frame = np.repeat(np.arange(1, frames + 1), rng.poisson(rate, frames))
    z = rng.uniform(NEAR_LANES[0][0], FAR_LANE[1], len(frame))
    foot = camera.project(rng.uniform(-1, 1, len(frame)) * camera.aperture * z, 0, z)
    height = rng.uniform(1.2, 1.9, len(frame)) * camera.focal / z
    size = np.stack([height * rng.uniform(0.3, 0.5, len(frame)), height], axis=1)
    return np.concatenate([foot - size * [0.5, 1], foot + size * [0.5, 0]], axis=1), frame


def has_pixels(xyxy: Floats) -> NDArray[np.bool_]:
    """(N,) whether each box is at least a pixel wide and high."""
    return np.asarray((xyxy[:, 2:] - xyxy[:, :2] >= 1).all(axis=1))


def unit(vectors: Floats) -> Floats:
    """Vectors (N, D) made of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
