"""Whether a file of boxes (detections or tracks) belongs to a video, by its name and its frame numbers."""

import logging
from dataclasses import replace
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.messages import warn_once
from idfree.core.pipes import is_of_system
from idfree.core.reading import exists
from idfree.core.types import Annotation, Sequence
from idfree.core.wording import counted

LOG = logging.getLogger("idfree")

FOLDERS = ("det", "gt")  # of a MOTChallenge sequence, which is named by the folder above
GENERIC = ("boxes", "det", "detections", "gt", "output", "results", "tracks")  # names that tell of no video


def video_name(path: Path) -> str | None:
    """The name of the video that a file of boxes is named after, NAME.txt or NAME/gt/gt.txt; None if it tells none."""
    path = path.absolute()
    if path.parent.name in FOLDERS and path.stem == path.parent.name:
        return path.parent.parent.name
    return None if path.stem.lower() in GENERIC or is_of_system(path) else path.stem


def sequence_name(sequence: Sequence) -> str | None:
    """The name of a sequence, None if it tells of no video, as for `warn_of_other_name`."""
    return None if sequence.source is not None and is_of_system(sequence.source) else sequence.name


def warn_of_other_name(path: Path, expected: str | None) -> None:
    """Log a warning if neither name contains the other: that of a file of boxes, and that of the video they go with.

    Names may have endings: MOT17-04 goes with MOT17-04-SDP. expected: None if the video has no name.
    """
    found = video_name(path)
    if found and expected and found not in expected and expected not in found and exists(path):
        warn_once("%s: are these boxes of %s? The names differ: found %s, expected %s", path, expected, found, expected)


def match_frames(boxes: Annotation, path: Path, sequence: Sequence) -> Annotation:
    """The boxes of a file, with the frame numbers of the sequence, of image files those in their names.

    If all boxes come before its first frame, the file counts frames from 1: its numbers are shifted, with a warning.
    Raises UserError for boxes after the last frame, if that is known.
    """
    last = int(boxes.frame.max(initial=0))
    before = sequence.first - 1  # numbers without an image
    if len(boxes) and last <= before:
        if sequence.length is None or last + before > sequence.length:
            raise UserError(
                f"{path}: its boxes end with frame {last}, but {sequence.name} begins with frame {sequence.first}, as"
                " its image files are named: are they of another video?"
            )
        LOG.warning("%s: counts the images of %s from 1: its frame 1 is %d", path, sequence.name, sequence.first)
        return replace(boxes, frame=boxes.frame + before)
    if sequence.length is not None and last > sequence.length:
        raise UserError(
            f"{path}: has boxes in frame {last}, but {sequence.name} has {counted(sequence.length, 'frame')}: are they"
            " of another video?"
        )
    return boxes
