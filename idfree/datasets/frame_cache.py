"""Cache of decoded, downscaled JPEG images, so that the frames of a video can be read in random order."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Annotation, Image
from idfree.datasets.export_images import QUALITY, write_jpeg
from idfree.datasets.footage import Footage
from idfree.sequences.image_files import image_size, is_complete, read_nth_image
from idfree.sequences.video import is_video

LOG = logging.getLogger("idfree")

Size = tuple[int, int]  # height, width


def cache_images(
    footage: Footage,
    folder: Path | str,
    height: int | None = None,
    quality: int = QUALITY,
    progress: Callable[[list[int]], Iterable[int]] = iter,
) -> Footage:
    """Footage whose images are cached below `folder` as JPEG, at most `height` px high; boxes are scaled accordingly.

    Existing cache files are kept, so that an interrupted call can be repeated; damaged ones are written again, with a
    warning. Their names depend on the source file's path, size and modification time: both halves of a video share
    them, a replaced video is decoded again. quality: JPEG, 0…100. progress: iterates over the image numbers to write.
    Images that cannot be decoded become regions to ignore, with a warning. Raises UserError if none can, or if the size
    of one is unknown.
    """
    if not footage.paths:
        raise UserError(f"{footage.name}: has no images to cache")
    sizes = [footage.size_at(number) for number in range(1, footage.length + 1)]
    scaled_sizes = [limit_height(size, height) for size in sizes]
    targets = cache_paths(footage, Path(folder), height, quality)
    wanted = find_uncached(targets, scaled_sizes)
    for number, image in footage.readable(progress(wanted), required=len(wanted) == len(targets)):
        write_jpeg(targets[number - 1], resize(image, scaled_sizes[number - 1]), quality)
    footage = ignore_images(footage, [number for number in wanted if not targets[number - 1].is_file()], sizes)
    scale_hw = np.array(scaled_sizes, dtype=np.float64) / np.array(sizes)
    boxes = footage.boxes
    return replace(
        footage,
        boxes=replace(boxes, xyxy=boxes.xyxy * scale_hw[boxes.frame - 1][:, [1, 0, 1, 0]]),
        image=partial(read_nth_image, targets),
        paths=targets,
        size_hw=scaled_sizes[0] if footage.size_hw else None,
    )


def find_uncached(targets: Sequence[Path], sizes: Sequence[Size]) -> list[int]:
    """Numbers, from 1, of the images whose cache file is missing or damaged; warns of damaged ones.

    sizes: (height, width) that the cache files should have.
    """
    damaged = {path for path, size in zip(targets, sizes, strict=True) if path.is_file() and not is_intact(path, size)}
    if damaged:
        first = next(path for path in targets if path in damaged)
        LOG.warning("%s: %d cached images are damaged and are made again", first, len(damaged))
    return [number for number, path in enumerate(targets, start=1) if path in damaged or not path.is_file()]


def ignore_images(footage: Footage, numbers: Sequence[int], sizes: Sequence[Size]) -> Footage:
    """The footage with some whole images as regions to ignore. sizes: of all images."""
    if not numbers:
        return footage
    boxes, frame, count = footage.boxes, np.array(numbers), len(numbers)
    corners = np.array([[0, 0, sizes[number - 1][1], sizes[number - 1][0]] for number in numbers], dtype=np.float64)
    score = np.where(np.isin(boxes.frame, frame), 0.0, boxes.score)
    whole = Annotation(frame, np.full(count, -1), corners, np.zeros(count), np.zeros_like(frame), np.ones(count))
    columns = ("frame", "id", "xyxy", "score", "class_id", "visibility")
    parts = (replace(boxes, score=score), whole)
    joined = Annotation(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in columns})
    return replace(footage, boxes=joined[np.argsort(joined.frame, kind="stable")])


def is_intact(path: Path, size_hw: Size) -> bool:
    """Whether a cached JPEG is of this size and has an end; its pixels are not decoded."""
    try:
        return image_size(path) == size_hw and is_complete(path)
    except (UserError, OSError):
        return False


def cache_paths(footage: Footage, folder: Path, height: int | None, quality: int) -> tuple[Path, ...]:
    """The cache file of each image; a video has a folder of its own."""
    bases = {path: folder / f"{path.stem}-{fingerprint(path, height, quality)}" for path in set(footage.paths)}
    return tuple(
        bases[path] / f"{number + footage.offset:06d}.jpg"
        if is_video(path)
        else bases[path].with_name(f"{bases[path].name}.jpg")
        for number, path in enumerate(footage.paths, start=1)
    )


def fingerprint(path: Path, height: int | None, quality: int) -> str:
    """Hash of a file's path, size, modification time and the cache settings. Raises UserError if it is missing."""
    try:
        status = path.stat()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    text = f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {height} {quality}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def limit_height(size_hw: Size, height: int | None) -> Size:
    """(height, width) scaled down to at most `height`, with its aspect ratio kept."""
    if height is None or size_hw[0] <= height:
        return size_hw
    return height, max(1, round(size_hw[1] * height / size_hw[0]))


def resize(image: Image, size_hw: Size) -> Image:
    """The image resized by area interpolation."""
    import cv2

    if image.shape[:2] == size_hw:
        return image
    return np.asarray(cv2.resize(image, size_hw[::-1], interpolation=cv2.INTER_AREA), dtype=np.uint8)
