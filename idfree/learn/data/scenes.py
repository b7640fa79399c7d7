"""Scenes: which images of a dataset may show the same objects, and which cannot."""

from dataclasses import dataclass

import numpy as np

from idfree.core.types import Integers
from idfree.datasets.footage import Footage
from idfree.learn.data.labelled_images import LabelledImages


@dataclass(frozen=True)
class Scenes:
    """The P images of a dataset grouped by scene.

    order (P,): image numbers, scene by scene. start, count (P,): first position in `order` and number of images of each
    image's scene.
    """

    order: Integers
    start: Integers
    count: Integers

    @classmethod
    def from_groups(cls, group: Integers) -> "Scenes":
        """From each image's scene number (P,), 0…S−1."""
        sizes = np.bincount(group)
        return cls(np.argsort(group, kind="stable"), (np.cumsum(sizes) - sizes)[group], sizes[group])

    def draw_other(self, number: int, random: np.random.Generator) -> int:
        """The number of a random image of another scene than that of image `number`."""
        nth = int(random.integers(len(self.order) - self.count[number]))
        return int(self.order[nth + int(self.count[number]) * (nth >= self.start[number])])


def scene_groups(dataset: LabelledImages) -> Integers:
    """(P,) scene number of each image, 0…S−1 by first occurrence. Images of two scenes are assumed to share no object.

    A scene is a video, or a still image. If a set of still images has several folders, each folder is a scene, since it
    may hold frames of one video.
    """
    by_footage = [footage_groups(footage) for footage in dataset.footages]
    keys = [
        (int(footage), by_footage[footage][frame - 1] if by_footage[footage] else "")
        for footage, frame in zip(dataset.footage.tolist(), dataset.frame.tolist(), strict=True)
    ]
    number = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys], dtype=np.int64)


def footage_groups(footage: Footage) -> list[str]:
    """Scene of each still image: its folder if there are several folders, else its number; [] for a video."""
    if footage.is_sequence:
        return []
    folders = [str(path.parent) for path in footage.paths]
    return folders if len(set(folders)) > 1 else [str(number) for number in range(1, footage.length + 1)]


def video_spans(dataset: LabelledImages) -> tuple[Integers, Integers]:
    """(P,) first image and (P,) number of images of each image's video; of a still image its own number and 1."""
    count = np.bincount(dataset.footage, minlength=len(dataset.footages))
    in_sequence = np.array([footage.is_sequence for footage in dataset.footages])[dataset.footage]
    start = np.where(in_sequence, (np.cumsum(count) - count)[dataset.footage], np.arange(len(dataset)))
    return start, np.where(in_sequence, count[dataset.footage], 1)
