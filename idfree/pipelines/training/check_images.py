"""Check the images of a footage: whether they exist, have the expected size, and can be decoded."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Floats
from idfree.datasets.footage import Footage
from idfree.sequences.image_files import image_size, is_complete
from idfree.sequences.video import open_video


@dataclass(frozen=True)
class ImageCheck:
    """Faults of the images of a footage, as messages by image number.

    size: (L, 2), height and width of each image, NaN if unknown.
    """

    size: Floats
    missing: dict[int, str] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)
    unexpected_size: dict[int, str] = field(default_factory=dict)


def check_images(footage: Footage, random: np.random.Generator, sample: int, decode_all: bool) -> ImageCheck:
    """Check all image files, and decode all of them, or those that look truncated and a random `sample` of the rest."""
    size = np.full((footage.length, 2), np.nan if footage.size_hw is None else footage.size_hw, dtype=np.float64)
    images = ImageCheck(size)
    if footage.in_video:
        check_video(footage, images, decode_all)
    elif footage.paths:
        truncated = [n for n, path in enumerate(footage.paths, start=1) if check_file(footage, n, path, images)]
        rest = sorted({*range(1, footage.length + 1)} - {*truncated, *images.missing, *images.unreadable})
        drawn = rest if decode_all else random.choice(rest, min(sample, len(rest)), replace=False).tolist()
        decode_images(footage, sorted({*truncated, *drawn}), images)
    return images


def check_file(footage: Footage, number: int, path: Path, images: ImageCheck) -> bool:
    """Record in `images` whether an image file exists, and its size; return whether it looks truncated."""
    if not path.is_file():
        images.missing[number] = f"{path}: there is no such image"
        return False
    try:
        size_hw = image_size(path)
    except UserError as error:
        images.unreadable[number] = str(error)
        return False
    images.size[number - 1] = size_hw
    if footage.size_hw and footage.size_hw != size_hw:
        expected = "×".join(map(str, footage.size_hw[::-1]))
        images.unexpected_size[number] = f"{path}: is {size_hw[1]}×{size_hw[0]}, its labels are for {expected}"
    return not is_complete(path)


def check_video(footage: Footage, images: ImageCheck, decode_all: bool) -> None:
    """Record in `images` whether a video has all labelled frames, and its size."""
    path, last = footage.paths[0], footage.length + footage.offset
    try:
        video = open_video(path)
    except UserError as error:
        images.unreadable[1] = str(error)
        return
    if video.length is not None and video.length < last:
        missing = range(max(video.length - footage.offset, 0) + 1, footage.length + 1)
        message = f"{path}: ends with frame {video.length}, there are labels up to {last}"
        images.missing.update(dict.fromkeys(missing, message))
    if footage.size_hw and video.size_hw and footage.size_hw != video.size_hw:
        (height, width), (expected_height, expected_width) = video.size_hw, footage.size_hw
        images.unexpected_size[1] = (
            f"{path}: is {width}×{height}, its labels are for {expected_width}×{expected_height}"
        )
    if decode_all:
        decode_images(footage, range(1, footage.length + 1), images)


def decode_images(footage: Footage, numbers: Iterable[int], images: ImageCheck) -> None:
    """Record in `images` which of the images cannot be decoded."""
    for number in numbers:
        try:
            footage.image(number)
        except UserError as error:
            images.unreadable[number] = str(error)
