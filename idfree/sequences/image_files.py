"""Image files: find the folder that has them, and read their size or completeness without decoding them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from idfree.core.errors import UserError
from idfree.core.reading import is_file
from idfree.core.types import Image
from idfree.sequences.folders import list_files
from idfree.sequences.images import IMAGE_SUFFIXES, read_image

NAMES_PROBED = 100  # number of file names looked up in a folder to decide whether it has the images

JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"  # ISO/IEC 10918-1, table B.1, as are the markers below
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOFn: followed by the image size
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"  # ISO/IEC 15948, 5.2 and 11.2.5


def locate_images(names: Sequence[str], folders: Iterable[Path | None]) -> tuple[Path, ...]:
    """Paths of images in the first of `folders` that has one of the first NAMES_PROBED names, else in the first folder.

    Entries of `folders` that are None are skipped. The paths need not exist.
    """
    candidates = [folder for folder in folders if folder]
    matches = (folder for folder in candidates for name in names[:NAMES_PROBED] if is_file(folder / name))
    folder = next(matches, candidates[0])
    return tuple(folder / name for name in names)


def locate_images_by_stem(stems: Sequence[str], folders: Iterable[Path | None]) -> tuple[Path, ...]:
    """`locate_images` for names without suffix; a missing image gets the suffix .jpg."""
    candidates = [folder for folder in folders if folder]
    for folder in candidates:
        by_stem = {path.stem: path for path in list_files(folder, IMAGE_SUFFIXES)} if folder.is_dir() else {}
        if by_stem.keys() & set(stems):
            return tuple(by_stem.get(stem, folder / f"{stem}.jpg") for stem in stems)
    return tuple(candidates[0] / f"{stem}.jpg" for stem in stems)


def read_nth_image(paths: Sequence[Path], number: int) -> Image:
    """Read image `number` (from 1) of `paths`. Raises UserError if it cannot be read."""
    return read_image(paths[number - 1])


def image_size(path: Path) -> tuple[int, int]:
    """(height, width) of an image as `read_image` returns it. Raises UserError if it is missing or damaged.

    Only the header of JPEG and PNG files is read; files with Exif data (orientation) and other formats are decoded.
    """
    try:
        with path.open("rb") as file:
            size = size_from_header(file)
    except OSError as error:
        raise UserError(f"cannot read the image {path}: {error.strerror}") from error
    if size is None:
        height, width, _ = read_image(path).shape
        return height, width
    return size


def size_from_header(file: BinaryIO) -> tuple[int, int] | None:
    """(height, width) from the header of a JPEG or PNG file without Exif data, None for any other file."""
    start = file.read(24)
    if start.startswith(PNG_START):
        has_exif = b"eXIf" in file.read(4096)
        return None if has_exif else (int.from_bytes(start[20:24], "big"), int.from_bytes(start[16:20], "big"))
    if not start.startswith(JPEG_START):
        return None
    file.seek(len(JPEG_START))
    while len(marker := file.read(4)) == 4 and marker[0] == 0xFF:
        length = int.from_bytes(marker[2:], "big") - 2
        if marker[1] in FRAME_MARKERS:
            body = file.read(5)  # bits per sample, height, width
            return int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        if file.read(min(length, 4)) == b"Exif":  # may rotate the image
            return None
        file.seek(length - min(length, 4), 1)
    return None


def is_complete(path: Path) -> bool:
    """Whether a JPEG or PNG file has its end marker; True for other formats. A truncated file lacks it."""
    with path.open("rb") as file:
        start = file.read(len(PNG_START))
        file.seek(max(0, path.stat().st_size - len(PNG_END)))
        end = file.read()
    if start.startswith(JPEG_START):
        return end.endswith(JPEG_END)
    return not start.startswith(PNG_START) or end == PNG_END
