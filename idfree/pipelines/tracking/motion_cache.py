"""Camera motion stored beside a video, and whether it is still of this video: of the same size and time, and undamaged.

The file is in the GMC format of BoT-SORT, which others read, with a comment as its last line.
"""

import json
import logging
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.reading import parse_json, read_text
from idfree.core.types import Floats, Sequence
from idfree.core.wording import counted
from idfree.sequences.media import identify_media, media_files
from idfree.trackers.camera_motion import read_motion, write_motion

LOG = logging.getLogger("idfree")

PREFIX = "# idfree: "  # of the comment


def store_motion(path: Path, sequence: Sequence, maps: Floats) -> None:
    """Write maps (F, 2, 3) with a comment that says of which video they are. Raises UserError."""
    write_motion(path, maps, PREFIX + json.dumps({**identify_media(sequence), "maps": checksum(maps)}))


def load_motion(path: Path, sequence: Sequence) -> Floats | None:
    """Maps (F, 2, 3) of the frames of a sequence; None, with a warning, if they are of another video or damaged.

    A file without a comment, of whoever wrote it, counts unless the video is newer.
    """
    try:
        maps, comment = read_motion(path), read_comment(path)
    except UserError as error:
        LOG.warning("the camera's motion is measured again: %s", error)
        return None
    if len(maps) != sequence.length:
        fault = f"is of {counted(len(maps), 'frame')}, {sequence.name} has {sequence.length}"
    elif comment is None:
        newest = max((file.stat().st_mtime_ns for file in media_files(sequence)), default=0)
        fault = f"is older than {sequence.name}" if path.stat().st_mtime_ns < newest else ""
    elif {**comment, "maps": None} != {**identify_media(sequence), "maps": None}:
        fault = f"is of another video that was called {sequence.name}"
    else:
        fault = "" if comment.get("maps") == checksum(maps) else "is damaged"
    if fault:
        LOG.warning("%s: %s: the camera's motion is measured again", path, fault)
    return None if fault else maps


def read_comment(path: Path) -> dict[str, Any] | None:
    """The comment in the last line, None if there is none. Raises UserError if it is damaged."""
    last = read_text(path).rstrip("\n").rpartition("\n")[2]
    if not last.startswith("#"):
        return None
    try:
        comment = parse_json(last.removeprefix(PREFIX), str(path))
    except UserError:
        comment = None
    if not isinstance(comment, dict):
        raise UserError(f"{path}: its last line is damaged")
    return comment


def checksum(maps: Floats) -> int:
    """CRC-32 of maps."""
    return zlib.crc32(np.ascontiguousarray(maps, dtype="<f8").tobytes())
