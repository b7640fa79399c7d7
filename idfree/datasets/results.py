"""Tracking results and detections, as `idfree track` and others write them, as labels: NAME.txt, .csv, .json, .parquet.

Their scores are kept (`Footage.scored`); their images are elsewhere.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.reading import beginning
from idfree.core.types import Annotation
from idfree.datasets.footage import PEOPLE, Footage, FootageSettings
from idfree.datasets.labelled_video import label_video, open_media
from idfree.datasets.labels import OnFault
from idfree.sequences.folders import list_files
from idfree.sequences.motchallenge import PEDESTRIAN, write_results
from idfree.sequences.rows import NUMBER
from idfree.sequences.tables import read_boxes, read_class_names, read_json_rows

SUFFIXES = (".txt", ".csv", ".parquet", ".json")
SUMMARY = "summary.json"  # that of `idfree track`, beside the results
HEAD = 4096  # bytes that tell the kind of a file
FIELD = re.compile(r"[,;\s]+")
FLAT_ROW = re.compile(r"\s*\[\s*\{[^{}\[\]]*\}")  # an array of objects without objects in them
COLUMNS = 6  # at the least: frame, id, x, y, w, h


def is_results(path: Path) -> bool:
    """Whether a path is a file of results, or a folder of them."""
    if path.is_dir():
        return bool(list_results(path))
    return path.name != "gt.txt" and path.suffix.lower() in SUFFIXES and has_rows(path)


def list_results(folder: Path) -> list[Path]:
    """The files of results in a folder."""
    return [file for file in list_files(folder, SUFFIXES) if file.name != SUMMARY and has_rows(file)]


def has_rows(path: Path) -> bool:
    """Whether the beginning of a file is a table of results: rows of numbers, a header, or JSON without nesting."""
    suffix = path.suffix.lower()
    if suffix not in (".txt", ".json"):
        return True
    head = beginning(path, HEAD)
    if suffix == ".json":
        return FLAT_ROW.match(head) is not None
    line = next((line for line in head.splitlines() if line.strip()), "")
    fields = FIELD.split(line.strip())
    return len(fields) >= COLUMNS and all(NUMBER.fullmatch(field) for field in fields[:COLUMNS])


def read_result_files(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """The videos of a file or folder of results, named after the files; id −1 is unknown.

    images: a video, a folder of images, or a folder with NAME.mp4, NAME/img1/ or NAME/ for each. Raises UserError.
    """
    files = list_results(path) if path.is_dir() else [path]
    return [read_result_file(file, images, settings, on_fault) for file in files]


def read_result_file(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> Footage:
    """The video of a file of results. Raises UserError."""
    boxes = read_json_rows(path) if path.suffix.lower() == ".json" else read_boxes(path)
    boxes, classes = select_classes(boxes, read_class_names(path), settings, path)
    media = open_media(path.stem, images, [])
    return label_video(path.stem, boxes, media, path, on_fault, classes, scored=True)


def select_classes(
    boxes: Annotation, names: dict[int, str], settings: FootageSettings, path: Path
) -> tuple[Annotation, tuple[str, ...]]:
    """The boxes of the classes of `settings`, and the names of all classes; by default, all classes are kept.

    A single class without a name is that of people, others are named by their numbers. Raises UserError if there is
    no box of a class that `settings` names.
    """
    numbers = np.unique(boxes.class_id).tolist()
    if len(numbers) <= 1 and not names:
        names = dict.fromkeys(numbers, PEOPLE[0])
    found = {number: names.get(number, str(number)) for number in numbers}
    wanted = tuple(found.values()) if settings.names == PEOPLE else settings.names
    chosen = {number: wanted.index(name) for number, name in found.items() if name in wanted}
    if found and not chosen:
        there = ", ".join(found.values())
        raise UserError(f"{path}: has no class {' or '.join(wanted)}, there are: {there} (choose with classes=…)")
    rows = np.isin(boxes.class_id, list(chosen))
    class_id = np.array([chosen[number] for number in boxes.class_id[rows].tolist()], dtype=np.int64)
    return replace(boxes[rows], class_id=class_id), tuple(dict.fromkeys(wanted)) or PEOPLE


def class_numbers(classes: tuple[str, ...]) -> list[int]:
    """The numbers of classes in a file that has no names: those that they are named by, else 1, 2, 3 …"""
    if all(name.isdecimal() for name in classes):
        return [int(name) for name in classes]
    return list(range(PEDESTRIAN, len(classes) + PEDESTRIAN))


def result_rows(footage: Footage) -> Annotation:
    """The boxes of footage as rows of results."""
    boxes, numbers = footage.boxes[~footage.ignored], np.array(class_numbers(footage.classes))
    return replace(boxes, class_id=numbers[np.minimum(boxes.class_id, len(numbers) - 1)])


def write_result_file(footage: Footage, folder: Path) -> Path:
    """Write FOLDER/NAME.txt as `idfree track` does, without regions to ignore and visibility. Returns its path."""
    path = folder / f"{footage.name}.txt"
    write_results(path, result_rows(footage))
    return path
