"""Tracking results and detections as labels: NAME.txt, .csv, .json, .parquet, as `idfree track` and others write them.

Their scores are kept (`Footage.scored`); their images are elsewhere.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.reading import beginning
from idfree.core.types import Annotation
from idfree.datasets.footage import CHOOSE, PEOPLE, Footage, FootageSettings
from idfree.datasets.labelled_video import is_one_video, label_video, open_media
from idfree.datasets.labels import OnFault
from idfree.sequences.folders import list_files
from idfree.sequences.motchallenge import PEDESTRIAN, write_results
from idfree.sequences.rows import NUMBER
from idfree.sequences.same_video import warn_of_other_name
from idfree.sequences.summary_names import SUMMARY
from idfree.sequences.tables import read_boxes, read_class_names, read_json_rows

LOG = logging.getLogger("idfree")

SUFFIXES = (".txt", ".csv", ".parquet", ".json")
HEAD = 4096  # bytes that tell the kind of a file
FIELD = re.compile(r"[,;\s]+")
FLAT_ROW = re.compile(r"\s*\[\s*\{[^{}\[\]]*\}")  # an array of objects without objects in them
UNKNOWN = -1  # number of a class that the file does not have
MIN_COLUMNS = 6  # frame, id, x, y, w, h


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
    return len(fields) >= MIN_COLUMNS and all(NUMBER.fullmatch(field) for field in fields[:MIN_COLUMNS])


def read_result_files(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """The videos of a file or folder of results, named after the files; id −1 is unknown.

    images: a video, a folder of images, or a folder with NAME.mp4, NAME/img1/ or NAME/ for each. Raises UserError.
    """
    files = list_results(path) if path.is_dir() else [path]
    return [read_result_file(file, images, settings, on_fault) for file in files]


def read_result_file(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> Footage:
    """The video of a file of results. Raises UserError."""
    boxes = read_json_rows(path) if path.suffix.lower() == ".json" else read_boxes(path)
    names = name_classes(np.unique(boxes.class_id).tolist(), read_class_names(path), settings, path)
    boxes, numbers = select_classes(boxes, names, settings, path)
    media, classes = open_media(path.stem, images, []), tuple(numbers) or PEOPLE
    if images is not None and is_one_video(images):
        warn_of_other_name(path, images.stem)
    footage = label_video(path.stem, boxes, media, path, on_fault, classes, scored=True)
    return replace(footage, class_numbers=tuple(numbers.values()))


def name_classes(numbers: list[int], known: dict[int, str], settings: FootageSettings, path: Path) -> dict[int, str]:
    """Names by class number: those that are known, else the number as text.

    If none is known, and `settings` name as many classes, these are the names in the order of the numbers, with a
    warning; a single class is by default that of people.
    """
    if any(number in known for number in numbers) or not numbers:
        return {number: known.get(number, str(number)) for number in numbers}
    named = [name for name in settings.names if not name.isdecimal()]
    if settings.names == PEOPLE:
        return {numbers[0]: PEOPLE[0]} if len(numbers) == 1 else {number: str(number) for number in numbers}
    if len(named) != len(settings.names) or len(named) != len(numbers):
        return {number: str(number) for number in numbers}
    pairs = dict(zip(numbers, named, strict=True))
    LOG.warning("%s: its classes have no names, taken for: %s", path, describe_numbers(pairs))
    return pairs


def describe_numbers(names: Mapping[int, str]) -> str:
    """Class names by number as text."""
    return ", ".join(f"{number} {name}" for number, name in names.items())


def select_classes(
    boxes: Annotation, names: dict[int, str], settings: FootageSettings, path: Path
) -> tuple[Annotation, dict[str, int]]:
    """The boxes of the classes of `settings`, by default of all, and the classes with their numbers in the file (−1).

    names: of all classes of the boxes. Raises UserError if there is no box of a class that `settings` names.
    """
    by_name = {name: number for number, name in reversed(names.items())}
    wanted = tuple(by_name)[::-1] if settings.names == PEOPLE else tuple(dict.fromkeys(settings.names))
    chosen = {number: wanted.index(name) for number, name in names.items() if name in wanted}
    if names and not chosen:
        there, either = ", ".join(names.values()), " or ".join(wanted)
        raise UserError(f"{path}: has no class {either}, there are: {there} (choose with {CHOOSE}…)")
    rows = np.isin(boxes.class_id, list(chosen))
    class_id = np.array([chosen[number] for number in boxes.class_id[rows].tolist()], dtype=np.int64)
    return replace(boxes[rows], class_id=class_id), {name: by_name.get(name, UNKNOWN) for name in wanted}


def class_numbers(footage: Footage) -> list[int]:
    """Numbers of the classes of footage, for a file without names.

    The names, if they are numbers; else `footage.class_numbers`, if complete; else 1, 2, 3 …
    """
    classes = footage.classes
    if all(name.isdecimal() for name in classes):
        return [int(name) for name in classes]
    if len(footage.class_numbers) == len(classes) and UNKNOWN not in footage.class_numbers:
        return list(footage.class_numbers)
    return list(range(PEDESTRIAN, len(classes) + PEDESTRIAN))


def result_rows(footage: Footage) -> Annotation:
    """The boxes of footage as rows of results."""
    boxes, numbers = footage.boxes[~footage.ignored], np.array(class_numbers(footage))
    return replace(boxes, class_id=numbers[np.minimum(boxes.class_id, len(numbers) - 1)])


def write_result_file(footage: Footage, folder: Path) -> Path:
    """Write FOLDER/NAME.txt as `idfree track` does, without regions to ignore and visibility. Returns its path."""
    path, numbers = folder / f"{footage.name}.txt", class_numbers(footage)
    write_results(path, result_rows(footage))
    is_obvious = numbers == list(footage.class_numbers) or (not footage.scored and footage.classes == PEOPLE)
    if not is_obvious and footage.classes != tuple(map(str, numbers)):
        pairs = dict(zip(numbers, footage.classes, strict=True))
        LOG.warning("%s: has no names of classes, only their numbers: %s", path, describe_numbers(pairs))
    return path
