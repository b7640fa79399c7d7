"""PathTrack (Manen 2017): people in videos of 5 s and more, labelled along paths and interpolated.

A sequence is a folder NAME with gt/gt.txt, det/det_rcnn.txt, img1/ and info.xml, in place of MOTChallenge's seqinfo.ini
and det.txt. Rows of gt.txt are frame, id, x, y, w, h, then others, which are not read: they say which boxes are
interpolated, and all boxes count. The layout is that of public programs that read the release; it was not tried on it.
"""

import re
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.reading import read_text
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.labelled_video import label_video, open_media
from idfree.datasets.labels import OnFault
from idfree.sequences.rows import parse_columns, to_annotation
from idfree.sequences.seqinfo import SEQINFO

GROUND_TRUTH, DETECTIONS, INFO = "gt/gt.txt", "det/det_rcnn.txt", "info.xml"
BOX = ("frame", "id", "x", "y", "w", "h")
LAYOUTS = {count: BOX + ("",) * (count - len(BOX)) for count in range(len(BOX), 12)}
PARTS = ("train", "test")
FRAME_RATE = re.compile(r"<\s*(?:fps|frame_?rate)\s*>\s*(\d+(?:\.\d+)?)\s*<", re.IGNORECASE)


def is_pathtrack(path: Path) -> bool:
    """Whether a path is a sequence of PathTrack, a folder of them, or of train/ and test/ with them."""
    return path.is_dir() and any(has_layout(folder) for folder in candidates(path))


def candidates(path: Path) -> list[Path]:
    """The folder itself, those in it, and those in train/ and test/, in order of their names."""
    parts = [path, *(path / part for part in PARTS if (path / part).is_dir())]
    return [path, *(child for part in parts for child in sorted(part.iterdir()) if child.is_dir())]


def has_layout(folder: Path) -> bool:
    """Whether a folder has gt/gt.txt and one of the files that only PathTrack has: DETECTIONS or INFO."""
    has_own = (folder / DETECTIONS).is_file() or (folder / INFO).is_file()
    return has_own and (folder / GROUND_TRUTH).is_file() and not (folder / SEQINFO).is_file()


def read_pathtrack(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """The sequences of a folder. Raises UserError if `settings` wants others than people."""
    settings.person_class(path)
    footages = []
    for folder in (folder for folder in candidates(path) if has_layout(folder)):
        try:
            footages.append(read_sequence(folder, images, settings, on_fault))
        except UserError as error:
            on_fault(str(error))
    return footages


def read_sequence(folder: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> Footage:
    """One sequence: every box is a person."""
    source, name = folder / GROUND_TRUTH, folder.resolve().name
    columns = parse_columns(read_text(source), source, LAYOUTS, default=7)
    count = len(columns["frame"])
    columns |= {"score": np.ones(count), "class": np.full(count, float(settings.person_class(source)))}
    boxes = to_annotation(columns)
    media = open_media(name, images, [folder.resolve().parent])
    rate = read_frame_rate(folder / INFO)
    return label_video(name, boxes, media, source, on_fault, settings.names, frame_rate=rate)


def read_frame_rate(path: Path) -> float | None:
    """Frames per second in info.xml (<fps> or <framerate>); None if it does not say."""
    match = FRAME_RATE.search(read_text(path)) if path.is_file() else None
    return float(match[1]) if match and float(match[1]) > 0 else None
