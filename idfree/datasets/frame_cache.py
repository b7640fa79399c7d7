"""Pictures of footage decoded once, scaled down, and kept as JPEG: frames of a video can then be read in any order."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Image
from idfree.datasets.footage import Footage
from idfree.datasets.layout import QUALITY, write_jpeg
from idfree.sequences.pictures import is_video, nth_image

Size = tuple[int, int]


def cached(
    footage: Footage,
    folder: Path | str,
    height: int | None = None,
    quality: int = QUALITY,
    watch: Callable[[list[int]], Iterable[int]] = iter,
) -> Footage:
    """The same footage, its pictures kept below `folder` as JPEG, no higher than `height` px; boxes are scaled alike.

    Pictures that are there already are not written again: stopped at any moment, it goes on where it was. They are
    known by their file (path, size, time of change), so that halves of one video share them, and a video that was
    replaced is read anew. quality: 0…100. watch: gets the numbers to be written and gives them back, to show progress.
    Raises UserError where a picture is missing or damaged.
    """
    if not footage.paths:
        raise UserError(f"{footage.name}: has no pictures to keep")
    sizes = [footage.size_at(number) for number in range(1, footage.length + 1)]
    small = [shrunk(size, height) for size in sizes]
    targets = places(footage, Path(folder), height, quality)
    for number in watch([number for number, path in enumerate(targets, start=1) if not path.is_file()]):
        write_jpeg(targets[number - 1], resized(footage.image(number), small[number - 1]), quality)
    scale = np.array(small, dtype=np.float64) / np.array(sizes)
    boxes = footage.boxes
    return replace(
        footage,
        boxes=replace(boxes, xyxy=boxes.xyxy * scale[boxes.frame - 1][:, [1, 0, 1, 0]]),
        image=partial(nth_image, targets),
        paths=targets,
        size_hw=small[0] if footage.size_hw else None,
    )


def places(footage: Footage, folder: Path, height: int | None, quality: int) -> tuple[Path, ...]:
    """Where each picture is kept: those of a video in a folder of their own."""
    homes = {path: folder / f"{path.stem}-{fingerprint(path, height, quality)}" for path in set(footage.paths)}
    return tuple(
        homes[path] / f"{number + footage.offset:06d}.jpg"
        if is_video(path)
        else homes[path].with_name(f"{homes[path].name}.jpg")
        for number, path in enumerate(footage.paths, start=1)
    )


def fingerprint(path: Path, height: int | None, quality: int) -> str:
    """Tells a file, and how its pictures are kept, from any other. Raises UserError where it is missing."""
    try:
        known = path.stat()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    said = f"{path.resolve()} {known.st_size} {known.st_mtime_ns} {height} {quality}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def shrunk(size_hw: Size, height: int | None) -> Size:
    """The size of a picture that is no higher than `height`, its proportions kept."""
    if height is None or size_hw[0] <= height:
        return size_hw
    return height, max(1, round(size_hw[1] * height / size_hw[0]))


def resized(image: Image, size_hw: Size) -> Image:
    """The image at another size, pixels averaged."""
    import cv2

    if image.shape[:2] == size_hw:
        return image
    return np.asarray(cv2.resize(image, size_hw[::-1], interpolation=cv2.INTER_AREA), dtype=np.uint8)
