"""MOTChallenge folders and text: seqinfo.ini, images, detections, truth, results.

The only place that knows their layout. Frames count from 1, as everywhere in idfree. Boxes are left as they stand: in
the sets' own tools the first pixel is 1, but published trackers and TrackEval shift nothing, and figures agree only so.
"""

import configparser
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.core.types import Annotation, Frame, Sequence
from idfree.sequences.folders import contents, files, visible
from idfree.sequences.images import IMAGE_SUFFIXES, open_images
from idfree.sequences.rows import Columns, format_rows, parse, read_text, to_annotation, to_columns
from idfree.sequences.video import VIDEO_SUFFIXES, open_video

BOX = ("frame", "id", "x", "y", "w", "h")
POSITION = ("X", "Y", "Z")  # in metres on the ground: MOT15 has them in detections and truth, −1 where unknown
DETECTIONS = {count: (*BOX, "score", *POSITION)[:count] for count in range(6, 11)}
TRUTH = {
    7: (*BOX, "mark"),
    9: (*BOX, "mark", "class", "visibility"),  # MOT16 on
    10: (*BOX, "mark", *POSITION),  # MOT15
}
PEDESTRIAN = 1  # the class of a truth that names none (Milan 2016, table 3)
FRAME_RATE = 30.0  # where nothing tells: most sequences of MOT16 to MOT20

PUBLIC_DETECTORS = ("-DPM", "-FRCNN", "-SDP")  # MOT17 has each video three times, once for each


@dataclass(frozen=True)
class SeqInfo:
    """What is known of a sequence: length in frames, frame_rate per second, size_hw (height, width)."""

    name: str
    length: int | None = None
    frame_rate: float = FRAME_RATE
    size_hw: tuple[int, int] | None = None
    image_folder: str = "img1"


def read_seqinfo(folder: Path | str) -> SeqInfo:
    """What seqinfo.ini says; what it leaves out comes from the images or the video, the length at last from det or gt.

    The name is the folder's own: results and truth are paired by it, and a copied folder keeps the old seqinfo.ini.
    Raises UserError where a value is no positive number.
    """
    folder = Path(folder)
    path = folder / "seqinfo.ini"
    said = read_ini(path)
    length, rate, height, width = (
        positive(said, key, path) for key in ("seqLength", "frameRate", "imHeight", "imWidth")
    )
    size = (int(height), int(width)) if height and width else None
    image_folder = said.get("imdir", "img1")
    if not (length and rate and size) and (frames := open_frames(folder, image_folder)):
        length, rate, size = length or frames.length, rate or frames.frame_rate, size or frames.size_hw
    length = length or last_frame(folder)
    return SeqInfo(folder.resolve().name, int(length) if length else None, rate or FRAME_RATE, size, image_folder)


def read_ini(path: Path) -> dict[str, str]:
    """The keys of an ini file in lower case and their values, none if there is no such file. Raises UserError."""
    if not path.is_file():
        return {}
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(read_text(path))
    except configparser.Error as error:
        raise UserError(f"{path}: {' '.join(str(error).split())}") from error
    return {key: value for section in parser.values() for key, value in section.items()}


def positive(said: dict[str, str], key: str, path: Path) -> float | None:
    """The number said for `key`, None where there is none. Raises UserError where it is no positive number."""
    if key.lower() not in said:
        return None
    try:
        value = float(said[key.lower()])
    except ValueError:
        value = np.nan
    if not 0 < value < np.inf:
        raise UserError(f"{path}: {key} is {said[key.lower()]!r}, expected a positive number")
    return value


def last_frame(folder: Path) -> int | None:
    """The largest frame number of det/det.txt and gt/gt.txt, None where there is neither."""
    texts = [(folder / "det" / "det.txt", read_detections), (folder / "gt" / "gt.txt", read_truth)]
    return max((int(read(path).frame.max(initial=0)) for path, read in texts if path.is_file()), default=0) or None


def open_sequence(folder: Path | str) -> Sequence:
    """A sequence folder as frames: from its images, or from a video file that lies in their stead.

    With neither, the sequence is still there for text (`without_images`); reading its images raises UserError.
    """
    folder = Path(folder)
    info = read_seqinfo(folder)
    return Sequence(
        name=info.name,
        read=partial(read_frames, folder, info),
        length=info.length,
        frame_rate=info.frame_rate,
        size_hw=info.size_hw,
        folder=folder,
        source=folder,
    )


def open_frames(folder: Path, image_folder: str) -> Sequence | None:
    """The images or the video of a sequence folder, None where it has neither."""
    images = folder / image_folder
    if images.is_dir() and files(images, IMAGE_SUFFIXES):
        return open_images(images, numbered=True)
    videos = files(folder, VIDEO_SUFFIXES)
    return open_video(videos[0]) if videos else None


def read_frames(folder: Path, info: SeqInfo) -> Iterator[Frame]:
    """The frames of a sequence folder up to its length, with their images. Raises UserError where there are none."""
    frames = open_frames(folder, info.image_folder)
    if frames is None:
        raise UserError(
            f"{folder} has no images: expected {info.image_folder}/ or a video file in it; "
            "without them, only detections from a file can be tracked"
        )
    for frame in takewhile(lambda frame: info.length is None or frame.number <= info.length, frames):
        yield replace(frame, time=(frame.number - 1) / info.frame_rate)


def is_sequence(folder: Path) -> bool:
    """Whether a folder is laid out as a MOTChallenge sequence."""
    texts = ("seqinfo.ini", "det/det.txt", "gt/gt.txt")
    return (folder / "img1").is_dir() or any((folder / text).is_file() for text in texts)


def find_sequences(folder: Path | str) -> list[Path]:
    """The folder itself if it is a sequence, else those in it, in natural order. Raises UserError if there is none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is a file, expected a folder" if folder.exists() else f"no such folder: {folder}")
    found = (
        [folder] if is_sequence(folder) else [path for path in visible(folder) if path.is_dir() and is_sequence(path)]
    )
    if not found:
        raise UserError(
            f"{folder}: no MOTChallenge sequence in it (a folder with seqinfo.ini, img1/, det/det.txt or gt/gt.txt); "
            f"found {contents(folder)}"
        )
    return found


def names_of(sequence: str) -> list[str]:
    """What files that belong to a sequence may be called: MOT17-04-SDP is, as footage, MOT17-04."""
    return [sequence] + [sequence.removesuffix(s) for s in PUBLIC_DETECTORS if sequence.endswith(s)]


def read_detections(path: Path | str) -> Annotation:
    """Detections: frame, −1, x, y, w, h[, score[, class or 3-D position]], 6 to 10 columns in any order of frames.

    Column 8 is a class where it is a whole number ≥ 0 in every row and no position: a position has columns 9 and 10
    too, and not −1 in both. Otherwise the class is 0. A missing score is 1. Raises UserError with file and line.
    """
    columns = parse(read_text(path), path, DETECTIONS, usual=7)
    if names_class(columns):
        columns["class"] = columns["X"]
    return to_annotation(columns)


def names_class(columns: Columns) -> bool:
    """Whether column 8 of a file of detections or results is a class (see read_detections)."""
    if "X" not in columns or not ((columns["X"] >= 0) & (columns["X"] == np.rint(columns["X"]))).all():
        return False
    return "Z" not in columns or bool((columns["Y"] == -1).all() and (columns["Z"] == -1).all())


def read_results(path: Path | str) -> Annotation:
    """Results: frame, id, x, y, w, h[, score[, class, −1, −1]], read as read_detections does."""
    return read_detections(path)


def read_truth(path: Path | str) -> Annotation:
    """Truth: frame, id, x, y, w, h, mark[, class, visibility], the mark (0: ignore) as score.

    MOT15's ten columns end in a 3-D position, which is left out; class 1 and visibility 1 where the file has none.
    Raises UserError with file and line.
    """
    columns = parse(read_text(path), path, TRUTH, usual=9)
    columns["score"] = columns["mark"]
    columns.setdefault("class", np.full(len(columns["frame"]), float(PEDESTRIAN)))
    return to_annotation(columns)


def format_results(annotation: Annotation) -> str:
    """Rows frame,id,x,y,w,h,score,class,-1,-1 sorted by frame then id; boxes to 2 decimals, scores to at most 4."""
    return format_rows("%d,%d,%.2f,%.2f,%.2f,%.2f,%g,%d,-1,-1\n", to_columns(annotation))


def format_truth(annotation: Annotation) -> str:
    """Rows frame,id,x,y,w,h,mark,class,visibility sorted by frame then id, as MOT16 on has them."""
    return format_rows("%d,%d,%.2f,%.2f,%.2f,%.2f,%g,%d,%g\n", to_columns(annotation, visibility=True))


def write_results(path: Path | str, annotation: Annotation) -> None:
    """Write format_results to `path`, whole or not at all."""
    write_text(path, format_results(annotation))


def write_truth(path: Path | str, annotation: Annotation) -> None:
    """Write format_truth to `path`, whole or not at all."""
    write_text(path, format_truth(annotation))
