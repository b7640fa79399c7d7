"""Export the images of footage to the paths that a format expects: links to image files, JPEGs of video frames."""

import logging
from collections.abc import Sequence
from pathlib import Path

from idfree.core.files import write_bytes
from idfree.core.names import file_name
from idfree.core.types import Image
from idfree.datasets.footage import Footage
from idfree.datasets.write_sequence import link

LOG = logging.getLogger("idfree")
QUALITY = 95  # JPEG quality 0…100: OpenCV's default


def image_names(footage: Footage, by_number: bool = False) -> list[str]:
    """File names for the images: their own; 000001.jpg … for videos, without files, and if stems are not unique."""
    names = [file_name(path.name, "") for path in footage.paths]
    are_own = names == [path.name for path in footage.paths] and len({Path(n).stem for n in names}) == footage.length
    if are_own and not (by_number or footage.is_sequence or footage.in_video):
        return names
    suffixes = [".jpg"] * footage.length
    if footage.paths and not footage.in_video:
        suffixes = [path.suffix.lower() for path in footage.paths]
    return [f"{number:06d}{suffix}" for number, suffix in enumerate(suffixes, start=1)]


def export_images(footage: Footage, targets: Sequence[Path]) -> None:
    """Link each image file to its target path, or write a video's frames as JPEG.

    Missing images are skipped, with a warning. Raises UserError if a frame cannot be decoded or written.
    """
    if footage.in_video:
        for number, target in enumerate(targets, start=1):
            if target.is_symlink():  # to an image, from an earlier call
                target.unlink()
            write_jpeg(target, footage.image(number))
        return
    existing = [(path, target) for path, target in zip(footage.paths, targets, strict=False) if path.is_file()]
    for path, target in existing:
        replace_link(target, path)
    if not footage.paths:
        LOG.warning("%s: has no images to link: give them with --images PATH", footage.name)
    elif len(existing) < footage.length:
        LOG.warning("%s: %d of %d images are missing", footage.name, footage.length - len(existing), footage.length)


def replace_link(link_path: Path, target: Path) -> None:
    """Make `link_path` a link to the file `target`, replacing an earlier link."""
    if link_path.is_symlink():
        link_path.unlink()
    if not (link_path.exists() and link_path.samefile(target)):
        link(link_path, target.resolve())


def write_jpeg(path: Path, image: Image, quality: int = QUALITY) -> None:
    """Write an image (H, W, 3) BGR as JPEG, atomically. quality: 0…100."""
    import cv2

    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    write_bytes(path, encoded.tobytes())
