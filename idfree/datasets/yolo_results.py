"""The labels/ that `yolo track save_txt=True` writes: NAME_FRAME.txt, without images or names of classes."""

from collections import defaultdict
from pathlib import Path

from idfree.core.errors import UserError
from idfree.datasets.class_selection import ClassSelection
from idfree.datasets.footage import PEOPLE, Footage, FootageSettings
from idfree.datasets.labelled_video import label_video, open_media
from idfree.datasets.labels import LabelRows, OnFault
from idfree.datasets.yolo import IMAGES, LABELS, Row, add_rows, read_rows, split_name
from idfree.sequences.folders import list_files
from idfree.sequences.rows import MAX_FRAME


def is_yolo_results(path: Path) -> bool:
    """Whether a path is a folder labels/ of text files, or one with it, without images/."""
    folder = label_folder(path)
    return folder is not None and not (folder.parent / IMAGES).is_dir() and bool(list_files(folder, (".txt",)))


def label_folder(path: Path) -> Path | None:
    """The folder labels/ that a path is or has."""
    return next((f for f in (path, path / LABELS) if f.name == LABELS and f.is_dir()), None)


def read_yolo_results(path: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """The videos of a folder; frame 12 of street.mp4 is street_12.txt. Classes are named by their numbers.

    By default all classes are kept; a single one is that of people. images: as `open_media`. Raises UserError if the
    size of the images is unknown.
    """
    folder = label_folder(path) or path
    videos: dict[str, dict[int, list[Row]]] = defaultdict(dict)
    for file in list_files(folder, (".txt",)):
        name, frame = split_name(file.stem)
        if frame is None or not 1 <= frame <= MAX_FRAME:
            on_fault(f"{file}: expected a name that ends in the number of a frame, from 1: street_12.txt")
        else:
            videos[name or folder.parent.name][frame] = [*read_rows(file, on_fault)]
    numbers = sorted({row.class_id for frames in videos.values() for rows in frames.values() for row in rows})
    names = [str(number) for number in range(max(numbers, default=0) + 1)]
    if settings.names == PEOPLE and len(numbers) > 1:
        settings = FootageSettings(classes=",".join(map(str, numbers)))
    elif settings.names == PEOPLE:
        names = [PEOPLE[0]] * len(names)
    selection = ClassSelection(settings, path)
    footages = [read_video(name, videos[name], folder, images, names, selection, on_fault) for name in videos]
    selection.report()
    return footages


def read_video(
    name: str,
    frames: dict[int, list[Row]],
    folder: Path,
    images: Path | None,
    names: list[str],
    selection: ClassSelection,
    on_fault: OnFault,
) -> Footage:
    """The footage of one video. Raises UserError if its size is unknown."""
    media = open_media(name, images, [folder.parent])
    if media.size_hw is None:
        raise UserError(f"{folder}: boxes of {name} are shares of the image, whose size is unknown: name it, --images")
    labels = LabelRows()
    for frame, rows in frames.items():
        add_rows(labels, frame, rows, media.size_hw, names, selection, f"{folder}: {name} frame {frame}", on_fault)
    scored = any(row.confidence is not None for rows in frames.values() for row in rows)
    classes = tuple(selection.class_ids)
    return label_video(name, labels.annotation(), media, folder, on_fault, classes, scored=scored)
