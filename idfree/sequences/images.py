"""Still images: one read, and a folder of them as a sequence."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Frame, Image, Sequence
from idfree.sequences.folders import contents, files

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def open_images(folder: Path | str, numbered: bool = False) -> Sequence:
    """The images of a folder as frames 1, 2, 3 … in natural order (img2 before img10), read one at a time.

    numbered: the names are the frame numbers, where all are whole numbers from 1 (MOTChallenge's 000001.jpg), so that a
    missing image leaves a gap. Raises UserError where there are none, or (on reading) for one that cannot be read.
    """
    folder = Path(folder)
    paths = files(folder, IMAGE_SUFFIXES)
    if not paths:
        raise UserError(f"{folder}: no images ({' '.join(IMAGE_SUFFIXES)}); found {contents(folder)}")
    numbers = list(range(1, len(paths) + 1))
    if numbered and all(path.stem.isdecimal() and int(path.stem) for path in paths):
        numbers = [int(path.stem) for path in paths]

    def read() -> Iterator[Frame]:
        return (Frame(number, read_image(path)) for number, path in zip(numbers, paths, strict=True))

    height, width, _ = read_image(paths[0]).shape
    return Sequence(folder.resolve().name, read, length=numbers[-1], size_hw=(height, width), source=folder)


def read_image(path: Path | str) -> Image:
    """One image (H, W, 3) BGR, turned as its EXIF says. Raises UserError where it cannot be read."""
    import cv2

    try:
        data = np.fromfile(path, dtype=np.uint8)  # cv2.imread cannot open every name that the system can
    except OSError as error:
        raise UserError(f"cannot read the image {path}: {error.strerror}") from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise UserError(f"cannot read the image {path}: it is damaged, or not an image")
    return np.asarray(image, dtype=np.uint8)
