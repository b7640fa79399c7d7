"""Pictures by number: where image files lie, how large they are without decoding them, and the frames of a video."""

import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from idfree.core.errors import UserError
from idfree.core.types import Frame, Image
from idfree.sequences.folders import files
from idfree.sequences.images import IMAGE_SUFFIXES, read_image
from idfree.sequences.video import VIDEO_SUFFIXES, open_video

LOOKED_FOR = 100  # of the pictures that a list names, to see which folder has them

JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"  # ISO/IEC 10918-1, table B.1, as are the markers below
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # what follows them says how large the picture is
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"  # ISO/IEC 15948, 5.2 and 11.2.5


def located(names: Sequence[str], homes: Iterable[Path | None]) -> tuple[Path, ...]:
    """Where pictures lie: in the first of `homes` that has one of the first few, else (missing) in the first of all."""
    known = [home for home in homes if home]
    has_some = (home for home in known for name in names[:LOOKED_FOR] if (home / name).is_file())
    home = next(has_some, known[0])
    return tuple(home / name for name in names)


def located_by_stem(stems: Sequence[str], homes: Iterable[Path | None]) -> tuple[Path, ...]:
    """The same for names that lack their suffix; a picture that is missing is taken to be a .jpg."""
    known = [home for home in homes if home]
    for home in known:
        found = {path.stem: path for path in files(home, IMAGE_SUFFIXES)} if home.is_dir() else {}
        if found.keys() & set(stems):
            return tuple(found.get(stem, home / f"{stem}.jpg") for stem in stems)
    return tuple(known[0] / f"{stem}.jpg" for stem in stems)


def is_video(path: Path) -> bool:
    """Whether a path is, by its name, a video's."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def nth_image(paths: Sequence[Path], number: int) -> Image:
    """The picture `number` (from 1) of image files. Raises UserError that names the file."""
    return read_image(paths[number - 1])


class VideoFrames:
    """The frames of a video by number, from 1: quick in ascending order, read from the start for one that went by.

    Raises UserError where a frame cannot be decoded, or the video has ended before it.
    """

    def __init__(self, path: Path):
        self.path = path
        self.frames: Iterator[Frame] = iter(())
        self.before, self.last = sys.maxsize, Frame(0)  # the frame read last, and the number of the one before it
        self.lock = threading.Lock()

    def __call__(self, number: int) -> Image:
        with self.lock:
            if number <= self.before:
                self.frames, self.before, self.last = iter(open_video(self.path)), 0, Frame(0)
            while self.last.number < number and (frame := next(self.frames, None)):
                self.before, self.last = self.last.number, frame
            if self.last.number != number or self.last.image is None:
                raise UserError(f"{self.path}: frame {number} cannot be decoded")
            return self.last.image


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) of an image as `read_image` gives it. Raises UserError where it is missing or damaged.

    Of JPEG and PNG only the beginning is read; what may be turned (Exif), and every other kind, is decoded.
    """
    try:
        with path.open("rb") as file:
            size = size_by_header(file)
    except OSError as error:
        raise UserError(f"cannot read the image {path}: {error.strerror}") from error
    if size is None:
        height, width, _ = read_image(path).shape
        return height, width
    return size


def size_by_header(file: BinaryIO) -> tuple[int, int] | None:
    """(height, width) of an upright JPEG or PNG, None where the beginning does not tell."""
    start = file.read(24)
    if start.startswith(PNG_START):
        upright = b"eXIf" not in file.read(4096)
        return (int.from_bytes(start[20:24], "big"), int.from_bytes(start[16:20], "big")) if upright else None
    if not start.startswith(JPEG_START):
        return None
    file.seek(len(JPEG_START))
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:
        length = int.from_bytes(head[2:], "big") - 2
        if head[1] in FRAME_MARKERS:
            body = file.read(5)  # bits per sample, height, width
            return int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        if file.read(min(length, 4)) == b"Exif":  # may say that the picture lies on its side
            return None
        file.seek(length - min(length, 4), 1)
    return None


def looks_whole(path: Path) -> bool:
    """Whether a JPEG or PNG ends as it should; of one that does not, decoding tells more. True for other kinds."""
    with path.open("rb") as file:
        start = file.read(len(PNG_START))
        file.seek(max(0, path.stat().st_size - len(PNG_END)))
        end = file.read()
    if start.startswith(JPEG_START):
        return end.endswith(JPEG_END)
    return not start.startswith(PNG_START) or end == PNG_END
