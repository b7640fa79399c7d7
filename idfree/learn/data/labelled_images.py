"""Dataset of labelled images for one-shot trackers: the images of several videos and still-image sets, concatenated."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import clip
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Floats, Image, Integers
from idfree.datasets.footage import Footage
from idfree.learn.data.teacher_labels import TeacherLabels

MARGIN = 1.0  # px: an ignore region as close as this to all borders of an image covers the whole image
NO_LABEL = -1  # identity if unknown; category of rows that are not objects


@dataclass(frozen=True)
class LabelledImage:
    """An image (H, W, 3) BGR and its labels in pixels.

    xyxy (N, 4): full boxes of the objects, which may exceed the image; visible (N, 4): their parts within the image;
    row (N,): label row of each object in the dataset, unchanged by augmentation. ignore (K, 4): regions to ignore.
    """

    image: Image
    xyxy: Floats
    visible: Floats
    row: Integers
    ignore: Floats


@dataclass(frozen=True)
class LabelledImages:
    """P images and R label rows of all footages, concatenated; `dataset[n]` reads image n as a LabelledImage.

    footage, frame (P,): source of each image. start (F,): first row of each footage. category (R,): 0…C−1, NO_LABEL for
    rows that are not objects; identity (R,): 0…K−1 over all footages, NO_LABEL if unknown; ignore (R,): whether the row
    is a region to ignore. classes: the class_id of each category; empty: one category for all classes.
    teacher: embeddings of the rows, for methods that distil them.
    """

    footages: tuple[Footage, ...]
    footage: Integers
    frame: Integers
    start: Integers
    category: Integers
    identity: Integers
    ignore: NDArray[np.bool_]
    classes: tuple[int, ...] = ()
    teacher: TeacherLabels | None = None

    @classmethod
    def from_footages(cls, footages: Sequence[Footage], classes: tuple[int, ...] = ()) -> "LabelledImages":
        """Concatenate footages. Raises UserError if there is no image, or no object in any."""
        names = ", ".join(footage.name for footage in footages) or "nothing given"
        if not any(footage.length for footage in footages):
            raise UserError(f"no images to train on: {names}")
        frames = [labelled_frames(footage) for footage in footages]
        rows = np.array([len(footage.boxes) for footage in footages])
        source = np.repeat(np.arange(len(footages)), [len(numbers) for numbers in frames])
        category = np.concatenate([box_categories(footage.boxes, classes) for footage in footages])
        identity = np.concatenate([footage.boxes.id for footage in footages])
        identity = number_identities(np.where(category == NO_LABEL, NO_LABEL, identity), rows)
        ignore = np.concatenate([footage.boxes.score == 0 for footage in footages])
        if not np.any(category != NO_LABEL):
            of_classes = f" of class {' or '.join(map(str, classes))}" if classes else ""
            raise UserError(f"no boxes{of_classes} to train on in {len(source)} images: {names}")
        frame, start = np.concatenate(frames), np.cumsum(rows) - rows
        return cls(tuple(footages), source, frame, start, category, identity, ignore, classes)

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, number: int) -> LabelledImage:
        """Raises UserError if the image cannot be read."""
        footage, frame = self.footages[self.footage[number]], int(self.frame[number])
        image, boxes = footage.image(frame), footage.boxes
        in_frame = boxes.rows_at(frame)
        xyxy = boxes.xyxy[in_frame]
        row = np.arange(in_frame.start, in_frame.stop) + self.start[self.footage[number]]
        is_object, is_ignored = self.category[row] != NO_LABEL, self.ignore[row]
        objects, size_hw = xyxy[is_object], (image.shape[0], image.shape[1])
        return LabelledImage(image, objects, clip(objects, size_hw), row[is_object], clip(xyxy[is_ignored], size_hw))

    @cached_property
    def identity_count(self) -> int:
        """Number K of identities."""
        return int(self.identity.max(initial=-1)) + 1

    @property
    def category_count(self) -> int:
        """Number C of categories."""
        return len(self.classes) or 1

    def fingerprint(self) -> str:
        """Counts and checksum of the labels, without identities if none is known."""
        has_identities = int(self.identity_count > 0)
        columns = [
            c
            for f in self.footages
            for c in (f.boxes.frame, *[f.boxes.id] * has_identities, f.boxes.xyxy, f.boxes.score)
        ]
        check = zlib.crc32(b"".join(np.ascontiguousarray(column).tobytes() for column in [*columns, self.category]))
        return f"{len(self)} pictures of {len(self.footages)} footages, {len(self.category)} boxes, {check:08x}"


def labelled_frames(footage: Footage) -> Integers:
    """The frames of a footage, without those that one ignore region covers entirely."""
    frames = np.arange(1, footage.length + 1)
    if footage.size_hw is None:
        return frames
    height, width = footage.size_hw
    left, top, right, bottom = footage.boxes.xyxy.T
    covers_all = np.maximum.reduce([left, top, width - right, height - bottom]) < MARGIN
    return np.setdiff1d(frames, footage.boxes.frame[covers_all & (footage.boxes.score == 0)])


def box_categories(boxes: Annotation, classes: tuple[int, ...]) -> Integers:
    """(R,) index of each row's class in `classes` (0 if empty); NO_LABEL for other classes and ignore regions."""
    matches = boxes.class_id[:, None] == np.array(classes, dtype=np.int64)
    index = (
        np.where(matches.any(axis=1), matches.argmax(axis=1), NO_LABEL) if classes else np.zeros(len(boxes), np.int64)
    )
    return np.where(boxes.score == 0, NO_LABEL, index)


def number_identities(identity: Integers, rows: Integers) -> Integers:
    """(R,) identities numbered 0…K−1 over all footages, which have `rows` (F,) rows each and share no identity."""
    footage, is_known = np.repeat(np.arange(len(rows)), rows), identity >= 0
    pairs = np.stack([footage[is_known], identity[is_known]], axis=1)
    _, number = np.unique(pairs, axis=0, return_inverse=True)
    result = np.full(len(identity), NO_LABEL, dtype=np.int64)
    result[is_known] = number.ravel()
    return result
