"""Render a synthetic street with pedestrians; exact ground truth, and simulated detections with embeddings."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from idfree.core.boxes import Floats, Integers, area, clip, cxcywh_to_xyxy, iou, xyxy_to_cxcywh
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Frame, Image, Sequence
from idfree.synthetic.canvas import SUBPIXEL, PinholeCamera, to_fixed_point
from idfree.synthetic.people import Appearance, People, pose_people, sample_appearance
from idfree.synthetic.scenery import SceneObject, draw_scenery
from idfree.synthetic.trajectories import FAR_LANE, NEAR_LANES, Trajectories, sample_trajectories

BLOCK = 16  # frames whose people are posed at once: larger arrays leave the cache
MERGING = 0.4  # intersection over union from which two people may be detected as one


@dataclass(frozen=True)
class StreetSettings:
    """Behaviour of the people, and error rates of the simulated detector."""

    together: float = 0.4  # fraction of groups of more than one person
    stopping: float = 0.35  # fraction of groups on a pavement that stand still for a while
    lookalikes: float = 0.2  # fraction of people with the clothes of another person
    shadows: bool = True
    hoarding: float = 0.0  # width in metres of a hoarding between the two lanes of the near pavement; 0: none
    miss_clear: float = 0.02  # miss rate of fully visible people
    miss_hidden: float = 0.95  # of fully occluded people; quadratic in the occluded fraction in between
    jitter: float = 0.03  # standard deviation of centre and log size, relative to width and height
    false_positives: float = 0.3  # mean number per frame
    merged: float = 0.0  # probability that a box that overlaps another by MERGING is replaced by the box around both
    embedding_size: int = 32
    embedding_noise: float = 0.5  # length of the noise vector added to an identity's unit vector
    embedding_likeness: float = 0.7  # weight of the other person's vector in that of a lookalike


@dataclass(frozen=True)
class SyntheticSequence:
    """A rendered sequence with its ground truth and simulated detections.

    truth: ids from 1; xyxy is the full extent of a person clipped to the image, visibility the visible fraction of the
    person's pixels. detections: embedding (K, D) with unit rows, id −1. The class is 1 throughout.
    """

    sequence: Sequence
    truth: Annotation
    detections: Annotation


def make_street(
    seed: int = 0,
    people: int = 30,
    frames: int = 240,
    size_hw: tuple[int, int] = (540, 960),
    frame_rate: float = 20.0,
    settings: StreetSettings = StreetSettings(),
) -> SyntheticSequence:
    """Make a street sequence with `people` pedestrians; the same arguments give the same pixels, truth and detections.

    Images are rendered during iteration. Each person is inside the image at some time, though perhaps occluded.
    Raises UserError for a negative number of people, no frames, a side shorter than 32 px, or a frame rate ≤ 0.
    """
    if people < 0 or frames < 1 or min(size_hw) < 32 or frame_rate <= 0:
        raise UserError(
            f"street: {people} people in {frames} frames of {size_hw[1]}x{size_hw[0]} at {frame_rate} per second; "
            "expected no fewer than 0 people, 1 frame and 32 px a side, and a positive rate"
        )
    appearance_rng, trajectory_rng, scenery_rng, detection_rng = np.random.default_rng(seed).spawn(4)
    camera = PinholeCamera(size_hw)
    appearance = sample_appearance(appearance_rng, people, settings.lookalikes)
    trajectories = sample_trajectories(
        trajectory_rng, camera, people, frames, frame_rate, settings.together, settings.stopping
    )
    street = Street(
        camera, appearance, trajectories, *draw_scenery(camera, scenery_rng, settings.hoarding), settings.shadows
    )
    truth, occluder = annotate_people(street)
    detections = simulate_detections(detection_rng, truth, occluder, street, settings)

    def read() -> Iterator[Frame]:
        return (Frame(n + 1, street.render(people), n / frame_rate) for n, people in enumerate(street.poses()))

    return SyntheticSequence(Sequence(f"street-{seed}", read, frames, frame_rate, size_hw), truth, detections)


@dataclass(frozen=True)
class Street:
    """All people and objects of the scene; renders frames and computes visibility."""

    camera: PinholeCamera
    appearance: Appearance
    trajectories: Trajectories
    background: Image
    objects: list[SceneObject]
    shadows: bool

    def poses(self) -> Iterator[People]:
        """Yield the geometry of all people of each frame in order, including those outside the image."""
        t = self.trajectories
        for start in range(0, len(t.distance), BLOCK):
            rows = slice(start, start + BLOCK)
            states = (t.position[rows], t.heading[rows], t.distance[rows], t.pace[rows])
            yield from pose_people(self.camera, self.appearance, *states)

    def render(self, people: People) -> Image:
        """Render the image (H, W, 3) of people."""
        import cv2

        image = self.background.copy()
        if self.shadows:
            draw_shadows(image, people)
        for index in self.sort_by_depth(people)[::-1]:
            if index < len(people.depth):
                people.draw(image, index)
            else:
                item = self.objects[index - len(people.depth)]
                cv2.copyTo(item.patch, item.mask, image[item.rows, item.columns])
        return image

    def sort_by_depth(self, people: People) -> list[int]:
        """Indices of the people in the image, and N + index of each object, from near to far."""
        depth = np.concatenate([people.depth, [item.depth for item in self.objects]])
        outside = np.flatnonzero(area(clip(people.xyxy, self.camera.size_hw)) == 0)
        order = np.argsort(depth, kind="stable")
        return [int(index) for index in order[~np.isin(order, outside)]]

    def visibility(self, people: People) -> tuple[Floats, Integers]:
        """Visible fraction (N,) of each person's pixels, and main occluder (N,): person index, N (an object), or −1."""
        count = len(people.depth)
        fraction, occluder = np.zeros(count), np.full(count, -1)
        nearest = np.zeros(self.camera.size_hw, dtype=np.int16)  # 1 + index of what is visible at a pixel, 0 nothing
        for index in self.sort_by_depth(people):
            if index >= count:
                item, label = self.objects[index - count], count + 1
                region, own = nearest[item.rows, item.columns], item.mask > 0
                under = region[own]
            else:
                mask, left, top = people.silhouette(index)
                x, y, label = max(left, 0), max(top, 0), index + 1
                region = nearest[y : top + mask.shape[0], x : left + mask.shape[1]]
                own = mask[y - top :, x - left :][: region.shape[0], : region.shape[1]]
                under = region[own]
                pixels = np.bincount(under, minlength=count + 2)  # by label
                fraction[index] = pixels[0] / max(np.count_nonzero(mask), 1)
                occluder[index] = pixels[1:].argmax() if pixels[1:].any() else -1
            region[own] = np.where(under == 0, label, under)
        return fraction, occluder


def draw_shadows(image: Image, people: People) -> None:
    """Darken the ground around the feet of all people, in place."""
    import cv2

    shade = np.zeros_like(image)
    centres = to_fixed_point(people.foot).tolist()
    sizes = np.rint(people.scale[:, None] * [0.36, 0.12] * 2**SUBPIXEL).astype(int).tolist()
    for centre, size in zip(centres, sizes, strict=True):
        cv2.ellipse(shade, centre, size, 0, 0, 360, (42, 48, 52), -1, cv2.LINE_AA, SUBPIXEL)
    cv2.subtract(image, shade, dst=image)


def annotate_people(street: Street) -> tuple[Annotation, Integers]:
    """Ground truth of all frames, and main occluder (K,) of each box (see `Street.visibility`)."""
    rows = []
    for frame, people in enumerate(street.poses()):
        visibility, occluder = street.visibility(people)
        xyxy = clip(people.xyxy, street.camera.size_hw)
        person = np.flatnonzero(is_visible_box(xyxy))
        rows.append((np.full(len(person), frame + 1), person + 1, xyxy[person], visibility[person], occluder[person]))
    number, id, xyxy, visibility, occluder = (np.concatenate(column) for column in zip(*rows, strict=True))
    return Annotation(number, id, xyxy, np.ones(len(id)), np.ones(len(id), dtype=np.int64), visibility), occluder


def simulate_detections(
    rng: Generator, truth: Annotation, occluder: Integers, street: Street, settings: StreetSettings
) -> Annotation:
    """Simulate a detector with embeddings: misses, jitter, false positives; occlusion lowers scores."""
    true = simulate_true_positives(rng, truth, occluder, street, settings)
    false = simulate_false_positives(rng, street, settings)
    frame, xyxy, score, embedding = (np.concatenate(columns) for columns in zip(true, false, strict=True))
    xyxy, count = clip(xyxy, street.camera.size_hw), len(frame)
    id, class_id = np.full(count, -1), np.ones(count, dtype=np.int64)
    detections = Annotation(frame, id, xyxy, score, class_id, np.ones(count), normalise_rows(embedding))
    order = np.argsort(frame, kind="stable")
    return detections[order[is_visible_box(xyxy[order])]]


def simulate_true_positives(
    rng: Generator, truth: Annotation, occluder: Integers, street: Street, settings: StreetSettings
) -> tuple[Integers, Floats, Floats, Floats]:
    """Frame (K,), xyxy (K, 4), score (K,) and embedding (K, D) of detected people.

    The embedding of an occluded person is mixed with that of the main occluder.
    """
    occluded = 1 - truth.visibility
    miss_rate = settings.miss_clear + (settings.miss_hidden - settings.miss_clear) * occluded**2
    detected = rng.random(len(truth)) >= miss_rate
    truth, occluded, occluder = truth[detected], occluded[detected], occluder[detected]
    if settings.merged:
        truth, kept = merge_boxes(rng, truth, settings.merged)
        occluded, occluder = occluded[kept], occluder[kept]
    xyxy = jitter_boxes(rng, truth.xyxy, settings.jitter)
    score = np.clip(0.95 - 0.6 * occluded - np.abs(rng.normal(0, 0.05, len(truth))), 0.05, 1)
    identity = sample_identities(rng, street.appearance.lookalike_of, settings)
    own, other = identity[truth.id - 1], identity[occluder]
    mixed = (1 - occluded)[:, None] * own + (occluded * (occluder >= 0))[:, None] * other
    noise = rng.normal(0, settings.embedding_noise * settings.embedding_size**-0.5, mixed.shape)
    return truth.frame, xyxy, score, mixed + noise


def simulate_false_positives(
    rng: Generator, street: Street, settings: StreetSettings
) -> tuple[Integers, Floats, Floats, Floats]:
    """Frame (K,), xyxy (K, 4), score (K,) and embedding (K, D) of false positives."""
    frames = len(street.trajectories.distance)
    xyxy, frame = sample_false_boxes(rng, street.camera, frames, settings.false_positives)
    embedding = rng.normal(size=(len(xyxy), settings.embedding_size))
    return frame, xyxy, rng.uniform(0.1, 0.7, len(xyxy)), embedding


def sample_identities(rng: Generator, lookalike_of: Integers, settings: StreetSettings) -> Floats:
    """Sample unit embeddings (N + 1, D) of N people and, last, of objects; those of lookalikes are similar."""
    own = normalise_rows(rng.normal(size=(len(lookalike_of) + 1, settings.embedding_size)))
    similar = np.append(lookalike_of, len(lookalike_of))
    weight = (similar != np.arange(len(similar)))[:, None] * settings.embedding_likeness
    return normalise_rows(own + weight * (own[similar] - own))


def merge_boxes(rng: Generator, boxes: Annotation, probability: float) -> tuple[Annotation, Integers]:
    """Replace pairs of overlapping boxes by the box around both, in the row of the more visible one.

    Returns the boxes, and their rows (M,) in `boxes`. A box is in one pair at the most.
    """
    xyxy, is_kept = boxes.xyxy.copy(), np.ones(len(boxes), dtype=bool)
    for frame in np.unique(boxes.frame):
        rows = np.flatnonzero(boxes.frame == frame)
        first, second = np.nonzero(np.triu(iou(boxes.xyxy[rows], boxes.xyxy[rows]) >= MERGING, 1))
        used: set[int] = set()
        for pair in zip(rows[first].tolist(), rows[second].tolist(), strict=True):
            if used.isdisjoint(pair) and rng.random() < probability:
                seen, hidden = sorted(pair, key=lambda row: -float(boxes.visibility[row]))
                xyxy[seen, :2] = np.minimum(xyxy[seen, :2], xyxy[hidden, :2])
                xyxy[seen, 2:] = np.maximum(xyxy[seen, 2:], xyxy[hidden, 2:])
                is_kept[hidden] = False
                used.update(pair)
    kept = np.flatnonzero(is_kept)
    return replace(boxes, xyxy=xyxy)[kept], kept


def jitter_boxes(rng: Generator, xyxy: Floats, sigma: float) -> Floats:
    """Shift and scale boxes randomly: Gaussian centre and log size with `sigma` relative to width and height."""
    boxes = xyxy_to_cxcywh(xyxy)
    shift, log_scale = rng.normal(0, sigma, (2, len(boxes), 2))
    boxes[:, :2] += shift * boxes[:, 2:]
    boxes[:, 2:] *= np.exp(log_scale)
    return cxcywh_to_xyxy(boxes)


def sample_false_boxes(rng: Generator, camera: PinholeCamera, frames: int, rate: float) -> tuple[Floats, Integers]:
    """Sample boxes (K, 4) of the size that people have at random positions, and their frames (K,); `rate` per frame."""
    frame = np.repeat(np.arange(1, frames + 1), rng.poisson(rate, frames))
    z = rng.uniform(NEAR_LANES[0][0], FAR_LANE[1], len(frame))
    foot = camera.project(rng.uniform(-1, 1, len(frame)) * camera.aperture * z, 0, z)
    height = rng.uniform(1.2, 1.9, len(frame)) * camera.focal / z
    size = np.stack([height * rng.uniform(0.3, 0.5, len(frame)), height], axis=1)
    return np.concatenate([foot - size * [0.5, 1], foot + size * [0.5, 0]], axis=1), frame


def is_visible_box(xyxy: Floats) -> NDArray[np.bool_]:
    """Mask (N,) of the boxes that are at least one pixel wide and high."""
    return np.asarray((xyxy[:, 2:] - xyxy[:, :2] >= 1).all(axis=1))


def normalise_rows(vectors: Floats) -> Floats:
    """Scale vectors (N, D) to length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
