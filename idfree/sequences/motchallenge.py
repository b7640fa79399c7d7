"""MOTChallenge format: sequence folders (seqinfo.ini, images) and text files of detections, ground truth and results.

Frames count from 1. Box coordinates are not shifted: MOTChallenge's own tools count pixels from 1, but published
trackers and TrackEval do not convert them, and metrics are comparable only without conversion.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import takewhile
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import write_text
from idfree.core.reading import is_file, is_folder, read_text
from idfree.core.types import Annotation, Frame, Sequence
from idfree.sequences.folders import describe_contents, list_entries, list_files
from idfree.sequences.images import IMAGE_SUFFIXES, open_images
from idfree.sequences.rows import format_rows, parse_columns, to_annotation, to_columns
from idfree.sequences.seqinfo import (
    FRAME_RATE,
    IMAGE_FOLDER,
    FrameRange,
    ImageExtent,
    SeqInfo,
    choose_rate,
    correct_by_images,
    measure_files,
    measure_video,
    read_declared,
)
from idfree.sequences.ten_columns import POSITION, VISDRONE, convert_ten_columns, is_visdrone
from idfree.sequences.video import VIDEO_SUFFIXES, open_video

BOX = ("frame", "id", "x", "y", "w", "h")
DETECTION_LAYOUTS = {count: (*BOX, "score", *POSITION)[:count] for count in range(6, 11)}
GROUND_TRUTH_LAYOUTS = {
    7: (*BOX, "mark"),
    9: (*BOX, "mark", "class", "visibility"),  # MOT16 and later
    10: (*BOX, "mark", *POSITION),  # MOT15
}
PEDESTRIAN = 1  # class of ground truth without a class column (Milan 2016, table 3)

PUBLIC_DETECTORS = ("-DPM", "-FRCNN", "-SDP")  # MOT17 has each video three times, with these name suffixes


def read_seqinfo(folder: Path | str) -> SeqInfo:
    """Read seqinfo.ini. Missing values are taken from the images or the video, the length else from det.txt or gt.txt.

    See `read_declared`; `measured_seqinfo` corrects it by the images where the two differ. Raises UserError if a value
    is not a plausible positive number.
    """
    folder = Path(folder)
    info, rate = read_declared(folder)
    if not (info.length and rate and info.size_hw) and (images := measure_images(folder, info.image_folder)):
        length, size = info.length or images.numbers[-1], info.size_hw or images.size_hw
        info = replace(info, length=length, frame_rate=rate or images.frame_rate or FRAME_RATE, size_hw=size)
    if info.length is None and (annotated := annotated_frames(folder)):
        info = replace(info, length=annotated[1])
    return info


def measured_seqinfo(folder: Path) -> SeqInfo:
    """`read_seqinfo`, corrected by the images or the video where the two differ, with a warning."""
    declared, rate = read_declared(folder)
    images = measure_images(folder, declared.image_folder)
    if images is None:
        return read_seqinfo(folder)
    info = correct_by_images(declared, images, partial(annotated_frames, folder, ignore_invalid=True), folder)
    return choose_rate(info, rate, images, folder)


def measure_images(folder: Path, image_folder: str) -> ImageExtent | None:
    """The extent of the images or the video of a sequence folder; None if it has neither."""
    images = folder / image_folder
    if images.is_dir() and (files := list_files(images, IMAGE_SUFFIXES)):
        return measure_files(files)
    videos = list_files(folder, VIDEO_SUFFIXES)
    return measure_video(videos[0]) if videos else None


def annotated_frames(folder: Path, ignore_invalid: bool = False) -> FrameRange | None:
    """The first and last frame with a row in det/det.txt or gt/gt.txt; None without rows.

    Raises UserError if a file is invalid, unless `ignore_invalid`.
    """
    ends: list[int] = []
    for path, read in ((folder / "det" / "det.txt", read_detections), (folder / "gt" / "gt.txt", read_ground_truth)):
        try:
            frame = read(path).frame if path.is_file() else np.zeros(0, dtype=np.int64)
        except UserError:
            if not ignore_invalid:
                raise
        else:
            ends += frame[[0, -1]].tolist() if len(frame) else []
    return (min(ends), max(ends)) if ends else None


def open_sequence(folder: Path | str) -> Sequence:
    """Open a sequence folder, with its images or with a video file in it, which correct seqinfo.ini where it differs.

    A folder with neither can be used without images (`Sequence.without_images`); iterating over it raises UserError.
    """
    folder = Path(folder)
    info = measured_seqinfo(folder)
    return Sequence(
        name=info.name,
        read=partial(read_frames, folder, info),
        length=info.length,
        frame_rate=info.frame_rate,
        size_hw=info.size_hw,
        folder=folder,
        source=folder,
        first=info.first,
        times=info.times,
    )


def open_frames(folder: Path, info: SeqInfo) -> Sequence | None:
    """Open the images or the video of a sequence folder; None if it has neither."""
    images = folder / info.image_folder
    if images.is_dir() and list_files(images, IMAGE_SUFFIXES):
        return open_images(images, numbered=info.by_name)
    videos = list_files(folder, VIDEO_SUFFIXES)
    return open_video(videos[0]) if videos else None


def read_frames(folder: Path, info: SeqInfo) -> Iterator[Frame]:
    """Yield the frames of a sequence folder up to its length. Raises UserError if it has no images."""
    frames = open_frames(folder, info)
    if frames is None:
        raise UserError(
            f"{folder} has no images: expected {info.image_folder}/ or a video file in it; "
            "without them, only detections from a file can be tracked"
        )
    for frame in takewhile(lambda frame: info.length is None or frame.number <= info.length, frames):
        yield frame if info.times is not None else replace(frame, time=(frame.number - 1) / info.frame_rate)


def is_sequence(folder: Path) -> bool:
    """Whether a folder has the layout of a MOTChallenge sequence."""
    texts = ("seqinfo.ini", "det/det.txt", "gt/gt.txt")
    return (folder / IMAGE_FOLDER).is_dir() or any((folder / text).is_file() for text in texts)


def find_sequences(folder: Path | str) -> list[Path]:
    """Return the folder if it is a sequence, else the sequences in it in natural order. Raises UserError if none."""
    folder = Path(folder)
    if not is_folder(folder):
        raise UserError(f"{folder} is a file, expected a folder" if is_file(folder) else f"no such folder: {folder}")
    sequences = [folder] if is_sequence(folder) else list_sequences(folder)
    if not sequences:
        raise UserError(
            f"{folder}: no MOTChallenge sequence in it (a folder with seqinfo.ini, img1/, det/det.txt or gt/gt.txt); "
            f"found {describe_contents(folder)}"
        )
    return sequences


def list_sequences(folder: Path) -> list[Path]:
    """The MOTChallenge sequences that lie directly in a folder, in natural order."""
    return [path for path in list_entries(folder) if path.is_dir() and is_sequence(path)]


def candidate_names(sequence: str) -> list[str]:
    """Names that files of a sequence may have: for MOT17-04-SDP also that of the video, MOT17-04."""
    return [sequence] + [sequence.removesuffix(s) for s in PUBLIC_DETECTORS if sequence.endswith(s)]


def read_detections(path: Path | str, text: str | None = None) -> Annotation:
    """Read detections: rows frame, −1, x, y, w, h[, score[, class or 3-D position]], in any order of frames.

    Column 8 is a class if it is an integer ≥ 0 in every row, and there are no columns 9 and 10 or both are −1 in every
    row, or VisDrone's (see `ten_columns`). Otherwise it belongs to a 3-D position, and the class is 0. A missing score
    is 1. text: contents of the file, if read already. Raises UserError with file and line.
    """
    columns = parse_columns(read_text(path) if text is None else text, path, DETECTION_LAYOUTS, default=7)
    return to_annotation(convert_ten_columns(columns, path))


def read_results(path: Path | str) -> Annotation:
    """Read results: rows frame, id, x, y, w, h[, score[, class, −1, −1]]; see `read_detections`."""
    return read_detections(path)


def read_ground_truth(path: Path | str, text: str | None = None) -> Annotation:
    """Read ground truth: rows frame, id, x, y, w, h, mark[, class, visibility]; the score is the mark (0: ignore).

    Of ten columns the last three are a 3-D position, which is ignored (MOT15), or a class (results), or VisDrone's (see
    `ten_columns`). Without these columns, class and visibility are 1. text: contents of the file, if read already.
    Raises UserError with file and line.
    """
    columns = parse_columns(read_text(path) if text is None else text, path, GROUND_TRUTH_LAYOUTS, default=9)
    columns = convert_ten_columns(columns, path)
    pedestrians = np.full(len(columns["frame"]), float(PEDESTRIAN))
    return to_annotation({"class": pedestrians, **columns, "score": columns["mark"]})


def ground_truth_class_names(path: Path | str) -> dict[str, int] | None:
    """The numbers of the classes of a ground truth by name if it is VisDrone's, else None. Raises UserError."""
    columns = parse_columns(read_text(path), path, GROUND_TRUTH_LAYOUTS, default=9)
    return {name: number for number, name in enumerate(VISDRONE)} if is_visdrone(columns) else None


def format_results(annotation: Annotation) -> str:
    """Format rows frame,id,x,y,w,h,score,class,-1,-1 sorted by frame, then id; boxes to 2 decimals, scores to 4."""
    return format_rows("%d,%d,%.2f,%.2f,%.2f,%.2f,%g,%d,-1,-1\n", to_columns(annotation))


def format_ground_truth(annotation: Annotation) -> str:
    """Format rows frame,id,x,y,w,h,mark,class,visibility sorted by frame, then id (MOT16 and later)."""
    return format_rows("%d,%d,%.2f,%.2f,%.2f,%.2f,%g,%d,%g\n", to_columns(annotation, visibility=True))


def write_results(path: Path | str, annotation: Annotation) -> None:
    """Write `format_results` to `path` atomically."""
    write_text(path, format_results(annotation))


def write_ground_truth(path: Path | str, annotation: Annotation) -> None:
    """Write `format_ground_truth` to `path` atomically."""
    write_text(path, format_ground_truth(annotation))
