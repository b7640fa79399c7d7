"""Still images with boxes in one boxes.json: {NAME: {"boxes_xyxy": [[left, top, right, bottom], …], …}, …}.

The images are images/NAME.jpg beside it. Corners are 1-based pixels, both inclusive, as in PennFudan (Wang 2007):
[1, 1, 2, 2] is the first two rows and columns, xyxy 0, 0, 2, 2 in idfree's units.
"""

from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.reading import read_json
from idfree.datasets.footage import Footage, FootageSettings, label_still_images
from idfree.datasets.labels import LabelRows, OnFault, parse_numbers
from idfree.sequences.image_files import locate_images_by_stem

BOXES_JSON = "boxes.json"


def is_boxes_json(path: Path) -> bool:
    """Whether a path is a folder with boxes.json."""
    return (path / BOXES_JSON).is_file()


def read_boxes_json(folder: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """Still images of people, without identities, named after the folder. Raises UserError if it is another JSON."""
    path = folder / BOXES_JSON
    return [parse_boxes_json(read_json(path), path, images, settings, on_fault)]


def parse_boxes_json(
    content: Any, path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault
) -> Footage:
    """The footage of a parsed boxes.json; path: of the file. Raises UserError if it is another JSON."""
    entries = list(content.items()) if isinstance(content, dict) else [("", None)]
    if not all(isinstance(entry, dict) and isinstance(entry.get("boxes_xyxy"), list) for _, entry in entries):
        raise UserError(f'{path}: expected {{NAME: {{"boxes_xyxy": [[left, top, right, bottom], …]}}, …}}')
    labels = LabelRows(settings.person_class(path))
    for frame, (name, entry) in enumerate(entries, start=1):
        for row, box in enumerate(entry["boxes_xyxy"]):
            if corners := parse_numbers(box, 4):
                labels.add(frame, from_inclusive_pixels(corners))
            else:
                on_fault(f"{path}: {name}: boxes_xyxy[{row}] is {box}, expected four numbers")
    paths = locate_images_by_stem(list(content), [images, path.parent / "images", path.parent])
    return label_still_images(path.resolve().parent.name, labels.annotation(), paths, path, settings.names)


def from_inclusive_pixels(corners: tuple[float, ...]) -> tuple[float, ...]:
    """Corners as 1-based inclusive pixels → xyxy."""
    left, top, right, bottom = corners
    return left - 1, top - 1, right, bottom
