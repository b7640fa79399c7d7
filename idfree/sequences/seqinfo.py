"""seqinfo.ini of a MOTChallenge sequence, corrected by the measured numbers and size of its images."""

import configparser
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.messages import warn_once
from idfree.core.reading import read_text
from idfree.core.types import FRAME_RATES, Floats
from idfree.sequences.image_files import image_size
from idfree.sequences.images import numbers_in_names
from idfree.sequences.rows import MAX_FRAME
from idfree.sequences.time_stamps import FRAME_RATE as FRAME_RATE
from idfree.sequences.time_stamps import RATE_TOLERANCE
from idfree.sequences.video import open_video

LOG = logging.getLogger("idfree")

SEQINFO = "seqinfo.ini"
IMAGE_FOLDER = "img1"  # MOTChallenge's folder of the frames of a video
MAX_VALUES = {"seqLength": MAX_FRAME, "frameRate": FRAME_RATES[1], "imWidth": 1e6, "imHeight": 1e6}

FrameRange = tuple[int, int]  # first and last frame with a row in det.txt or gt.txt


@dataclass(frozen=True)
class SeqInfo:
    """Contents of seqinfo.ini.

    length: number of the last frame. frame_rate: per second. size_hw: (height, width). image_folder: imDir. first:
    number of the first frame. by_name: file names of images that are numbers are frame numbers. times: of a video with
    a variable frame rate, as in Sequence.
    """

    name: str
    length: int | None = None
    frame_rate: float = FRAME_RATE
    size_hw: tuple[int, int] | None = None
    image_folder: str = IMAGE_FOLDER
    first: int = 1
    by_name: bool = True
    times: Floats | None = field(default=None, compare=False)


@dataclass(frozen=True)
class ImageExtent:
    """Frame numbers, size and frame rate that are measured on the images of a sequence.

    numbers: of the frames, ascending; named: they are those of the file names. size_hw: (height, width) of the first
    readable image, None if there is none. frame_rate: per second, None if unknown.
    """

    numbers: Sequence[int]
    named: bool
    size_hw: tuple[int, int] | None
    frame_rate: float | None = None
    times: Floats | None = field(default=None, compare=False)


def read_ini(path: Path) -> dict[str, str]:
    """Read the values of an ini file by key in lower case; {} if there is no such file. Raises UserError."""
    if not path.is_file():
        return {}
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(read_text(path))
    except configparser.Error as error:
        raise UserError(f"{path}: {' '.join(str(error).split())}") from error
    return {key: value for section in parser.values() for key, value in section.items()}


def parse_positive(values: dict[str, str], key: str, path: Path) -> float | None:
    """Parse the number for `key`, None if there is no such key. Raises UserError unless positive and plausible."""
    text = values.get(key.lower())
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not 0 < number < np.inf:
        raise UserError(f"{path}: {key} is {text!r}, expected a positive number")
    if number > MAX_VALUES[key]:
        raise UserError(f"{path}: {key} is {text!r}, expected {MAX_VALUES[key]:.0f} at the most")
    if key == "frameRate" and number < FRAME_RATES[0]:
        raise UserError(f"{path}: {key} is {text!r}, expected a frame a day at the least")
    return number


def read_declared(folder: Path) -> tuple[SeqInfo, float | None]:
    """Contents of seqinfo.ini, and its frame rate, None if it has none; length and size are None, too, where missing.

    The name is that of the folder, not of seqinfo.ini: results and ground truth are matched by folder name, and
    a copied folder keeps the old seqinfo.ini. Raises UserError if a value is not a plausible positive number.
    """
    path = folder / SEQINFO
    values = read_ini(path)
    length, rate, height, width = (
        parse_positive(values, key, path) for key in ("seqLength", "frameRate", "imHeight", "imWidth")
    )
    size = (max(1, int(height)), max(1, int(width))) if height and width else None
    info = SeqInfo(folder.resolve().name, max(1, int(length)) if length else None, rate or FRAME_RATE, size)
    image_folder = values.get("imdir", info.image_folder)
    if not (folder / image_folder).is_dir() and (folder / info.image_folder).is_dir():
        warn_once("%s: has no folder %s, as %s says: %s is taken", folder, image_folder, SEQINFO, info.image_folder)
        return info, rate
    return replace(info, image_folder=image_folder), rate


def measure_files(paths: Sequence[Path]) -> ImageExtent:
    """The extent of image files in their order; only the header of the first readable one is read."""
    names = numbers_in_names(paths)
    return ImageExtent(names or range(1, len(paths) + 1), names is not None, first_size(paths))


def choose_rate(info: SeqInfo, declared: float | None, images: ImageExtent, folder: Path) -> SeqInfo:
    """`info` with the declared frame rate of seqinfo.ini, else that of the video; warns if the two differ.

    That of seqinfo.ini is used, because a video made of images may have any rate.
    """
    rate = declared or images.frame_rate or FRAME_RATE
    if images.frame_rate is not None and abs(rate / images.frame_rate - 1) > RATE_TOLERANCE:
        said = "%s says %g frames/s, the video beside it %.4g; the former is taken, --fps overrules"
        LOG.warning(said, folder / SEQINFO, rate, images.frame_rate)
        return replace(info, frame_rate=rate)
    are_enough = images.times is not None and len(images.times) >= (info.length or 0)
    return replace(info, frame_rate=rate, times=images.times if are_enough else None)


def first_size(paths: Sequence[Path]) -> tuple[int, int] | None:
    """(height, width) of the first image that can be read, None if there is none."""
    for path in paths:
        try:
            return image_size(path)
        except UserError:
            continue
    return None


def measure_video(path: Path) -> ImageExtent:
    """The extent of a video. Raises UserError if it cannot be read."""
    video = open_video(path)
    return ImageExtent(range(1, (video.length or 0) + 1), False, video.size_hw, video.frame_rate, video.times)


def correct_by_images(
    info: SeqInfo, images: ImageExtent, annotated: Callable[[], FrameRange | None], folder: Path
) -> SeqInfo:
    """Correct the `info` of seqinfo.ini by the images where the two differ, with a warning.

    annotated: returns the first and last frame with a row in det.txt or gt.txt, None without rows; called only if
    the numbers of frames differ. folder: of the sequence, for messages.
    """
    if not images.numbers:
        return info
    corrected = choose_frames(info, images, annotated)
    corrected = replace(corrected, size_hw=choose_size(info.size_hw, images.size_hw, folder / SEQINFO))
    names = ("length", "first", "by_name")
    if info.length and any(getattr(corrected, name) != getattr(info, name) for name in names):
        LOG.warning(
            "%s: is of other images: it says %d frames, there are %d images%s; %s are taken",
            *(folder / SEQINFO, info.length, len(images.numbers), describe_numbers(images)),
            f"frames {corrected.first} to {corrected.length}",
        )
    elif info.length and images.numbers[-1] != info.length:
        LOG.warning(
            "%s: says %d frames, to which det.txt or gt.txt fit, but there are %d images%s; frames 1 to %d are taken",
            *(folder / SEQINFO, info.length, len(images.numbers), describe_numbers(images), info.length),
        )
    return corrected


def choose_size(
    declared: tuple[int, int] | None, measured: tuple[int, int] | None, source: Path
) -> tuple[int, int] | None:
    """The measured (height, width) of images, else the declared one of the file `source`; warns if the two differ."""
    if declared and measured and declared != measured:
        sizes = (declared[1], declared[0], measured[1], measured[0])
        LOG.warning("%s: is of other images: it says %d×%d, they are %d×%d, which is taken", source, *sizes)
    return measured or declared


def choose_frames(info: SeqInfo, images: ImageExtent, annotated: Callable[[], FrameRange | None]) -> SeqInfo:
    """`info` with the frame numbers of its images, unless rows of det.txt or gt.txt show that those are incomplete.

    annotated: see `correct_by_images`.
    """
    first, last, count = images.numbers[0], images.numbers[-1], len(images.numbers)
    if first == 1 and info.length in (last, None):
        return replace(info, length=last)
    rows = annotated()
    if last == info.length:  # the frames before the first image are missing, or there are none
        return info if rows and rows[0] < first else replace(info, first=first)
    if images.named and last > (info.length or 0) and first > 1 and rows and rows[0] < first and rows[1] <= count:
        return replace(info, length=count, by_name=False)  # the rows count the images from 1
    if rows and info.length and rows[1] <= info.length and (first <= info.length < last or last < rows[1]):
        return info  # a part of the images, or a part of them is missing
    beyond = rows is not None and last > (info.length or 0)
    return replace(info, length=last, first=min(first, rows[0]) if beyond and rows else first)


def describe_numbers(images: ImageExtent) -> str:
    """Text for images that do not count from 1: ` named 101 to 110`."""
    return f" named {images.numbers[0]} to {images.numbers[-1]}" if images.named and images.numbers[0] > 1 else ""
