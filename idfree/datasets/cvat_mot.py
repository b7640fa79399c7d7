"""CVAT's "MOT 1.1": a zip with gt/gt.txt in MOTChallenge's nine columns, and class names by line in gt/labels.txt."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.reading import decode
from idfree.core.types import Annotation
from idfree.datasets.archive import find_entry, is_zip, read_entry, write_archive
from idfree.datasets.class_selection import ClassSelection
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.labelled_video import label_video, open_media
from idfree.datasets.labels import OnFault
from idfree.datasets.motchallenge_classes import MOT_CLASSES
from idfree.sequences.motchallenge import PEDESTRIAN, format_ground_truth, read_ground_truth

GROUND_TRUTH, LABELS = "gt/gt.txt", "gt/labels.txt"


def is_cvat_mot(path: Path) -> bool:
    """Whether a path is a zip with gt/gt.txt."""
    return is_zip(path) and find_entry(path, GROUND_TRUTH) is not None


def read_cvat_mot(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """The video of a zip, named after it. Images in the zip are not read: they are expected beside it.

    Boxes of other labels than settings.names are left out, with a warning. Raises UserError.
    """
    entry = find_entry(path, GROUND_TRUTH) or GROUND_TRUTH
    boxes = read_ground_truth(f"{path}: {entry}", decode(read_entry(path, entry), f"{path}: {entry}"))
    boxes, classes = select_labels(boxes, read_label_names(path), settings, path)
    media = open_media(path.stem, images, [path.parent])
    return [label_video(path.stem, boxes, media, path, on_fault, classes)]


def read_label_names(path: Path) -> tuple[str, ...]:
    """The names of classes 1, 2, 3 …: those of labels.txt, else MOTChallenge's. Raises UserError."""
    entry = find_entry(path, LABELS)
    if entry is None:
        return MOT_CLASSES
    text = decode(read_entry(path, entry), f"{path}: {entry}")
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def select_labels(
    boxes: Annotation, names: tuple[str, ...], settings: FootageSettings, path: Path
) -> tuple[Annotation, tuple[str, ...]]:
    """The boxes of the classes of `settings`, and the class names; pedestrians are persons. names: by number from 1."""
    selection = ClassSelection(settings, path, {MOT_CLASSES[0]: "person"})
    class_ids = []
    for number in boxes.class_id.tolist():
        if not PEDESTRIAN <= number < len(names) + PEDESTRIAN:
            raise UserError(f"{path}: has class {number}, but {LABELS} names {len(names)}")
        class_ids.append(selection.find(names[number - PEDESTRIAN]))
    selection.report()
    rows = np.array([class_id is not None for class_id in class_ids], dtype=np.bool_)
    class_id = np.array([class_id for class_id in class_ids if class_id is not None], dtype=np.int64)
    marks = (boxes.score[rows] != 0).astype(np.float64)
    return replace(boxes[rows], class_id=class_id, score=marks), tuple(selection.class_ids) or settings.names


def write_cvat_mot(footage: Footage, folder: Path) -> Path:
    """Write FOLDER/NAME.zip, without images, which the task in CVAT has. Returns its path."""
    boxes, classes = footage.boxes, footage.classes
    class_id = np.minimum(boxes.class_id, len(classes) - 1) + PEDESTRIAN
    path = folder / f"{footage.name}.zip"
    labels = "".join(f"{name}\n" for name in classes)
    write_archive(path, {GROUND_TRUTH: format_ground_truth(replace(boxes, class_id=class_id)), LABELS: labels})
    return path
