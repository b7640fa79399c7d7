"""A street with pedestrians: rendered frames, and the ground truth of boxes and visibility."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import Floats, Integers, area, clip
from idfree.core.types import Annotation, Frame, Image
from idfree.synthetic.canvas import SUBPIXEL, PinholeCamera, to_fixed_point
from idfree.synthetic.people import Appearance, People, pose_people
from idfree.synthetic.scenery import SceneObject
from idfree.synthetic.trajectories import Trajectories

FRAMES_PER_BLOCK = 16  # whose people are posed at once: larger arrays leave the cache
SHADOW_SIZE = (0.36, 0.12)  # metres, semi-axes of the shadow around the feet
SHADOW_DEPTH = (42, 48, 52)  # b, g, r that are subtracted there


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
class Street:
    """A street with its people, objects and camera; renders frames, and computes the visibility of people."""

    camera: PinholeCamera
    appearance: Appearance
    trajectories: Trajectories
    background: Image
    objects: list[SceneObject]
    shadows: bool

    def poses(self) -> Iterator[People]:
        """Yield the geometry of all people of each frame in order, including those outside the image."""
        t = self.trajectories
        for start in range(0, len(t.distance), FRAMES_PER_BLOCK):
            rows = slice(start, start + FRAMES_PER_BLOCK)
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

    def render_frames(self, frame_rate: float) -> Iterator[Frame]:
        """Render the frames in order."""
        for index, people in enumerate(self.poses()):
            yield Frame(index + 1, self.render(people), index / frame_rate)

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
    sizes = np.rint(people.scale[:, None] * SHADOW_SIZE * 2**SUBPIXEL).astype(int).tolist()
    for centre, size in zip(centres, sizes, strict=True):
        cv2.ellipse(shade, centre, size, 0, 0, 360, SHADOW_DEPTH, -1, cv2.LINE_AA, SUBPIXEL)
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


def is_visible_box(xyxy: Floats) -> NDArray[np.bool_]:
    """Mask (N,) of the boxes that are at least one pixel wide and high."""
    return np.asarray((xyxy[:, 2:] - xyxy[:, :2] >= 1).all(axis=1))
