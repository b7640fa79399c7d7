"""Open the footage that a path names, whatever data set it comes from."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.datasets.footage import Footage, FootageSettings, Half
from idfree.datasets.labels import OnFault, raise_fault
from idfree.sequences.folders import contents, files

LOG = logging.getLogger("idfree")


def open_footage(
    spec: str | Path,
    half: Half = "none",
    images: str | Path | None = None,
    settings: FootageSettings | None = None,
    complain: OnFault = raise_fault,
) -> list[Footage]:
    """The footage that `spec` names, its labels read, its pictures not.

    A MOTChallenge sequence with gt/gt.txt or a folder of them, each video once; CrowdHuman's `.odgt`; COCO's `.json`;
    a JDE list of image paths; a folder with boxes.json; a folder of VOC's `.xml`. half: of videos, see Footage.half.
    images: where the pictures lie, if not beside the labels (for MOTChallenge, a folder of NAME.mp4 or NAME/).
    complain: told of what cannot be right in the labels, which is then left out; by default it raises UserError.
    Raises UserError where there is nothing of the kind.
    """
    path, settings = Path(spec), settings or FootageSettings()
    if not path.exists():
        raise UserError(f"no such file or folder: {path}")
    found = read_labels(path, None if images is None else Path(images), settings, complain)
    parts = [(footage, footage.half(half)) for footage in found]
    for footage in (footage for footage, part in parts if part is None):
        LOG.warning("%s: has no half to validate on, left out", footage.name)
    return [ignoring(part, settings.min_visibility) for _, part in parts if part is not None]


def read_labels(path: Path, images: Path | None, settings: FootageSettings, complain: OnFault) -> list[Footage]:
    """The footage of a file or folder, by what it is. Raises UserError where it is nothing known."""
    from idfree.datasets import coco, crowdhuman, jde_lists, motchallenge_labels, still_images, voc
    from idfree.sequences.motchallenge import find_sequences, is_sequence

    if path.is_dir():
        if (path / still_images.BOXES).is_file():
            return [still_images.read_boxes_json(path / still_images.BOXES, images, complain)]
        if files(path, (".xml",)) or (path / voc.ANNOTATIONS).is_dir():
            return [voc.read_voc(path, settings, images, complain)]
        if is_sequence(path) or any(is_sequence(below) for below in path.iterdir() if below.is_dir()):
            return motchallenge_labels.read_sequences(find_sequences(path), images, complain)
        raise UserError(
            f"{path}: neither MOTChallenge sequences with gt/gt.txt, nor {still_images.BOXES}, nor VOC's .xml; "
            f"found {contents(path)}"
        )
    suffix = path.suffix.lower()
    if path.name == "gt.txt":
        return motchallenge_labels.read_sequences([path.resolve().parent.parent], images, complain)
    if suffix == ".odgt":
        return [crowdhuman.read_odgt(path, settings, images, complain)]
    if suffix == ".json":
        return coco.read_coco(path, settings, images, complain)
    return jde_lists.read_list(path, images, complain)


def ignoring(footage: Footage, min_visibility: float) -> Footage:
    """The footage with boxes that are seen less than that as regions to ignore."""
    boxes = footage.boxes
    seen = boxes.visibility >= min_visibility
    return footage if seen.all() else replace(footage, boxes=replace(boxes, score=np.where(seen, boxes.score, 0.0)))


def open_all(
    specs: list[str] | list[Path],
    half: Half = "none",
    images: str | Path | None = None,
    settings: FootageSettings | None = None,
    complain: OnFault = raise_fault,
) -> list[Footage]:
    """The footage of several, in their order (see open_footage)."""
    return [footage for spec in specs for footage in open_footage(spec, half, images, settings, complain)]
