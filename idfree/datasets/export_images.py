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


def numbered_names(suffixes: Sequence[str], prefix: str = "") -> re.Pattern[str]:
    """Names PREFIX000001.jpg …, with any of the suffixes."""
    return re.compile(rf"{re.escape(prefix)}\d{{6,}}({'|'.join(map(re.escape, suffixes))})")


NUMBERED = numbered_names(IMAGE_SUFFIXES)


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

    Missing images are skipped, with a warning. Raises UserError if a frame cannot be decoded or written, and as
    `prepare_folder`.
    """
    prepare_folder(targets)
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


def prepare_folder(images: Sequence[Path]) -> None:
    """Prepare the folder that these images are written to, all in one: nothing else may be read with them.

    A folder that is a link, and numbered links beyond these images, are of an earlier run, and are deleted; what they
    lead to stays. Raises UserError if there are more numbered files, as of a longer video.
    """
    if images:
        leave_no_images(images[0].parent, numbered(images[0]), {path.name for path in images})


def leave_no_images(folder: Path, name: re.Pattern[str] | None = None, kept: Collection[str] = ()) -> None:
    """As `prepare_folder`. name: of numbered images, 000001.jpg … by default. kept: names that may be there."""
    if folder.is_symlink():
        folder.unlink()
    if not folder.is_dir():
        return
    others = find_others(folder, name or NUMBERED, kept)
    for path in others:
        if path.is_symlink():
            path.unlink()
    if files := [path.name for path in others if path.exists()]:
        raise UserError(
            f"{folder} has {counted(len(files), 'image')} that this run does not write and that would be read with its"
            f" own, {files[0]} to {files[-1]}: delete what is of an earlier run, or choose another -o"
        )


def warn_of_others(labels: Sequence[Path]) -> None:
    """Warn of more numbered files beside those that were written, as of a longer video."""
    if labels and (name := numbered(labels[0])):
        others = find_others(labels[0].parent, name, {path.name for path in labels})
        if others:
            files, ends = counted(len(others), "file"), (others[0].name, others[-1].name)
            LOG.warning("%s: has %s that this run did not write, %s to %s", labels[0].parent, files, *ends)


def numbered(first: Path) -> re.Pattern[str] | None:
    """Names of numbered files such as `first`, the first of them; None if it has a name of its own."""
    found = FIRST.fullmatch(first.stem)
    if found is None:
        return None
    suffixes = IMAGE_SUFFIXES if first.suffix in IMAGE_SUFFIXES else (first.suffix,)
    return numbered_names(suffixes, found[1])


def find_others(folder: Path, name: re.Pattern[str], kept: Collection[str]) -> list[Path]:
    """The files of a folder with names of this form that are not `kept`, sorted."""
    return sorted(path for path in folder.iterdir() if name.fullmatch(path.name) and path.name not in kept)


def replace_link(link_path: Path, target: Path) -> None:
    """Make `link_path` a link to the file `target`, replacing an earlier link or file."""
    if link_path.exists() and not link_path.is_symlink() and link_path.samefile(target):
        return
    link_path.unlink(missing_ok=True)  # a copy would be written through a link
    link(link_path, target.resolve())


def write_jpeg(path: Path, image: Image, quality: int = QUALITY) -> None:
    """Write an image (H, W, 3) BGR as JPEG, atomically. quality: 0…100."""
    import cv2

    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    write_bytes(path, encoded.tobytes())
