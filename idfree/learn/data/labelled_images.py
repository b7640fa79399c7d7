"""Labelled pictures to learn detection from: those of several videos and still-image sets, numbered through."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import clip
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Floats, Image, Integers

EDGE = 1.0  # px between the corners of a region and those of the picture, where it is all of it
NOBODY = -1  # the identity of a box of which it is unknown, and the category of a row that is no object


class Footage(Protocol):
    """What scenes are taken from: a labelled video, or (not `moving`) still images that have nothing to do with each
    other. image: frame 1…length → its picture; raises UserError naming the file. boxes: their score is the mark, 0 for
    a region of which nobody says what is in it; identities mean nothing outside this footage. size_hw: of all
    its pictures, None where they differ or nothing tells.
    """

    @property
    def name(self) -> str: ...
    @property
    def boxes(self) -> Annotation: ...
    @property
    def length(self) -> int: ...
    @property
    def moving(self) -> bool: ...
    @property
    def size_hw(self) -> tuple[int, int] | None: ...
    @property
    def image(self) -> Callable[[int], Image]: ...


@dataclass(frozen=True)
class LabelledImage:
    """A picture (H, W, 3) BGR and what is known of it, in its pixels.

    xyxy (N, 4): the objects' boxes, beyond the picture's border where they are cut by it; visible (N, 4): the part of
    each that lies within; row (N,): a number that stays with the box whatever is done to the picture.
    unknown (K, 4): regions in which something may be or not.
    """

    image: Image
    xyxy: Floats
    visible: Floats
    row: Integers
    unknown: Floats


@dataclass(frozen=True)
class LabelledImages:
    """Pictures 0…P−1 of which anything is known, and boxes 0…R−1, of all footages, one after the other.
    `scenes[picture]` reads one.

    footage, frame (P,): where each picture is found. start (F,): the first box of each footage. category (R,): 0…C−1,
    NOBODY for what is no object; identity (R,): 0…K−1 over all footages, NOBODY where unknown; unknown (R,): regions.
    classes: the class_id of each category; empty: all objects are of one category, whatever their class.
    """

    footages: tuple[Footage, ...]
    footage: Integers
    frame: Integers
    start: Integers
    category: Integers
    identity: Integers
    unknown: NDArray[np.bool_]
    classes: tuple[int, ...] = ()

    @classmethod
    def of(cls, footages: Sequence[Footage], classes: tuple[int, ...] = ()) -> "LabelledImages":
        """Those of some footages. Raises UserError where there is no picture, or no object in any."""
        names = ", ".join(footage.name for footage in footages) or "nothing given"
        if not any(footage.length for footage in footages):
            raise UserError(f"no pictures to train on: {names}")
        frames = [told_of(footage) for footage in footages]
        rows = np.array([len(footage.boxes) for footage in footages])
        which = np.repeat(np.arange(len(footages)), [len(numbers) for numbers in frames])
        category = np.concatenate([categories(footage.boxes, classes) for footage in footages])
        identity = np.concatenate([footage.boxes.id for footage in footages])
        identity = numbered(np.where(category == NOBODY, NOBODY, identity), rows)
        unknown = np.concatenate([footage.boxes.score == 0 for footage in footages])
        if not np.any(category != NOBODY):
            wanted = f" of class {' or '.join(map(str, classes))}" if classes else ""
            raise UserError(f"no boxes{wanted} to train on in {len(which)} pictures: {names}")
        frame, start = np.concatenate(frames), np.cumsum(rows) - rows
        return cls(tuple(footages), which, frame, start, category, identity, unknown, classes)

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, picture: int) -> LabelledImage:
        """Raises UserError where the picture cannot be read."""
        footage, frame = self.footages[self.footage[picture]], int(self.frame[picture])
        image, boxes = footage.image(frame), footage.boxes
        found = boxes.rows_at(frame)
        xyxy, row = boxes.xyxy[found], np.arange(found.start, found.stop) + self.start[self.footage[picture]]
        is_object, is_unknown = self.category[row] != NOBODY, self.unknown[row]
        whole, size_hw = xyxy[is_object], (image.shape[0], image.shape[1])
        return LabelledImage(image, whole, clip(whole, size_hw), row[is_object], clip(xyxy[is_unknown], size_hw))

    @cached_property
    def identities(self) -> int:
        """K, how many identities there are."""
        return int(self.identity.max(initial=-1)) + 1

    @property
    def categories(self) -> int:
        """C, how many categories there are."""
        return len(self.classes) or 1

    def fingerprint(self) -> str:
        """Tells these labels from others, without reading a picture; identities are labels where any is known here."""
        named = int(self.identities > 0)
        columns = [
            c for f in self.footages for c in (f.boxes.frame, *[f.boxes.id] * named, f.boxes.xyxy, f.boxes.score)
        ]
        check = zlib.crc32(b"".join(np.ascontiguousarray(column).tobytes() for column in [*columns, self.category]))
        return f"{len(self)} pictures of {len(self.footages)} footages, {len(self.category)} boxes, {check:08x}"


def told_of(footage: Footage) -> Integers:
    """The frames of which something is known: not those that are one region from corner to corner."""
    every = np.arange(1, footage.length + 1)
    if footage.size_hw is None:
        return every
    height, width = footage.size_hw
    left, top, right, bottom = footage.boxes.xyxy.T
    whole = np.maximum.reduce([left, top, width - right, height - bottom]) < EDGE
    return np.setdiff1d(every, footage.boxes.frame[whole & (footage.boxes.score == 0)])


def categories(boxes: Annotation, classes: tuple[int, ...]) -> Integers:
    """(K,) the place of each row's class in `classes` (0 where that is empty); NOBODY for other classes, and mark 0."""
    known = boxes.class_id[:, None] == np.array(classes, dtype=np.int64)
    place = np.where(known.any(axis=1), known.argmax(axis=1), NOBODY) if classes else np.zeros(len(boxes), np.int64)
    return np.where(boxes.score == 0, NOBODY, place)


def numbered(identity: Integers, rows: Integers) -> Integers:
    """(R,) identities counted from 0 without a gap; those of two footages, of `rows` (F,) each, are never the same."""
    footage, known = np.repeat(np.arange(len(rows)), rows), identity >= 0
    _, number = np.unique(np.stack([footage[known], identity[known]], axis=1), axis=0, return_inverse=True)
    result = np.full(len(identity), NOBODY, dtype=np.int64)
    result[known] = number.ravel()
    return result
