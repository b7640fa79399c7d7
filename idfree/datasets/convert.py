"""Convert footage to another dataset format, with a warning about information that the format cannot represent."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.datasets.footage import Footage
from idfree.datasets.formats import FORMATS, FRAME_ORDER, IDENTITIES, IGNORE_REGIONS, VISIBILITY

LOG = logging.getLogger("idfree")

WRITERS = {name: file_format.write for name, file_format in FORMATS.items() if file_format.write}


def convert(footages: Sequence[Footage], to: str, folder: Path) -> Iterable[Path]:
    """Write each footage below `folder` in the format `to`, a key of WRITERS; yields the paths to open them again.

    Image files are linked; frames of a video are written as JPEG, except for "mot", which links the video. What the
    format cannot represent is lost, with a warning. Raises UserError if two have the same name, or if a source lies
    in `folder` and could be overwritten.
    """
    repeated = [name for name, count in Counter(footage.name for footage in footages).items() if count > 1]
    if repeated:
        raise UserError(f"two sources are called {repeated[0]}: convert them one by one, into folders of their own")
    for footage in footages:
        source = footage.source.resolve() if footage.source else None
        if source and folder.resolve() in (source, *source.parents):
            raise UserError(f"{footage.source} lies in {folder}: convert into another folder, it might be written over")
    return (write_footage(footage, to, folder) for footage in footages)


def write_footage(footage: Footage, to: str, folder: Path) -> Path:
    """Write one footage, with a warning about lost information."""
    boxes = footage.boxes
    has = {
        IDENTITIES: np.any(boxes.id >= 0),
        VISIBILITY: np.any(boxes.visibility != 1),
        IGNORE_REGIONS: np.any(boxes.score == 0),
        FRAME_ORDER: footage.is_sequence,
    }
    lost = [feature for feature in FORMATS[to].lost if has[feature]]
    if lost:
        LOG.warning("%s: %s has no place for %s", footage.name, to, ", ".join(lost))
    return WRITERS[to](footage, folder)
