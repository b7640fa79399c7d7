"""The pictures of footage laid out as another format wants them: linked where they are files, written where not."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from idfree.core.files import whole
from idfree.core.types import Image
from idfree.datasets.footage import Footage
from idfree.datasets.write_sequence import link

LOG = logging.getLogger("idfree")
QUALITY = 95  # of JPEG, 0…100: OpenCV's own choice, at which training sees no difference


def picture_names(footage: Footage, by_number: bool = False) -> list[str]:
    """What the pictures are called: their own names, or numbers for a video's or where names repeat."""
    stems = {path.stem for path in footage.paths}
    if not (by_number or footage.moving or footage.in_video or len(stems) < footage.length):
        return [path.name for path in footage.paths]
    suffixes = [".jpg"] * footage.length
    if footage.paths and not footage.in_video:
        suffixes = [path.suffix.lower() for path in footage.paths]
    return [f"{number:06d}{suffix}" for number, suffix in enumerate(suffixes, start=1)]


def lay_out(footage: Footage, targets: Sequence[Path]) -> None:
    """Have each picture at its target: a link to its file, or a JPEG if it is a frame of a video.

    Pictures that are missing stay so, with a warning. Raises UserError where a frame cannot be decoded or written.
    """
    if footage.in_video:
        for number, target in enumerate(targets, start=1):
            write_jpeg(target, footage.image(number))
        return
    present = [(path, target) for path, target in zip(footage.paths, targets, strict=False) if path.is_file()]
    for path, target in present:
        relink(target, path)
    if len(present) < footage.length:
        LOG.warning("%s: %d of %d pictures are missing", footage.name, footage.length - len(present), footage.length)


def relink(target: Path, path: Path) -> None:
    """Make `target` show the file `path`, whatever it showed before."""
    if target.is_symlink():
        target.unlink()
    if not (target.exists() and target.samefile(path)):
        link(target, path.resolve())


def write_jpeg(path: Path, image: Image, quality: int = QUALITY) -> None:
    """Write an image (H, W, 3) BGR, whole or not at all."""
    import cv2

    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    with whole(path) as partial:
        np.asarray(encoded).tofile(partial)
