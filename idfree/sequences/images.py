"""Read image files, singly or as a sequence."""

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Frame, Image, Sequence
from idfree.core.wording import counted
from idfree.sequences.folders import describe_contents, list_files
from idfree.sequences.rows import MAX_FRAME

MAX_STEP = 1000  # mean step of the frame numbers in file names

LOG = logging.getLogger("idfree")

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def open_images(folder: Path | str, numbered: bool = False) -> Sequence:
    """Open the images of a folder as frames 1, 2, 3 … in natural order (img2 before img10), read one at a time.

    Images that cannot be read are skipped together with their numbers; after the last frame the logger "idfree" warns
    how many there were.
    numbered: take the frame numbers from the file names (MOTChallenge's 000001.jpg) if all are integers from 1, so that
    a missing image leaves a gap. Raises UserError if there are no images, or none that can be read.
    """
    folder = Path(folder)
    paths = list_files(folder, IMAGE_SUFFIXES)
    if not paths:
        raise UserError(f"{folder}: no images ({' '.join(IMAGE_SUFFIXES)}); found {describe_contents(folder)}")
    numbers = (numbers_in_names(paths) if numbered else None) or list(range(1, len(paths) + 1))
    return Sequence(
        folder.resolve().name,
        partial(read_images, paths, numbers),
        length=numbers[-1],
        size_hw=size_of_first(folder, paths),
        source=folder,
    )


def numbers_in_names(paths: Iterable[Path]) -> list[int] | None:
    """The frame numbers in the names 000001.jpg …; None unless all are different integers from 1 in ascending order.

    None, too, for time stamps and the like: more than MAX_STEP times as many numbers as images, or beyond MAX_FRAME.
    """
    stems = [path.stem for path in paths]
    numbers = [int(stem) for stem in stems if stem.isdecimal()]
    if not stems or len(numbers) < len(stems) or numbers[-1] > MAX_FRAME:
        return None
    is_sparse = numbers[-1] - numbers[0] > MAX_STEP * len(numbers)
    return numbers if not is_sparse and all(a < b for a, b in pairwise([0, *numbers])) else None


def size_of_first(folder: Path, paths: list[Path]) -> tuple[int, int]:
    """(height, width) of the first image that can be read. Raises UserError, with the first fault, if none can."""
    faults = []
    for path in paths:
        try:
            height, width, _ = read_image(path).shape
            return height, width
        except UserError as error:
            faults.append(error)
    raise UserError(f"{folder}: none of its {counted(len(paths), 'image')} can be read: {faults[0]}")


def read_images(paths: list[Path], numbers: list[int]) -> Iterator[Frame]:
    """Yield the readable images as frames; log a warning at the end if some are not."""
    faults = []
    for number, path in zip(numbers, paths, strict=True):
        try:
            image = read_image(path)
        except UserError as error:
            faults.append(error)
        else:
            yield Frame(number, image)
    if faults:
        LOG.warning("%s: %d of %d images could not be read: %s", paths[0].parent, len(faults), len(paths), faults[0])


def open_image(path: Path | str) -> Sequence:
    """Open an image as a sequence of one frame. Raises UserError if it cannot be read."""
    path = Path(path)
    height, width, _ = read_image(path).shape

    def read() -> Iterator[Frame]:
        """Yield the image as frame 1."""
        yield Frame(1, read_image(path))

    return Sequence(path.stem, read, length=1, size_hw=(height, width), source=path)


def read_image(path: Path | str) -> Image:
    """Read an image (H, W, 3) BGR, rotated according to its Exif orientation. Raises UserError."""
    import cv2

    try:
        data = np.fromfile(path, dtype=np.uint8)  # cv2.imread does not support all Unicode paths on Windows
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise UserError(f"cannot read the image {path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # its header tells of more pixels than OpenCV decodes
        image = None
    if image is None:
        raise UserError(f"cannot read the image {path}: it is damaged, or not an image")
    return np.asarray(image, dtype=np.uint8)
