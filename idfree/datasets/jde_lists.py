"""JDE lists (Wang 2020): a text file of image paths; the labels of `…/images/X.jpg` are `…/labels_with_ids/X.txt`.

A row of labels is `class id cx cy w h`, the box normalised by the image's width and height, id −1 if unknown.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from idfree.core.arrays import MAX_EXACT_INTEGER
from idfree.core.boxes import xyxy_to_cxcywh
from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.core.messages import warn_once
from idfree.core.names import is_path
from idfree.core.reading import is_file, read_text
from idfree.core.types import Annotation
from idfree.datasets.export_images import export_images, image_names, warn_of_others
from idfree.datasets.footage import CHOOSE, PEOPLE, Footage, FootageSettings
from idfree.datasets.labels import LabelRows, OnFault, denormalise
from idfree.sequences.image_files import image_size, locate_images, read_nth_image
from idfree.sequences.images import IMAGE_SUFFIXES
from idfree.sequences.rows import NUMBER
from idfree.sequences.seqinfo import IMAGE_FOLDER as VIDEO_FOLDER

IMAGE_FOLDER, LABEL_FOLDER = "images", "labels_with_ids"
EXPECTED = "expected a list of image paths (JDE), or tracking results, rows frame,id,x,y,w,h,…"
MAX_CLASS = 10_000  # each class up to the largest number gets a name
MAX_NORMALISED = 100.0  # coordinate / image size; larger ones are pixels, which have not been normalised
ROW = "class id cx cy w h"
MAX_VALUES = (MAX_CLASS, MAX_EXACT_INTEGER, *[MAX_NORMALISED] * 4)  # absolute, of the columns of a row


def is_list(path: Path) -> bool:
    """Whether a path is a file: any file that no other format recognises is read as a JDE list."""
    return not path.is_dir()


def read_list(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """Each video of a list (images in a folder img1/), and all other images as one footage of still images.

    Paths are relative to `images`, or to the list's folder or one above it. settings: see `select_classes`. Raises
    UserError with file and line if the list is invalid.
    """
    names = read_image_names(path)
    paths = locate_images(names, [images, path.parent, *path.resolve().parent.parents])
    groups: dict[Path | None, list[Path]] = defaultdict(list)
    for image_path in paths:
        groups[image_path.parent if image_path.parent.name == VIDEO_FOLDER else None].append(image_path)
    if not any(is_file(label_path(image_path)) for image_path in paths):
        raise UserError(f"{path}: none of its {len(paths)} images has labels; expected {label_path(paths[0])} …")
    footages = [read_group(folder, group, path, on_fault) for folder, group in groups.items()]
    return [select_classes(footage, settings) for footage in footages]


def read_image_names(path: Path) -> list[str]:
    """The image paths of a list. Raises UserError if a line is not an image path."""
    lines = [(number, line.strip()) for number, line in enumerate(read_text(path).split("\n"), start=1)]
    names = [(number, line) for number, line in lines if line]
    for number, name in names:
        if not (name.lower().endswith(IMAGE_SUFFIXES) and is_path(name)):
            raise UserError(f"{path} line {number}: {name[:60]!r} is no image; {EXPECTED}")
    if not names:
        raise UserError(f"{path}: has no line of text; {EXPECTED}")
    return [name for _, name in names]


def read_group(folder: Path | None, paths: list[Path], source: Path, on_fault: OnFault) -> Footage:
    """The footage of one video with its frames in `folder`, or of all still images (folder None)."""
    paths = sorted(paths) if folder else paths
    boxes, sizes = read_boxes(paths, on_fault)
    return Footage(
        name=Path(os.path.abspath(folder)).parent.name if folder else source.stem,
        boxes=boxes,
        length=len(paths),
        image=partial(read_nth_image, tuple(paths)),
        is_sequence=folder is not None,
        paths=tuple(paths),
        size_hw=sizes.pop() if len(sizes) == 1 and folder else None,
        source=source,
        classes=(*Footage.classes, *map(str, range(1, int(boxes.class_id.max(initial=0)) + 1))),
    )


def select_classes(footage: Footage, settings: FootageSettings) -> Footage:
    """The footage with the boxes of `settings.classes`, if these are numbers; names stand for 0, 1, 2 … in their order.

    By default all classes are kept, as one of people; a warning says so if there are several.
    """
    boxes = footage.boxes
    if all(name.isdecimal() for name in settings.names):
        matches = boxes.class_id[:, None] == np.array([int(name) for name in settings.names])
        boxes = replace(boxes, class_id=matches.argmax(axis=1))[matches.any(axis=1)]
        return replace(footage, boxes=boxes, classes=settings.names)
    numbers = ",".join(map(str, np.unique(boxes.class_id).tolist()))
    if settings.names == PEOPLE and "," in numbers:
        warn_once(f"%s: its classes are trained on as one: keep them apart with {CHOOSE}%s", footage.source, numbers)
    return footage


def read_boxes(paths: list[Path], on_fault: OnFault) -> tuple[Annotation, set[tuple[int, int]]]:
    """The boxes of images in pixels, and the distinct sizes (height, width) of the images that have boxes."""
    labels, sizes = LabelRows(), set()
    for frame, path in enumerate(paths, start=1):
        rows = list(read_label_rows(label_path(path), on_fault))
        if not rows:
            continue
        try:
            height, width = image_size(path)
        except UserError as error:
            on_fault(f"{error}; its boxes are normalised by its size")
            continue
        sizes.add((height, width))
        for class_id, id, *box in rows:
            labels.add(frame, denormalise(box, (height, width)), int(id), class_id=int(class_id))
    return labels.annotation(), sizes


def label_path(image_path: Path, label_folder: str = LABEL_FOLDER) -> Path:
    """The .txt of an image's labels: the last `images` in its path is replaced by `label_folder`."""
    parts = list(image_path.with_suffix(".txt").parts)
    if IMAGE_FOLDER in parts:
        parts[len(parts) - 1 - parts[::-1].index(IMAGE_FOLDER)] = label_folder
    return Path(*parts)


def read_label_rows(path: Path, on_fault: OnFault) -> Iterator[list[float]]:
    """The rows of a label file; none if it does not exist."""
    if not is_file(path):
        return
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        fields = line.split()
        if len(fields) == len(ROW.split()) and all(NUMBER.fullmatch(field) for field in fields):
            row = [float(field) for field in fields]
            if row[0] % 1 == row[1] % 1 == 0 <= row[0] and (np.abs(row) <= MAX_VALUES).all():
                yield row
                continue
        if fields:
            on_fault(
                f"{path} line {number}: {line.strip()[:60]!r}, expected {ROW}, the box normalised by the image's size"
            )


def write_list(footage: Footage, folder: Path) -> Path:
    """Write FOLDER/NAME.train, images/NAME/… and labels_with_ids/NAME/…, without ignore regions and visibility."""
    subfolder = f"{footage.name}/{VIDEO_FOLDER}" if footage.is_sequence else footage.name
    names = [f"{subfolder}/{name}" for name in image_names(footage)]
    export_images(footage, [folder / IMAGE_FOLDER / name for name in names])
    labels = [(folder / LABEL_FOLDER / name).with_suffix(".txt") for name in names]
    for number, file in enumerate(labels, start=1):
        boxes = footage.boxes[footage.boxes.rows_at(number)]
        boxes = boxes[boxes.score != 0]
        height, width = footage.size_at(number)
        normalised = xyxy_to_cxcywh(boxes.xyxy) / (width, height, width, height)
        rows = zip(boxes.class_id.tolist(), boxes.id.tolist(), normalised.tolist(), strict=True)
        text = "".join(f"{class_id} {id} {cx:.6f} {cy:.6f} {w:.6f} {h:.6f}\n" for class_id, id, (cx, cy, w, h) in rows)
        write_text(file, text)
    warn_of_others(labels)
    path = folder / f"{footage.name}.train"
    write_text(path, "".join(f"{IMAGE_FOLDER}/{name}\n" for name in names))
    return path
