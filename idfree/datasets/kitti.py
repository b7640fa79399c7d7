"""KITTI tracking (Geiger 2012): label_02/NAME.txt with 17 columns, results with the score as the 18th.

frame id type truncated occluded alpha left top right bottom height width length x y z rotation_y [score]; frames and
ids count from 0, DontCare marks regions to ignore. Images are image_02/NAME/000000.png.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.core.reading import beginning, read_text
from idfree.datasets.class_selection import ClassSelection
from idfree.datasets.export_images import export_images, image_names
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.labelled_video import label_video, open_media
from idfree.datasets.labels import LabelRows, OnFault
from idfree.sequences.folders import list_files
from idfree.sequences.rows import MAX_FRAME, MAX_VALUE, NUMBER
from idfree.sequences.ten_columns import VISIBILITY

LABELS, IMAGES = "label_02", "image_02"
COLUMNS = (17, 18)  # of ground truth, of results
BOX = slice(6, 10)
DONT_CARE = "DontCare"
TYPES = {"person": "Pedestrian", "car": "Car", "van": "Van", "truck": "Truck", "cyclist": "Cyclist", "tram": "Tram"}
NAMES = {written.lower(): name for name, written in TYPES.items()}
OCCLUSION_BELOW = (1.0, 0.5)  # visibility: less than the first is partly, less than the second largely occluded
FRAME_RATE = 10.0  # of the recordings (Geiger 2012)
EMPTY_3D = "-1 -1 -1 -1000 -1000 -1000 -10"  # height width length x y z rotation_y, where unknown


def is_kitti(path: Path) -> bool:
    """Whether a path is a folder with label_02/, such a folder, or a file of KITTI's rows."""
    if path.is_dir():
        return (path / LABELS).is_dir() or any(has_rows(file) for file in list_files(path, (".txt",))[:1])
    return path.suffix.lower() == ".txt" and has_rows(path)


def has_rows(path: Path) -> bool:
    """Whether the first line of a file has KITTI's number of columns, separated by blanks."""
    fields = beginning(path, 1000).partition("\n")[0].split()
    return len(fields) in COLUMNS and fields[0].isdecimal()


def read_kitti(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """The video of each file; a Pedestrian is a person, other types keep their names in lower case.

    images: as `open_media`, by default image_02/ beside label_02/. Boxes of other classes than settings.names are left
    out, with a warning. Raises UserError.
    """
    folder = path / LABELS if path.is_dir() and (path / LABELS).is_dir() else path
    files = list_files(folder, (".txt",)) if folder.is_dir() else [folder]
    if not files:
        raise UserError(f"{folder}: has no .txt in it")
    selection = ClassSelection(settings, path, NAMES)
    footages = [read_file(file, images, selection, on_fault) for file in files]
    selection.report()
    return footages


def read_file(path: Path, images: Path | None, selection: ClassSelection, on_fault: OnFault) -> Footage:
    """The video of a file."""
    labels, scored = LabelRows(), False
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        fields = line.split()
        if fields and is_row(fields):
            scored |= len(fields) == COLUMNS[1]
            add_row(labels, fields, selection)
        elif fields:
            expected = f"KITTI's {COLUMNS[0]} columns, and a score in results"
            on_fault(f"{path} line {number}: {line.strip()[:60]!r}, expected {expected}")
    media = open_media(path.stem, images, [path.parent.parent / IMAGES, path.parent])
    rate, classes = media.frame_rate or FRAME_RATE, tuple(selection.class_ids)
    return label_video(path.stem, labels.annotation(), media, path, on_fault, classes, frame_rate=rate, scored=scored)


def is_row(fields: list[str]) -> bool:
    """Whether a line has as many columns, and frame, id, occlusion, box and score are plausible numbers."""
    if len(fields) not in COLUMNS or not fields[0].isdecimal() or len(fields[1]) > 15:
        return False
    numbers = [fields[0], fields[1], fields[4], *fields[BOX], *fields[COLUMNS[0] :]]
    valid = all(NUMBER.fullmatch(text) and abs(float(text)) <= MAX_VALUE for text in numbers)
    return valid and int(fields[0]) < MAX_FRAME and float(fields[1]) % 1 == 0 == float(fields[4]) % 1


def add_row(labels: LabelRows, fields: list[str], selection: ClassSelection) -> None:
    """Add the box of a line; DontCare is a region to ignore, and in results nothing."""
    frame, id, occluded, scores = int(fields[0]) + 1, int(float(fields[1])), int(float(fields[4])), fields[COLUMNS[0] :]
    corners = tuple(map(float, fields[BOX]))
    if fields[2] == DONT_CARE:
        if not scores:
            labels.add(frame, corners, id, 0.0, 0)
        return
    class_id = selection.find(fields[2].lower())
    if class_id is not None:
        visibility = float(VISIBILITY[occluded]) if 0 <= occluded < len(VISIBILITY) else 1.0
        labels.add(frame, corners, id, float(scores[0]) if scores else 1.0, class_id, visibility)


def write_kitti(footage: Footage, folder: Path) -> Path:
    """Write FOLDER/label_02/NAME.txt and image_02/NAME/000000.png …; returns the path of the labels."""
    if footage.paths:
        suffixes = [Path(name).suffix for name in image_names(footage, by_number=True)]
        names = [f"{number:06d}{suffix}" for number, suffix in enumerate(suffixes)]
        export_images(footage, [folder / IMAGES / footage.name / name for name in names])
    path = folder / LABELS / f"{footage.name}.txt"
    write_text(path, "".join(format_rows(footage)))
    return path


def format_rows(footage: Footage) -> Iterator[str]:
    """The lines of a file, by frame, then id."""
    boxes = footage.boxes[np.lexsort((footage.boxes.id, footage.boxes.frame))]
    ignored = (boxes.score == 0) & (not footage.scored)
    names = [TYPES.get(name, name.replace(" ", "_")) for name in footage.classes]
    kinds = zip(boxes.class_id.tolist(), ignored.tolist(), strict=True)
    types = [DONT_CARE if skip else names[min(class_id, len(names) - 1)] for class_id, skip in kinds]
    occluded = sum((boxes.visibility < limit).astype(int) for limit in OCCLUSION_BELOW)
    integers = zip((boxes.frame - 1).tolist(), boxes.id.tolist(), np.where(ignored, -1, occluded).tolist(), strict=True)
    corners, scores = boxes.xyxy.round(2).tolist(), boxes.score.tolist()
    for (frame, id, hidden), kind, box, score in zip(integers, types, corners, scores, strict=True):
        line = f"{frame} {id} {kind} {-1 if kind == DONT_CARE else 0} {hidden} -10 "
        line += " ".join(f"{side:.2f}" for side in box) + f" {EMPTY_3D}"
        yield line + (f" {score:.6g}\n" if footage.scored else "\n")
