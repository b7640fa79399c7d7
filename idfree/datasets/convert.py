"""Convert footage to another dataset format, with a warning of the information that is lost."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.core.boxes import has_area
from idfree.core.errors import UserError
from idfree.core.types import Annotation
from idfree.datasets.footage import Footage
from idfree.datasets.formats import (
    CLASS_CHANGES,
    CLASSES,
    FORMATS,
    FRAME_ORDER,
    IDENTITIES,
    IGNORE_REGIONS,
    SCORES,
    UNKNOWN_IDENTITIES,
    VISIBILITY,
)

LOG = logging.getLogger("idfree")

MIN_SIDE = 0.005  # px of the sides of a box: smaller ones are 0.00 in files of two decimals

WRITERS = {name: file_format.write for name, file_format in FORMATS.items() if file_format.write}


def convert(footages: Sequence[Footage], to: str, folder: Path) -> Iterable[Path]:
    """Write each footage below `folder` in the format `to`, a key of WRITERS; yields the paths to open them again.

    Image files are linked; frames of a video are written as JPEG, except for "mot", which links the video. What the
    format cannot represent is lost, with a warning, and boxes without area are left out. Raises UserError if two have
    the same name, if a source lies in `folder` and could be overwritten, and for still images in a format of videos.
    """
    repeated = [name for (name, _), count in Counter((f.name, f.scored) for f in footages).items() if count > 1]
    if repeated:
        raise UserError(f"two sources are called {repeated[0]}: convert them one by one, into folders of their own")
    for footage in footages:
        source = footage.source.resolve() if footage.source else None
        if source and folder.resolve() in (source, *source.parents):
            raise UserError(f"{footage.source} lies in {folder}: convert into another folder, it might be written over")
        if FORMATS[to].videos_only and not footage.is_sequence:
            raise UserError(f"{footage.name}: has still images, {to} has place for videos alone")
    return (write_footage(footage, to, folder) for footage in footages)


def write_footage(footage: Footage, to: str, folder: Path) -> Path:
    """Write one footage, with a warning about lost information and about boxes that are left out."""
    footage = without_degenerate(footage)
    lost = [feature for feature in FORMATS[to].lost if features(footage)[feature]]
    if lost:
        LOG.warning("%s: %s has no place for %s", footage.name, to, ", ".join(lost))
    if footage.scored and SCORES in FORMATS[to].lost:  # score 0 would be a region to ignore
        boxes = replace(footage.boxes, score=np.ones(len(footage.boxes)))
        footage = replace(footage, boxes=boxes, scored=False)
    return WRITERS[to](footage, folder)


def without_degenerate(footage: Footage) -> Footage:
    """The footage without boxes whose width or height is less than MIN_SIDE; a warning counts them."""
    degenerate = ~has_area(footage.boxes.xyxy, MIN_SIDE)
    if not degenerate.any():
        return footage
    place = footage.location(int(footage.boxes.frame[degenerate.argmax()]))
    LOG.warning(
        "%s: %d of %d boxes have no positive width and height and are left out, the first in %s",
        *(footage.name, np.count_nonzero(degenerate), len(footage.boxes), place),
    )
    return replace(footage, boxes=footage.boxes[~degenerate])


def features(footage: Footage) -> dict[str, bool]:
    """Whether footage has each of the features that a format may be unable to represent."""
    boxes = footage.boxes
    return {
        IDENTITIES: bool(np.any(boxes.id >= 0)),
        UNKNOWN_IDENTITIES: bool(np.any(boxes.id < 0)),
        VISIBILITY: bool(np.any(boxes.visibility != 1)),
        IGNORE_REGIONS: bool(footage.ignored.any()),
        FRAME_ORDER: footage.is_sequence,
        SCORES: footage.scored and bool(np.any(boxes.score != 1)),
        CLASSES: len(np.unique(boxes.class_id[~footage.ignored])) > 1,
        CLASS_CHANGES: changes_class(boxes),
    }


def changes_class(boxes: Annotation) -> bool:
    """Whether a track has boxes of several classes."""
    order = np.lexsort((boxes.class_id, boxes.id))
    id, class_id = boxes.id[order], boxes.class_id[order]
    return bool(np.any((np.diff(id) == 0) & (np.diff(class_id) != 0) & (id[1:] >= 0)))
