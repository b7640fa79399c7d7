"""CVAT's XML 1.1 (cvat.ai): "CVAT for video", whose tracks are keyframes, and "CVAT for images", which is read only.

Frames count from 0. A box with outside="1" ends a part of its track; what lies between two boxes is interpolated.
"""

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from idfree.core.errors import UserError
from idfree.core.names import is_path
from idfree.core.reading import parse_xml, read_xml
from idfree.datasets.archive import find_entry, is_zip, read_entry
from idfree.datasets.class_selection import ClassSelection
from idfree.datasets.footage import PEOPLE, Footage, FootageSettings
from idfree.datasets.keyframes import distinct_numbers, interpolate
from idfree.datasets.labelled_video import label_stills, label_video, open_media
from idfree.datasets.labels import MAX_SIZE, LabelRows, OnFault
from idfree.sequences.rows import MAX_FRAME, MAX_VALUE, NUMBER

ENTRY = "annotations.xml"  # in the archives that CVAT exports
CORNERS = ("xtl", "ytl", "xbr", "ybr")
SCORE, VISIBILITY, IGNORED = "score", "visibility", "ignored"  # idfree's attributes of a box


def is_cvat(path: Path) -> bool:
    """Whether a path is an .xml, or a zip or folder with CVAT's annotations.xml."""
    if is_zip(path):
        return find_entry(path, ENTRY) is not None
    return (path.suffix.lower() == ".xml" and not path.is_dir()) or (path / ENTRY).is_file()


def read_cvat(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """The video of an XML or of a zip with one, named after the file, or the still images of "CVAT for images".

    Tracks are numbered as in the file. Boxes of other labels than settings.names are left out, with a warning.
    """
    path = path / ENTRY if path.is_dir() else path
    root = parse_xml(read_entry(path, find_entry(path, ENTRY) or ENTRY), str(path)) if is_zip(path) else read_xml(path)
    if root.tag != "annotations":
        raise UserError(f"{path}: its root is <{root.tag}>, expected CVAT's <annotations>")
    selection = ClassSelection(settings, path)
    if root.find("image") is not None:
        footage = read_stills(root, path, images, selection, on_fault)
    else:
        footage = read_video(root, path, images, selection, on_fault)
    selection.report()
    return [footage]


def read_video(root: Element, path: Path, images: Path | None, selection: ClassSelection, on_fault: OnFault) -> Footage:
    """The footage of the <track> elements."""
    labels, scored, tracks = LabelRows(), False, root.findall("track")
    for number, track in zip(distinct_numbers([track.get("id", "") for track in tracks]), tracks, strict=True):
        place = f"{path}: track {track.get('id')}"
        class_id = selection.find(track.get("label", "")) if track.find("box") is not None else None
        if class_id is not None:
            rows = parse_boxes(track, place, on_fault)
            scored |= bool(rows) and add_track(labels, number, class_id, np.array(rows), track, place)
    height, width = (parse_whole(root.findtext(f".//original_size/{side}"), MAX_SIZE) for side in ("height", "width"))
    media = open_media(path.stem, images, [path.parent])
    size_hw, length = (height, width) if height and width else None, parse_whole(root.findtext("meta//size"), MAX_FRAME)
    classes = tuple(selection.class_ids) or PEOPLE
    return label_video(path.stem, labels.annotation(), media, path, on_fault, classes, length, size_hw, scored=scored)


def parse_boxes(track: Element, place: str, on_fault: OnFault) -> list[tuple[float, ...]]:
    """The keyframes of a track: frame from 1, corners, outside, ignored, score, visibility; sorted by frame."""
    rows = {}
    for box in track.findall("box"):
        corners = parse_attributes(box, CORNERS)
        frame = parse_whole(box.get("frame"), MAX_FRAME - 1)
        if corners is None or frame is None:
            on_fault(f"{place}: a box is {box.attrib}, expected frame, {', '.join(CORNERS)}")
            continue
        attributes = {item.get("name"): (item.text or "").strip() for item in box.findall("attribute")}
        score, visibility = (parse_fraction(attributes.get(name)) for name in (SCORE, VISIBILITY))
        ignored = attributes.get(IGNORED) == "true"
        rows[frame] = (frame + 1, *corners, box.get("outside") == "1", ignored, score, visibility)
    return [rows[frame] for frame in sorted(rows)]


def add_track(labels: LabelRows, number: int, class_id: int, rows: np.ndarray, track: Element, place: str) -> bool:
    """Add a track (K, 9) of `parse_boxes`; return whether its boxes have scores. Raises UserError."""
    outside, scored = rows[:, 5] == 1, track.find(f"box/attribute[@name='{SCORE}']") is not None
    frames, values, keyframe = interpolate(rows[:, 0].astype(np.int64), rows[:, 1:], ~outside, place)
    shown = ~outside[keyframe]
    held = rows[keyframe]
    score = np.where(held[:, 6] == 1, 0.0, held[:, 7])
    for frame, corners, mark, visible in zip(
        *(column[shown].tolist() for column in (frames, values[:, :4], score, held[:, 8])), strict=True
    ):
        labels.add(frame, corners, number, mark, class_id, visible)
    return scored


def read_stills(
    root: Element, path: Path, images: Path | None, selection: ClassSelection, on_fault: OnFault
) -> Footage:
    """The footage of the <image> elements: still images, without identities."""
    labels, names = LabelRows(), []
    for image in root.findall("image"):
        name = image.get("name", "")
        if not is_path(name):
            on_fault(f"{path}: an <image> is called {name!r}, expected the name of an image file")
            continue
        names.append(name)
        for box in image.findall("box"):
            class_id = selection.find(box.get("label", ""))
            if class_id is not None and (corners := parse_attributes(box, CORNERS)):
                labels.add(len(names), corners, class_id=class_id)
            elif class_id is not None:
                on_fault(f"{path}: {name}: a box is {box.attrib}, expected {', '.join(CORNERS)}")
    return label_stills(path.stem, labels.annotation(), names, images, path, tuple(selection.class_ids) or PEOPLE)


def parse_attributes(element: Element, names: tuple[str, ...]) -> tuple[float, ...] | None:
    """The numbers in attributes of an element; None if one is missing, no number, or beyond MAX_VALUE."""
    texts = [element.get(name, "") for name in names]
    if not all(NUMBER.fullmatch(text) and abs(float(text)) <= MAX_VALUE for text in texts):
        return None
    return tuple(map(float, texts))


def parse_whole(text: str | None, highest: int) -> int | None:
    """A whole number from 0 to `highest`; None if it is anything else."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 and int(text) <= highest else None


def parse_fraction(text: str | None) -> float:
    """A number 0…1; 1 if it is anything else."""
    return float(text) if text and NUMBER.fullmatch(text) and 0 <= float(text) <= 1 else 1.0
