"""YOLO data sets: data.yaml, images/ and labels/ with a text file per image.

A row is `class cx cy w h`, the box as fractions of the image; results append the confidence, tracks then the id, as
`yolo track save_txt=True save_conf=True` writes them: `class cx cy w h [confidence] [id]`. A number without a decimal
point in the last column is an id.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from idfree.core.boxes import has_area, xyxy_to_cxcywh
from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.core.names import is_path
from idfree.core.reading import is_file, is_folder, read_text
from idfree.datasets.class_selection import ClassSelection
from idfree.datasets.data_yaml import Value, class_names, format_data_yaml, read_data_yaml
from idfree.datasets.export_images import export_images, image_names, warn_of_others
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.jde_lists import MAX_CLASS, MAX_NORMALISED, label_path
from idfree.datasets.labels import LabelRows, OnFault, denormalise
from idfree.sequences.folders import natural_key
from idfree.sequences.image_files import image_size, read_nth_image
from idfree.sequences.images import IMAGE_SUFFIXES
from idfree.sequences.rows import NUMBER

LOG = logging.getLogger("idfree")

DATA_YAML, IMAGES, LABELS = "data.yaml", "images", "labels"
SPLITS = ("train", "val", "test")
ROW = "class cx cy w h [confidence] [id]"
ID = re.compile(r"-?\d{1,15}")  # exact in float64
NUMBERED = re.compile(r"(.*?)[_-]?(\d{1,8})")  # the name of a video and the number of a frame


class Row(NamedTuple):
    """A row of a file of labels; box: cx, cy, w, h as fractions of the image."""

    class_id: int
    box: tuple[float, ...]
    confidence: float | None
    id: int | None


def is_yolo(path: Path) -> bool:
    """Whether a path is a .yaml, or a folder with data.yaml."""
    return (path.suffix.lower() in (".yaml", ".yml") and not path.is_dir()) or (path / DATA_YAML).is_file()


def read_yolo(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """Each folder of images that data.yaml names: a video if its labels have ids, else still images.

    images: the folder that data.yaml's paths are relative to, if not its own. Boxes of other classes than
    settings.names are left out, with a warning. Raises UserError.
    """
    path = path / DATA_YAML if path.is_dir() else path
    values = read_data_yaml(path)
    names, selection = class_names(values, path), ClassSelection(settings, path)
    root = values.get("path", "")
    bases = [images, path.parent / str(root), path.parent]
    footages = []
    for folder in image_folders(values, path):
        base = next((base for base in bases if base is not None and is_folder(base / folder)), None)
        if base is None:
            raise UserError(f"{path}: there is no folder {folder} (looked in {path.parent}; name another, --images)")
        footages += read_folder(base / folder, path, names, selection, on_fault)
    selection.report()
    if not footages:
        raise UserError(f"{path}: there are no images in {', '.join(image_folders(values, path))}")
    return footages


def image_folders(values: Mapping[str, Value], path: Path) -> list[str]:
    """The folders of images of all splits, each once. Raises UserError if there are none."""
    folders: list[str] = []
    for split in SPLITS:
        value = values.get(split, [])
        folders += [value] if isinstance(value, str) else [*value] if isinstance(value, list) else []
    folders = [folder for folder in dict.fromkeys(folders) if folder and is_path(folder)]
    if not folders:
        raise UserError(f"{path}: names no folder of images; expected {', '.join(SPLITS)}")
    return folders


def read_folder(
    folder: Path, path: Path, names: Sequence[str], selection: ClassSelection, on_fault: OnFault
) -> list[Footage]:
    """The videos of a folder of images and of folders in it, and its still images as one footage."""
    files = sorted((file for file in folder.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES), key=natural_key)
    rows = {file: [*read_rows(label_path(file, LABELS), on_fault)] for file in files}
    groups: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for file in files:
        groups[file.parent, split_name(file.stem)[0]].append(file)
    footages, stills = [], []
    for (parent, stem), group in groups.items():
        if any(row.id is not None for file in group for row in rows[file]):
            footages.append(footage_of(stem or parent.name, group, rows, path, names, selection, on_fault))
        else:
            stills += group
    if stills:
        still = footage_of(folder.name, stills, rows, path, names, selection, on_fault)
        footages.append(replace(still, is_sequence=False))
    return footages


def split_name(stem: str) -> tuple[str, int | None]:
    """The name of a video and the number of a frame: street_12 → street, 12; the whole stem without a number."""
    match = NUMBERED.fullmatch(stem)
    return (match[1], int(match[2])) if match else (stem, None)


def footage_of(
    name: str,
    files: list[Path],
    rows: Mapping[Path, list[Row]],
    path: Path,
    names: Sequence[str],
    selection: ClassSelection,
    on_fault: OnFault,
) -> Footage:
    """The footage of image files; a size is read of each that has boxes."""
    labels, sizes, paths = LabelRows(), set(), tuple(files)
    for frame, file in enumerate(files, start=1):
        if not rows[file]:
            continue
        try:
            sizes.add(size_hw := image_size(file))
        except UserError as error:
            on_fault(f"{error}; its boxes are normalised by its size")
            continue
        add_rows(labels, frame, rows[file], size_hw, names, selection, f"{label_path(file, LABELS)}", on_fault)
    return Footage(
        name=name,
        boxes=labels.annotation(),
        length=len(files),
        image=partial(read_nth_image, paths),
        is_sequence=True,
        paths=paths,
        size_hw=sizes.pop() if len(sizes) == 1 and all(rows[file] for file in files) else None,
        source=path,
        classes=tuple(selection.class_ids),
        scored=any(row.confidence is not None for file in files for row in rows[file]),
    )


def add_rows(
    labels: LabelRows,
    frame: int,
    rows: Iterable[Row],
    size_hw: tuple[int, int],
    names: Sequence[str],
    selection: ClassSelection,
    place: str,
    on_fault: OnFault,
) -> None:
    """Add the boxes of one image, in pixels; place: for messages."""
    for row in rows:
        if row.class_id >= len(names):
            on_fault(f"{place}: has class {row.class_id}, but {len(names)} are named")
            continue
        class_id = selection.find(names[row.class_id])
        if class_id is not None:
            score = 1.0 if row.confidence is None else row.confidence
            labels.add(frame, denormalise(row.box, size_hw), -1 if row.id is None else row.id, score, class_id)


def read_rows(path: Path, on_fault: OnFault) -> Iterator[Row]:
    """The rows of a file of labels; none if it does not exist."""
    for number, line in enumerate(read_text(path).split("\n") if is_file(path) else (), start=1):
        if not line.strip():
            continue
        if (row := parse_row(line.split())) is not None:
            yield row
        else:
            on_fault(f"{path} line {number}: {line.strip()[:60]!r}, expected {ROW}, the box as shares of the image")


def parse_row(fields: list[str]) -> Row | None:
    """A row of labels; None if it is invalid."""
    is_class = bool(fields) and fields[0].isdecimal() and len(fields[0]) <= 6
    if not (is_class and 5 <= len(fields) <= 7 and all(NUMBER.fullmatch(field) for field in fields)):
        return None
    box, rest = tuple(map(float, fields[1:5])), fields[5:]
    id = int(rest.pop()) if rest and ID.fullmatch(rest[-1]) else None
    confidence = float(rest[0]) if rest else None
    valid = len(rest) <= 1 and (confidence is None or 0 <= confidence <= 1) and int(fields[0]) <= MAX_CLASS
    return Row(int(fields[0]), box, confidence, id) if valid and np.all(np.abs(box) <= MAX_NORMALISED) else None


def write_yolo(footage: Footage, folder: Path, tracks: bool = False) -> Path:
    """Write FOLDER/NAME/ with data.yaml, images/NAME/ and labels/NAME/; returns the path of data.yaml.

    tracks: rows end in the id, before it the confidence of results; without, they have five columns, as to train on,
    and lie in the image.
    """
    footage = footage if tracks else clip_to_images(footage)
    target = folder / footage.name
    names = [f"{footage.name}/{name}" for name in image_names(footage)]
    export_images(footage, [target / IMAGES / name for name in names])
    labels = [(target / LABELS / name).with_suffix(".txt") for name in names]
    for number, file in enumerate(labels, start=1):
        write_text(file, "".join(format_rows(footage, number, tracks)))
    warn_of_others(labels)
    path = target / DATA_YAML
    write_text(path, format_data_yaml(f"{IMAGES}/{footage.name}", footage.classes))
    return path


def clip_to_images(footage: Footage) -> Footage:
    """The footage with boxes clipped whose centre lies outside the image, or that are larger; a warning counts them.

    Ultralytics leaves images out that have a label outside 0…1. Boxes of which nothing remains are left out.
    """
    frames = np.unique(footage.boxes.frame, return_inverse=True)
    sizes = np.array([footage.size_at(int(number)) for number in frames[0]], dtype=np.float64).reshape(-1, 2)
    limits = np.tile(sizes[frames[1]][:, ::-1], 2)  # (K, 4) width, height, width, height
    shares = xyxy_to_cxcywh(footage.boxes.xyxy) / limits
    outside = ((shares < 0) | (shares > 1)).any(axis=1) & ~footage.ignored
    if not outside.any():
        return footage
    xyxy = np.where(outside[:, None], np.clip(footage.boxes.xyxy, 0, limits), footage.boxes.xyxy)
    kept = ~outside | has_area(xyxy)
    LOG.warning(
        "%s: %d of %d boxes have their centre outside the image or are larger than it: of these %d are clipped,"
        " %d left out",
        *(footage.name, outside.sum(), len(kept), (outside & kept).sum(), (~kept).sum()),
    )
    return replace(footage, boxes=replace(footage.boxes, xyxy=xyxy)[kept])


def format_rows(footage: Footage, number: int, tracks: bool) -> Iterator[str]:
    """The lines of one image."""
    rows = footage.boxes.rows_at(number)
    boxes = footage.boxes[rows][~footage.ignored[rows]]
    if not len(boxes):
        return
    height, width = footage.size_at(number)
    normalised = (xyxy_to_cxcywh(boxes.xyxy) / (width, height, width, height)).tolist()
    columns = zip(boxes.class_id.tolist(), normalised, boxes.score.tolist(), boxes.id.tolist(), strict=True)
    for class_id, box, score, id in columns:
        line = " ".join([str(class_id), *(f"{side:.6f}" for side in box)])
        line += f" {score:.6f}" if tracks and footage.scored else ""
        yield line + (f" {id}\n" if tracks and id >= 0 else "\n")
