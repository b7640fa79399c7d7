"""Open footage from a path, in any of the dataset formats."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.reading import exists
from idfree.datasets.all_classes import name_all_classes
from idfree.datasets.archive import find_entry, is_zip
from idfree.datasets.boxes_json import BOXES_JSON
from idfree.datasets.footage import Footage, FootageSettings, Half
from idfree.datasets.formats import FORMATS
from idfree.datasets.labelled_video import check_one_video
from idfree.datasets.labels import OnFault, raise_fault
from idfree.datasets.reid_crops import is_reid
from idfree.sequences.folders import describe_contents

LOG = logging.getLogger("idfree")


def open_footage(
    spec: str | Path,
    half: Half = "none",
    images: str | Path | None = None,
    settings: FootageSettings | None = None,
    on_fault: OnFault = raise_fault,
) -> list[Footage]:
    """The footage at a path: its labels are read, its images are not.

    spec: a file or folder in one of `formats.FORMATS`: MOTChallenge sequences, COCO's `.json`, CVAT's `.xml` …
    half: of each video (see Footage.half); footage without that half is left out, with a warning.
    images: if not beside the labels, the folder of the images (of NAME.mp4 or NAME/ for each video), or the one video.
    on_fault: called for each invalid label, which is then skipped; by default it raises UserError.
    Raises UserError if the path does not exist or has none of the formats.
    """
    path, settings = Path(spec), settings or FootageSettings()
    if not exists(path):
        raise UserError(f"no such file or folder: {path}")
    footages = read_labels(path, None if images is None else Path(images), settings, on_fault)
    check_one_video(None if images is None else Path(images), len(footages))
    halves = [(footage, footage.half(half)) for footage in footages]
    for footage in (footage for footage, part in halves if part is None):
        LOG.warning("%s: has no half to validate on, left out", footage.name)
    return [ignore_low_visibility(part, settings.min_visibility) for _, part in halves if part is not None]


def read_labels(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """Read a file or folder in the first format that recognises it. Raises UserError if none does."""
    if is_zip(path) and not (find_entry(path, "annotations.xml") or find_entry(path, "gt/gt.txt")):
        raise UserError(f"{path}: a zip without annotations.xml (CVAT for video) and gt/gt.txt (MOT 1.1), or damaged")
    for file_format in FORMATS.values():
        if file_format.recognises and file_format.read and file_format.recognises(path):
            return file_format.read(path, images, settings, on_fault)
    if is_reid(path):
        raise UserError(
            f"{path}: has crops (Market-1501, MSMT17, VeRi-776), no images with boxes;"
            " `idfree train simplereid`, `eval-appearance` and `data check` read it"
        )
    raise UserError(
        f"{path}: neither MOTChallenge sequences with gt/gt.txt, nor {BOXES_JSON}, nor VOC's .xml, nor another format "
        f"of `idfree data convert --list`; found {describe_contents(path)}"
    )


def ignore_low_visibility(footage: Footage, min_visibility: float) -> Footage:
    """Turn boxes with less than this visibility into ignore regions (score 0)."""
    boxes = footage.boxes
    visible = boxes.visibility >= min_visibility
    if visible.all():
        return footage
    return replace(footage, boxes=replace(boxes, score=np.where(visible, boxes.score, 0.0)))


def open_all(
    specs: Iterable[str | Path],
    half: Half = "none",
    images: str | Path | None = None,
    settings: FootageSettings | None = None,
    on_fault: OnFault = raise_fault,
) -> list[Footage]:
    """The footage of several paths, in their order (see open_footage)."""
    specs = list(specs)
    settings = name_all_classes(specs, settings or FootageSettings())
    footages = [footage for spec in specs for footage in open_footage(spec, half, images, settings, on_fault)]
    check_one_video(None if images is None else Path(images), len(footages))
    return footages
