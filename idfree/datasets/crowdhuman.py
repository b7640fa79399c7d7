"""CrowdHuman's `.odgt` (Shao 2018): a line of JSON for each picture, three boxes for each person, no identities."""

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

from idfree.core.boxes import xyxy_to_xywh
from idfree.core.files import write_text
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.labels import LabelRows, OnFault, corners, numbers, raise_fault
from idfree.datasets.layout import lay_out, picture_names
from idfree.sequences.pictures import located_by_stem, nth_image
from idfree.sequences.rows import read_text

IMAGES = "Images"
BOXES = {"full": "fbox", "visible": "vbox", "head": "hbox"}
PERSON = "person"  # the tag of people; all others ("mask") are crowds, reflections and the like, to be ignored


def read_odgt(
    path: Path, settings: FootageSettings | None = None, images: Path | None = None, complain: OnFault = raise_fault
) -> Footage:
    """Still images of people; visibility is the share of the full box that the visible one covers.

    The pictures are Images/ID.jpg beside the file, in a folder beside it, or above it. Raises UserError with the line.
    """
    kind = BOXES[(settings or FootageSettings()).crowdhuman]
    labels, stems = LabelRows(), []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip() and (picture := parse(line, f"{path} line {number}", complain)):
            stems.append(picture["ID"])
            for row, person in enumerate(picture["gtboxes"]):
                add(labels, len(stems), person, kind, f"{path} line {number}: gtboxes[{row}]", complain)
    around = [path.parent / IMAGES, path.parent / "images", *sorted(path.parent.glob(f"*/{IMAGES}"))]
    paths = located_by_stem(stems, [images, *around, path.parent.parent / IMAGES, path.parent])
    return Footage(
        name=path.stem,
        boxes=labels.annotation(),
        length=len(paths),
        image=partial(nth_image, paths),
        moving=False,
        paths=paths,
        source=path,
    )


def parse(line: str, place: str, complain: OnFault) -> dict[str, Any] | None:
    """One picture, None where the line is none."""
    try:
        said = json.loads(line)
    except json.JSONDecodeError as error:
        complain(f"{place}: is not JSON: {error.msg}; was the file cut off?")
        return None
    if isinstance(said, dict) and isinstance(said.get("ID"), str) and isinstance(said.get("gtboxes"), list):
        return said
    complain(f'{place}: expected {{"ID": …, "gtboxes": […]}}')
    return None


def add(labels: LabelRows, frame: int, person: Any, kind: str, place: str, complain: OnFault) -> None:
    """One person of a picture."""
    if not isinstance(person, dict):
        return complain(f"{place}: expected an object")
    box = numbers(person.get(kind), 4)
    if box is None:
        return complain(f"{place}: {kind} is {person.get(kind)}, expected four numbers (left, top, width, height)")
    of_what = person.get("head_attr" if kind == BOXES["head"] else "extra")
    ignored = person.get("tag") != PERSON or (isinstance(of_what, dict) and of_what.get("ignore") == 1)
    full, visible = numbers(person.get("fbox"), 4), numbers(person.get("vbox"), 4)
    share = covered(full, visible) if kind == BOXES["full"] and full and visible else 1.0
    labels.add(frame, corners(box), score=0.0 if ignored else 1.0, visibility=share)


def covered(full: tuple[float, ...], visible: tuple[float, ...]) -> float:
    """The share 0…1 of the full box (left, top, width, height) that the visible one covers; 1 where it has no area."""
    whole = math.prod(full[2:])
    sides = [min(full[k] + full[k + 2], visible[k] + visible[k + 2]) - max(full[k], visible[k]) for k in (0, 1)]
    return max(sides[0], 0) * max(sides[1], 0) / whole if whole > 0 else 1.0


def write_odgt(footage: Footage, folder: Path) -> Path:
    """FOLDER/NAME.odgt, and the pictures under Images/; identities and visibility are lost."""
    names = [f"{footage.name}-{name}" for name in picture_names(footage)]
    lay_out(footage, [folder / IMAGES / name for name in names])
    lines = []
    for frame, name in enumerate(names, start=1):
        boxes = footage.boxes[footage.boxes.rows_at(frame)]
        people = zip(xyxy_to_xywh(boxes.xyxy).round(2).tolist(), (boxes.score == 0).tolist(), strict=True)
        said = [
            {"tag": "mask" if ignored else PERSON, "fbox": box, "extra": {"ignore": int(ignored)}}
            for box, ignored in people
        ]
        lines.append(json.dumps({"ID": Path(name).stem, "gtboxes": said}) + "\n")
    path = folder / f"{footage.name}.odgt"
    write_text(path, "".join(lines))
    return path
