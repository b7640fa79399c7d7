"""Footage to learn from: pictures with boxes, whatever set they come from."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from idfree.errors import UserError
from idfree.sequences.folders import contents, files
from idfree.sequences.labels import Complain, refuse
from idfree.sequences.pictures import is_video, picture_size
from idfree.types import Annotation, Image

LOG = logging.getLogger("idfree")
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


def open_footage(
    spec: str | Path,
    half: Half = "none",
    images: str | Path | None = None,
    settings: FootageSettings | None = None,
    complain: Complain = refuse,
) -> list[Footage]:
    """The footage that `spec` names, its labels read, its pictures not.

    A MOTChallenge sequence with gt/gt.txt or a folder of them, each video once; CrowdHuman's `.odgt`; COCO's `.json`;
    a JDE list of image paths; a folder with boxes.json; a folder of VOC's `.xml`. half: of videos, see Footage.half.
    images: where the pictures lie, if not beside the labels (for MOTChallenge, a folder of NAME.mp4 or NAME/).
    complain: told of what cannot be right in the labels, which is then left out; by default it raises UserError.
    Raises UserError where there is nothing of the kind.
    """
    path, settings = Path(spec), settings or FootageSettings()
    if not path.exists():
        raise UserError(f"no such file or folder: {path}")
    found = read_labels(path, None if images is None else Path(images), settings, complain)
    parts = [(footage, footage.half(half)) for footage in found]
    for footage in (footage for footage, part in parts if part is None):
        LOG.warning("%s: has no half to validate on, left out", footage.name)
    return [ignoring(part, settings.min_visibility) for _, part in parts if part is not None]


def read_labels(path: Path, images: Path | None, settings: FootageSettings, complain: Complain) -> list[Footage]:
    """The footage of a file or folder, by what it is. Raises UserError where it is nothing known."""
    from idfree.sequences import coco, crowdhuman, jde_lists, labelled_sequences, still_images, voc
    from idfree.sequences.motchallenge import find_sequences, is_sequence

    if path.is_dir():
        if (path / still_images.BOXES).is_file():
            return [still_images.read_boxes_json(path / still_images.BOXES, images, complain)]
        if files(path, (".xml",)) or (path / voc.ANNOTATIONS).is_dir():
            return [voc.read_voc(path, settings, images, complain)]
        if is_sequence(path) or any(is_sequence(below) for below in path.iterdir() if below.is_dir()):
            return labelled_sequences.read_sequences(find_sequences(path), images, complain)
        raise UserError(
            f"{path}: neither MOTChallenge sequences with gt/gt.txt, nor {still_images.BOXES}, nor VOC's .xml; "
            f"found {contents(path)}"
        )
    suffix = path.suffix.lower()
    if path.name == "gt.txt":
        return labelled_sequences.read_sequences([path.resolve().parent.parent], images, complain)
    if suffix == ".odgt":
        return [crowdhuman.read_odgt(path, settings, images, complain)]
    if suffix == ".json":
        return coco.read_coco(path, settings, images, complain)
    return jde_lists.read_list(path, images, complain)


def ignoring(footage: Footage, min_visibility: float) -> Footage:
    """The footage with boxes that are seen less than that as regions to ignore."""
    boxes = footage.boxes
    seen = boxes.visibility >= min_visibility
    return footage if seen.all() else replace(footage, boxes=replace(boxes, score=np.where(seen, boxes.score, 0.0)))


def open_all(
    specs: list[str] | list[Path],
    half: Half = "none",
    images: str | Path | None = None,
    settings: FootageSettings | None = None,
    complain: Complain = refuse,
) -> list[Footage]:
    """The footage of several, in their order (see open_footage)."""
    return [footage for spec in specs for footage in open_footage(spec, half, images, settings, complain)]
