"""CrowdHuman's `.odgt` (Shao 2018): one JSON object per line and image, three boxes per person, no identities."""

import json
import math
from pathlib import Path
from typing import Any

from idfree.core.boxes import xyxy_to_xywh
from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.core.reading import parse_json, read_text
from idfree.datasets.export_images import export_images, image_names
from idfree.datasets.footage import Footage, FootageSettings, label_still_images
from idfree.datasets.labels import LabelRows, OnFault, is_name, parse_numbers, xywh_to_corners
from idfree.sequences.image_files import locate_images_by_stem

IMAGE_FOLDER = "Images"
BOX_KEYS = {"full": "fbox", "visible": "vbox", "head": "hbox"}
PERSON = "person"  # tag of people; all others ("mask": crowds, reflections …) are regions to ignore


def is_odgt(path: Path) -> bool:
    """Whether a path is an .odgt file."""
    return path.suffix.lower() == ".odgt" and not path.is_dir()


def read_odgt(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """Still images of people; visibility is the fraction of the full box that the visible box covers.

    Images are Images/ID.jpg in `images`, beside the file, in a folder beside it, or above it. Raises UserError with
    the line if the file is invalid.
    """
    box_key = BOX_KEYS[settings.crowdhuman]
    labels, stems = LabelRows(settings.person_class(path)), []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip() and (record := parse_record(line, f"{path} line {number}", on_fault)):
            stems.append(record["ID"])
            for row, person in enumerate(record["gtboxes"]):
                add_person(labels, len(stems), person, box_key, f"{path} line {number}: gtboxes[{row}]", on_fault)
    beside = [path.parent / IMAGE_FOLDER, path.parent / "images", *sorted(path.parent.glob(f"*/{IMAGE_FOLDER}"))]
    paths = locate_images_by_stem(stems, [images, *beside, path.parent.parent / IMAGE_FOLDER, path.parent])
    return [label_still_images(path.stem, labels.annotation(), paths, path, settings.names)]


def parse_record(line: str, place: str, on_fault: OnFault) -> dict[str, Any] | None:
    """The JSON object of one image, None if the line is invalid; place: for messages."""
    try:
        record = parse_json(line, place)
    except UserError as error:
        on_fault(f"{error}; was the file cut off?")
        return None
    if isinstance(record, dict) and is_name(record.get("ID")) and isinstance(record.get("gtboxes"), list):
        return record
    on_fault(f'{place}: expected {{"ID": …, "gtboxes": […]}}')
    return None


def add_person(labels: LabelRows, frame: int, person: Any, box_key: str, place: str, on_fault: OnFault) -> None:
    """Add the box of one entry of gtboxes; place: for messages."""
    if not isinstance(person, dict):
        return on_fault(f"{place}: expected an object")
    box = parse_numbers(person.get(box_key), 4)
    if box is None:
        return on_fault(
            f"{place}: {box_key} is {person.get(box_key)}, expected four numbers (left, top, width, height)"
        )
    attributes = person.get("head_attr" if box_key == BOX_KEYS["head"] else "extra")
    ignored = person.get("tag") != PERSON or (isinstance(attributes, dict) and attributes.get("ignore") == 1)
    full, visible = parse_numbers(person.get("fbox"), 4), parse_numbers(person.get("vbox"), 4)
    visibility = visible_fraction(full, visible) if box_key == BOX_KEYS["full"] and full and visible else 1.0
    labels.add(frame, xywh_to_corners(box), score=0.0 if ignored else 1.0, visibility=visibility)


def visible_fraction(full: tuple[float, ...], visible: tuple[float, ...]) -> float:
    """The fraction 0…1 of the full box (xywh) that the visible box (xywh) covers; 1 if the full box has no area."""
    area = math.prod(full[2:])
    sides = [min(full[k] + full[k + 2], visible[k] + visible[k + 2]) - max(full[k], visible[k]) for k in (0, 1)]
    return max(sides[0], 0) * max(sides[1], 0) / area if area > 0 else 1.0


def write_odgt(footage: Footage, folder: Path) -> Path:
    """Write FOLDER/NAME.odgt and Images/…, without identities and visibility. Returns the path of the .odgt."""
    names = [f"{footage.name}-{name}" for name in image_names(footage)]
    export_images(footage, [folder / IMAGE_FOLDER / name for name in names])
    lines = []
    for frame, name in enumerate(names, start=1):
        boxes = footage.boxes[footage.boxes.rows_at(frame)]
        rows = zip(xyxy_to_xywh(boxes.xyxy).round(2).tolist(), (boxes.score == 0).tolist(), strict=True)
        people = [
            {"tag": "mask" if ignored else PERSON, "fbox": box, "extra": {"ignore": int(ignored)}}
            for box, ignored in rows
        ]
        lines.append(json.dumps({"ID": Path(name).stem, "gtboxes": people}) + "\n")
    path = folder / f"{footage.name}.odgt"
    write_text(path, "".join(lines))
    return path
