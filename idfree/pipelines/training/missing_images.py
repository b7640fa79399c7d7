"""Labels without images: one sentence that names them and the option that says where the images are."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from idfree.core.errors import UserError
from idfree.datasets.footage import Footage

LOG = logging.getLogger("idfree")
NAMED = 3  # sequences, in a message


def drop_without_images(footages: Sequence[Footage], images: str | Path | None) -> list[Footage]:
    """The footages that have any image; a warning names the others. Raises UserError if none has, unless none is given.

    images: the folder that the user named, for the message.
    """
    has_images = [any(path.exists() for path in footage.paths) for footage in footages]
    names = [footage.name for footage, has in zip(footages, has_images, strict=True) if not has]
    report_missing(names, len(footages), images)
    return [footage for footage, has in zip(footages, has_images, strict=True) if has]


def report_missing(names: Iterable[str], count: int, images: str | Path | None) -> None:
    """Warn of the sequences, out of `count`, that have no images. Raises UserError if these are all of them."""
    names = list(names)
    if not names:
        return
    listed = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    expected = "the video, a folder with NAME.mp4 or NAME/img1/ for each, or of the image files that the labels name"
    if images is None:
        message = f"no images beside the labels of {listed}: give them with --images PATH ({expected})"
    else:
        message = f"no images of {listed} in --images {images}: expected {expected}"
    if len(names) == count:
        raise UserError(message)
    LOG.warning("%s; left out", message)
