"""Footage: a labelled video, or labelled still images, whatever the data set's format."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.names import file_name
from idfree.core.settings import Assignments, override, split_assignments
from idfree.core.types import Annotation, Image
from idfree.sequences.image_files import image_size, read_nth_image
from idfree.sequences.video import is_video

LOG = logging.getLogger("idfree")

PEOPLE = ("person",)  # default classes
ALL = "all"  # the setting `classes` for all classes
CHOOSE = "--set data.classes="  # the option of the setting `classes`, for messages

Half = Literal["none", "train", "val"]


@dataclass(frozen=True)
class FootageSettings:
    """Settings of the labels to train on. Raises ValueError if a value is out of range."""

    min_visibility: float = 0.0  # 0…1; less visible boxes become ignore regions
    # Names or numbers of classes, comma separated; class_id is the position in this list; `all` of MOTChallenge
    classes: str = "person"
    crowdhuman: Literal["full", "visible", "head"] = "full"  # which of CrowdHuman's boxes (Shao 2018, sec. 3)

    def __post_init__(self) -> None:
        if not 0 <= self.min_visibility <= 1:
            raise ValueError(f"min_visibility={self.min_visibility} must lie in 0…1")
        if not all(self.names):
            raise ValueError(f"classes={self.classes!r} must be names, separated by commas")

    @classmethod
    def read(cls, assignments: Assignments) -> "FootageSettings":
        """The settings of `name=value`, or `data.name=value` as `idfree train` has them. Raises UserError."""
        parts = split_assignments(assignments, ("data",))
        return override(cls(), [*parts["data"], *parts[""]])

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by class_id."""
        return tuple(name.strip() for name in self.classes.split(","))

    def person_class(self, path: Path) -> int:
        """The class_id of people, for data of people alone. Raises UserError if `classes` does not name them."""
        if PEOPLE[0] not in self.names:
            raise UserError(f"{path}: has boxes of people alone, classes={self.classes} does not name {PEOPLE[0]}")
        return self.names.index(PEOPLE[0])


@dataclass(frozen=True)
class Footage:
    """Labelled images: one video, or a set of still images.

    name: that of files of results; a name that would lead out of their folder is changed (`names.file_name`).
    boxes: frame 1…length; id −1 if unknown, ids are unique within this footage only; score 1, or 0 for ignore regions;
    class_id from 0, an index into `classes`; visibility 0…1.
    image: reads image `number` (from 1) as BGR (H, W, 3); raises UserError with the file's name.
    is_sequence: the images are consecutive frames of one video, not unrelated still images.
    paths: the file of each image, or the video's path once per frame; empty if the images are unavailable.
    size_hw: (height, width), None if it varies or is unknown.
    source: the file or folder of the labels.
    offset: frame number in the video − frame number in this footage.
    fully_labelled: all objects are labelled, so that unlabelled regions are background.
    scored: the labels are results: their scores are those of a tracker or detector, 0…1 (0: filled in); nothing is a
    region to ignore.
    class_numbers: those of `classes` in files that have no names for them, as far as the labels' own file has numbers.
    """

    name: str
    boxes: Annotation
    length: int
    image: Callable[[int], Image]
    is_sequence: bool
    paths: tuple[Path, ...] = ()
    size_hw: tuple[int, int] | None = None
    frame_rate: float = 30.0
    source: Path | None = None
    offset: int = 0
    classes: tuple[str, ...] = PEOPLE
    fully_labelled: bool = True
    scored: bool = False
    class_numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", file_name(self.name, "footage"))

    @property
    def ignored(self) -> NDArray[np.bool_]:
        """Mask (K,) of the boxes that are regions to ignore."""
        return np.zeros(len(self.boxes), dtype=np.bool_) if self.scored else self.boxes.score == 0

    def class_name(self, class_id: int) -> str:
        """The name of a class; of one beyond `classes` (regions to ignore have some), the last name."""
        return self.classes[min(class_id, len(self.classes) - 1)]

    @property
    def in_video(self) -> bool:
        """Whether the images are frames of a video file, slow to read in random order (see frame_cache)."""
        return bool(self.paths) and is_video(self.paths[0])

    def frames(self, first: int, last: int) -> "Footage":
        """The frames first…last, renumbered from 1. Raises UserError if they are out of range."""
        if not 1 <= first <= last <= self.length:
            raise UserError(f"{self.name}: frames {first} to {last} of a footage of {self.length}")
        boxes = self.boxes[(self.boxes.frame >= first) & (self.boxes.frame <= last)]
        return replace(
            self,
            boxes=replace(boxes, frame=boxes.frame - (first - 1)),
            length=last - first + 1,
            image=partial(read_with_offset, self.image, first - 1),
            paths=self.paths[first - 1 : last],
            offset=self.offset + first - 1,
        )

    def half(self, part: Half) -> "Footage | None":
        """The training or validation half of a video (Zhou 2020: of n frames, the first ⌊n/2⌋ + 1 train).

        Still images all belong to the training half. None if the validation half is empty. Raises UserError if `part`
        is invalid.
        """
        if part not in ("none", "train", "val"):
            raise UserError(f"half {part!r}: expected none, train or val")
        if part == "none" or (part == "train" and not self.is_sequence):
            return self
        first = min(self.length // 2 + 1, self.length)
        if part == "train":
            return self.frames(1, first)
        return self.frames(first + 1, self.length) if self.is_sequence and first < self.length else None

    def size_at(self, number: int) -> tuple[int, int]:
        """(height, width) of an image, read from its file if `size_hw` is None. Raises UserError if unreadable."""
        if self.size_hw is not None:
            return self.size_hw
        if self.paths and not self.in_video:
            return image_size(self.paths[number - 1])
        height, width, _ = self.image(number).shape
        return height, width

    def readable(self, numbers: Iterable[int], required: bool = True) -> Iterator[tuple[int, Image]]:
        """Read images by number, and skip those that are missing or damaged; a warning at the end says how many.

        Raises UserError if none can be read and one is `required`.
        """
        faults, read = [], 0
        for number in numbers:
            try:
                image = self.image(number)
            except UserError as error:
                faults.append(error)
            else:
                read += 1
                yield number, image
        if faults and not read and required:
            raise faults[0]
        if faults:
            total = read + len(faults)
            LOG.warning("%s: %d of %d images could not be read: %s", self.name, len(faults), total, faults[0])

    def location(self, number: int) -> str:
        """The file of an image, or the video and its frame number, for messages."""
        if self.paths and not self.in_video:
            return str(self.paths[number - 1])
        return f"{self.paths[0] if self.paths else self.name} frame {number + self.offset}"


def label_still_images(
    name: str, boxes: Annotation, paths: tuple[Path, ...], source: Path, classes: tuple[str, ...]
) -> Footage:
    """Footage of still images at `paths`, whose boxes have frame 1 for the first; source: the file of the labels."""
    image = partial(read_nth_image, paths)
    return Footage(name, boxes, len(paths), image, is_sequence=False, paths=paths, source=source, classes=classes)


def read_with_offset(image: Callable[[int], Image], offset: int, number: int) -> Image:
    """Read image `number` of a part of a video that begins `offset` images after its start."""
    return image(number + offset)
