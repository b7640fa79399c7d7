"""Footage to learn from: pictures with boxes, whatever set they come from."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from idfree.core.errors import UserError
from idfree.core.types import Annotation, Image
from idfree.sequences.pictures import is_video, picture_size

Half = Literal["none", "train", "val"]


@dataclass(frozen=True)
class FootageSettings:
    """What of the labels is learnt from."""

    min_visibility: float = 0.0  # of a box; what shows less is a region to ignore
    classes: str = "person"  # names of COCO's and VOC's classes, comma separated; class_id is their place in this list
    crowdhuman: Literal["full", "visible", "head"] = "full"  # which of its three boxes (Shao 2018, sec. 3)

    def __post_init__(self) -> None:
        if not 0 <= self.min_visibility <= 1:
            raise ValueError(f"min_visibility={self.min_visibility} must lie in 0…1")
        if not all(self.names):
            raise ValueError(f"classes={self.classes!r} must be names, separated by commas")

    @property
    def names(self) -> tuple[str, ...]:
        """The classes by class_id."""
        return tuple(name.strip() for name in self.classes.split(","))


@dataclass(frozen=True)
class Footage:
    """Pictures with boxes, to train on: a labelled video, or still images.

    boxes: frame 1…length; id −1 unknown, others mean nothing in other footage; score 1, or 0 for regions to ignore;
    class_id from 0, a place in `classes`; visibility. image: gives the picture of a frame, BGR (H, W, 3); raises
    UserError that names the file. moving: the frames are consecutive moments of one video, not unrelated pictures.
    paths: where each picture lies, a video's own path once for each of its frames; empty where there are no pictures.
    size_hw: (height, width), None where pictures differ or nothing tells. source: the file or folder of the labels.
    offset: the video's number of a frame, less the footage's. everybody: all that there is to see is labelled, so that
    it can be learnt where nothing is.
    """

    name: str
    boxes: Annotation
    length: int
    image: Callable[[int], Image]
    moving: bool
    paths: tuple[Path, ...] = ()
    size_hw: tuple[int, int] | None = None
    frame_rate: float = 30.0
    source: Path | None = None
    offset: int = 0
    classes: tuple[str, ...] = ("person",)
    everybody: bool = True

    @property
    def in_video(self) -> bool:
        """Whether the pictures are frames of a video file, slow to be read out of their order (see frame_cache)."""
        return bool(self.paths) and is_video(self.paths[0])

    def frames(self, first: int, last: int) -> "Footage":
        """The frames first…last, renumbered from 1. Raises UserError where there are no such frames."""
        if not 1 <= first <= last <= self.length:
            raise UserError(f"{self.name}: frames {first} to {last} of a footage of {self.length}")
        boxes = self.boxes[(self.boxes.frame >= first) & (self.boxes.frame <= last)]
        return replace(
            self,
            boxes=replace(boxes, frame=boxes.frame - (first - 1)),
            length=last - first + 1,
            image=partial(later, self.image, first - 1),
            paths=self.paths[first - 1 : last],
            offset=self.offset + first - 1,
        )

    def half(self, part: Half) -> "Footage | None":
        """The half of a video that trains or validates (Zhou 2020: of n frames, the first ⌊n/2⌋ + 1 train).

        Still images all train; None where nothing is left to validate on. Raises UserError at another part.
        """
        if part not in ("none", "train", "val"):
            raise UserError(f"half {part!r}: expected none, train or val")
        if part == "none" or (part == "train" and not self.moving):
            return self
        first = min(self.length // 2 + 1, self.length)
        if part == "train":
            return self.frames(1, first)
        return self.frames(first + 1, self.length) if self.moving and first < self.length else None

    def size_at(self, number: int) -> tuple[int, int]:
        """(height, width) of a picture, read from its file where it is not known. Raises UserError."""
        if self.size_hw is not None:
            return self.size_hw
        if self.paths and not self.in_video:
            return picture_size(self.paths[number - 1])
        height, width, _ = self.image(number).shape
        return height, width

    def where(self, number: int) -> str:
        """Where a picture lies, for a message."""
        if self.paths and not self.in_video:
            return str(self.paths[number - 1])
        return f"{self.paths[0] if self.paths else self.name} frame {number + self.offset}"


def later(image: Callable[[int], Image], offset: int, number: int) -> Image:
    """The picture `number` of a part that begins after `offset` others."""
    return image(number + offset)
