"""JDE lists (Wang 2020): a text of image paths, and for `…/images/X.jpg` the labels `…/labels_with_ids/X.txt`.

A row of labels is `class id cx cy w h`, the box normalised by the picture's width and height, id −1 unknown.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from idfree.core.boxes import xyxy_to_cxcywh
from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.datasets.footage import Footage
from idfree.datasets.labels import LabelRows, OnFault, raise_fault
from idfree.datasets.layout import lay_out, picture_names
from idfree.sequences.images import IMAGE_SUFFIXES
from idfree.sequences.pictures import located, nth_image, picture_size
from idfree.sequences.rows import LARGEST, NUMBER, read_text

IMAGES, LABELS = "images", "labels_with_ids"
MOMENTS = "img1"  # the folder in which MOTChallenge keeps the frames of a video, also in JDE's copies
ROW = "class id cx cy w h"


def read_list(path: Path, images: Path | None = None, complain: OnFault = raise_fault) -> list[Footage]:
    """The footage of a list: each of its videos (images in a folder img1/), and all others as still images.

    Paths are relative to `images`, or to the list's folder, or to one above it. Raises UserError with file and line.
    """
    names = listed(path)
    paths = located(names, [images, path.parent, *path.resolve().parent.parents])
    films: dict[Path | None, list[Path]] = defaultdict(list)
    for picture in paths:
        films[picture.parent if picture.parent.name == MOMENTS else None].append(picture)
    if not any(file_of_labels(picture).is_file() for picture in paths):
        raise UserError(f"{path}: none of its {len(paths)} pictures has labels; expected {file_of_labels(paths[0])} …")
    return [read_film(folder, film, path, complain) for folder, film in films.items()]


def listed(path: Path) -> list[str]:
    """The images of a list. Raises UserError where a line names none."""
    lines = [(number, line.strip()) for number, line in enumerate(read_text(path).split("\n"), start=1)]
    names = [(number, line) for number, line in lines if line]
    for number, name in names:
        if not name.lower().endswith(IMAGE_SUFFIXES):
            raise UserError(f"{path} line {number}: {name[:60]!r} is no image; expected a list of image paths (JDE)")
    if not names:
        raise UserError(f"{path}: lists no images")
    return [name for _, name in names]


def read_film(folder: Path | None, film: list[Path], source: Path, complain: OnFault) -> Footage:
    """The pictures of one video, or all still images of a list."""
    labels, sizes = LabelRows(), set()
    if folder:
        film = sorted(film)
    for frame, picture in enumerate(film, start=1):
        rows = list(read_rows(file_of_labels(picture), complain))
        try:
            height, width = picture_size(picture) if rows else (0, 0)
        except UserError as error:
            complain(f"{error}; its boxes are in shares of its size")
            continue
        sizes.add((height, width))
        for class_id, id, cx, cy, w, h in rows:
            corners = ((cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height)
            labels.add(frame, corners, int(id), class_id=int(class_id))
    sizes.discard((0, 0))
    boxes = labels.annotation()
    return Footage(
        name=folder.parent.name if folder else source.stem,
        boxes=boxes,
        length=len(film),
        image=partial(nth_image, tuple(film)),
        moving=folder is not None,
        paths=tuple(film),
        size_hw=sizes.pop() if len(sizes) == 1 and folder else None,
        source=source,
        classes=(*Footage.classes, *map(str, range(1, int(boxes.class_id.max(initial=0)) + 1))),
    )


def file_of_labels(picture: Path) -> Path:
    """Where the labels of a picture lie: `images` in its path, the last if there are several, becomes the other."""
    parts = list(picture.with_suffix(".txt").parts)
    if IMAGES in parts:
        parts[len(parts) - 1 - parts[::-1].index(IMAGES)] = LABELS
    return Path(*parts)


def read_rows(path: Path, complain: OnFault) -> Iterator[list[float]]:
    """The rows of a file of labels; a picture without such a file has no boxes."""
    if not path.is_file():
        return
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        fields = line.split()
        if len(fields) == len(ROW.split()) and all(NUMBER.fullmatch(field) for field in fields):
            row = [float(field) for field in fields]
            if all(abs(value) <= LARGEST for value in row) and row[0] % 1 == row[1] % 1 == 0:
                yield row
                continue
        if fields:
            complain(f"{path} line {number}: {line.strip()[:60]!r}, expected {ROW}, the box in shares of the picture")


def write_list(footage: Footage, folder: Path) -> Path:
    """FOLDER/NAME.train, images/NAME/… and labels_with_ids/NAME/…; regions to ignore and visibility are lost."""
    home = f"{footage.name}/{MOMENTS}" if footage.moving else footage.name
    names = [f"{home}/{name}" for name in picture_names(footage)]
    lay_out(footage, [folder / IMAGES / name for name in names])
    for number, name in enumerate(names, start=1):
        boxes = footage.boxes[footage.boxes.rows_at(number)]
        boxes = boxes[boxes.score != 0]
        height, width = footage.size_at(number)
        shares = xyxy_to_cxcywh(boxes.xyxy) / (width, height, width, height)
        rows = zip(boxes.class_id.tolist(), boxes.id.tolist(), shares.tolist(), strict=True)
        text = "".join(f"{kind} {id} {cx:.6f} {cy:.6f} {w:.6f} {h:.6f}\n" for kind, id, (cx, cy, w, h) in rows)
        write_text((folder / LABELS / name).with_suffix(".txt"), text)
    path = folder / f"{footage.name}.train"
    write_text(path, "".join(f"{IMAGES}/{name}\n" for name in names))
    return path
