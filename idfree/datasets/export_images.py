"""Export the images of footage to the paths that a format expects: links to image files, JPEGs of video frames."""

import logging
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.files import write_bytes
from idfree.core.names import file_name
from idfree.core.types import Image
from idfree.core.wording import counted
from idfree.datasets.footage import Footage
from idfree.datasets.write_sequence import link
from idfree.sequences.images import IMAGE_SUFFIXES

LOG = logging.getLogger("idfree")
QUALITY = 95  # JPEG quality 0…100: OpenCV's default
FIRST = re.compile(r"(.*)00000[01]", re.DOTALL)  # the stem of the first of numbered files, KITTI's count from 0


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

    Missing images are skipped, with a warning; numbered ones that an earlier conversion has left there are deleted.
    Raises UserError if a frame cannot be decoded or written.
    """
    if footage.in_video:
        for number, target in enumerate(targets, start=1):
            if target.is_symlink():  # to an image, from an earlier call
                target.unlink()
            write_jpeg(target, footage.image(number))
        delete_earlier(targets)
        return
    existing = [(path, target) for path, target in zip(footage.paths, targets, strict=False) if path.is_file()]
    for path, target in existing:
        replace_link(target, path)
    if not footage.paths:
        LOG.warning("%s: has no images to link: give them with --images PATH", footage.name)
        return
    delete_earlier(targets)
    if len(existing) < footage.length:
        LOG.warning("%s: %d of %d images are missing", footage.name, footage.length - len(existing), footage.length)


def delete_earlier(written: Sequence[Path]) -> None:
    """Delete what an earlier run has left beside numbered files, for example of a longer video.

    written: all files of this one, images or labels, in one folder. Files with names of their own stay.
    """
    if written and (first := FIRST.fullmatch(written[0].stem)):
        suffix = written[0].suffix
        suffixes = IMAGE_SUFFIXES if suffix in IMAGE_SUFFIXES else (suffix,)
        delete_numbered(written[0].parent, suffixes, first[1], {path.name for path in written})


def delete_numbered(folder: Path, suffixes: Sequence[str], prefix: str = "", kept: Collection[str] = ()) -> None:
    """Delete PREFIX000001.jpg … in a folder, if their names are not `kept`, with a warning. Raises UserError."""
    name = re.compile(rf"{re.escape(prefix)}\d{{6,}}({'|'.join(map(re.escape, suffixes))})")
    if not folder.is_dir() or folder.is_symlink():  # a link to the images that are read
        return
    left = sorted(path for path in folder.iterdir() if name.fullmatch(path.name) and path.name not in kept)
    for path in left:
        try:
            path.unlink()
        except OSError as error:
            raise UserError(f"cannot delete {path}, of an earlier run: {error.strerror}") from error
    if left:
        files, last = counted(len(left), "file"), left[-1].name
        LOG.warning("%s: %s of an earlier run deleted, %s to %s", folder, files, left[0].name, last)


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
