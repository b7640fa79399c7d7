"""Footage written in another format: which there are, and what each cannot say."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.datasets.coco import write_coco
from idfree.datasets.crowdhuman import write_odgt
from idfree.datasets.footage import Footage
from idfree.datasets.jde_lists import write_list
from idfree.datasets.motchallenge_labels import write_mot
from idfree.datasets.voc import write_voc

LOG = logging.getLogger("idfree")

WRITERS: dict[str, Callable[[Footage, Path], Path]] = {
    "mot": write_mot,
    "coco": write_coco,
    "odgt": write_odgt,
    "jde": write_list,
    "voc": write_voc,
}
LOST = {
    "odgt": ("identities", "visibility", "order in time"),
    "jde": ("visibility", "regions to ignore"),
    "voc": ("visibility", "order in time"),
}


def convert(footage: Sequence[Footage], to: str, folder: Path) -> Iterable[Path]:
    """Write each below `folder` in the format `to`, a key of WRITERS; gives what to open to read it again.

    Pictures are linked; frames of a video are written as JPEG, except to "mot", which takes the video. What the format
    cannot say is lost, with a warning. Raises UserError where two have one name, or one would be written over itself.
    """
    twice = [name for name, count in Counter(each.name for each in footage).items() if count > 1]
    if twice:
        raise UserError(f"two sources are called {twice[0]}: convert them one by one, into folders of their own")
    for each in footage:
        if each.source and folder.resolve() in each.source.resolve().parents:
            raise UserError(f"{each.source} lies in {folder}: convert into another folder, it might be written over")
    return (write(each, to, folder) for each in footage)


def write(footage: Footage, to: str, folder: Path) -> Path:
    """One of them, with a warning of what is lost."""
    boxes = footage.boxes
    there = {
        "identities": np.any(boxes.id >= 0),
        "visibility": np.any(boxes.visibility != 1),
        "regions to ignore": np.any(boxes.score == 0),
        "order in time": footage.moving,
    }
    lost = [what for what in LOST.get(to, ()) if there[what]]
    if lost:
        LOG.warning("%s: %s has no place for %s", footage.name, to, ", ".join(lost))
    return WRITERS[to](footage, folder)
