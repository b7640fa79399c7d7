"""Still images with boxes in one boxes.json: {NAME: {"boxes_xyxy": [[left, top, right, bottom], …], …}, …}.

The pictures are images/NAME.jpg beside it. Corners are pixels counted from 1, both of them inside the box, as PennFudan
(Wang 2007) has them: [1, 1, 2, 2] is the first two rows and columns, in idfree's units 0, 0, 2, 2.
"""

from functools import partial
from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.datasets.footage import Footage
from idfree.datasets.labels import LabelRows, OnFault, numbers, raise_fault, read_json
from idfree.sequences.pictures import located_by_stem, nth_image

BOXES = "boxes.json"


def read_boxes_json(path: Path, images: Path | None = None, complain: OnFault = raise_fault) -> Footage:
    """Still images of people, without identities; named by the folder. Raises UserError where it is another JSON."""
    return from_boxes(read_json(path), path, images, complain)


def from_boxes(said: Any, path: Path, images: Path | None, complain: OnFault) -> Footage:
    """The footage of a boxes.json that was read."""
    pictures = list(said.items()) if isinstance(said, dict) else [("", None)]
    if not all(isinstance(picture, dict) and isinstance(picture.get("boxes_xyxy"), list) for _, picture in pictures):
        raise UserError(f'{path}: expected {{NAME: {{"boxes_xyxy": [[left, top, right, bottom], …]}}, …}}')
    labels = LabelRows()
    for frame, (name, picture) in enumerate(pictures, start=1):
        for row, box in enumerate(picture["boxes_xyxy"]):
            if corners := numbers(box, 4):
                labels.add(frame, from_pixels(corners))
            else:
                complain(f"{path}: {name}: boxes_xyxy[{row}] is {box}, expected four numbers")
    paths = located_by_stem(list(said), [images, path.parent / "images", path.parent])
    return Footage(
        name=path.resolve().parent.name,
        boxes=labels.annotation(),
        length=len(paths),
        image=partial(nth_image, paths),
        moving=False,
        paths=paths,
        source=path,
    )


def from_pixels(corners: tuple[float, ...]) -> tuple[float, ...]:
    """The first and last pixel of a box, counted from 1, as its edges xyxy."""
    left, top, right, bottom = corners
    return left - 1, top - 1, right, bottom
