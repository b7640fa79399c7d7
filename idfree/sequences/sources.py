"""Open the SOURCE of a command: a file, a folder, a camera or an address."""

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from idfree.core.arrays import describe
from idfree.core.errors import UserError

if TYPE_CHECKING:
    from idfree.core.types import Sequence

STREAM_SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp", "rtp", "srt")
FINITE_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm")  # of addresses of video files; a .ts may be a live stream

LOG = logging.getLogger("idfree")


def open_source(source: str | int | Path) -> "list[Sequence]":
    """Open the sequences that `source` names.

    A video file, or a named pipe that a video comes through; an image; a folder of images, or of videos (each a
    sequence); a camera's index, or `/dev/video0`; the address of a stream (`rtsp://…`) or of a video
    (`https://….mp4`); a MOTChallenge sequence, or a folder of them (each a sequence). What exists in the file system is
    that, whatever else its name could mean: a folder called 0001 is no camera.
    Raises UserError if it is none of these.
    """
    from idfree.core.pipes import is_pipe
    from idfree.sequences.camera import open_camera
    from idfree.sequences.images import IMAGE_SUFFIXES, open_image
    from idfree.sequences.video import open_pipe, open_video

    if isinstance(source, int):
        return [open_camera(source)]
    if not isinstance(source, str | Path):
        raise UserError(f"source is {describe(source)}, expected a path, an address, or the number of a camera")
    text, path = str(source), Path(source)
    if not os.path.exists(text):
        return [open_address(text)]
    if text.isdecimal():
        kind = "folder" if path.is_dir() else "file"
        LOG.warning("%s is taken for the %s of that name, not for a camera", text, kind)
    if is_pipe(path):
        return [open_pipe(path)]
    if path.is_dir():
        return open_folder(path)
    if device := re.fullmatch(r"/dev/video(\d+)", text):
        return [open_camera(int(device[1]))]
    return [open_image(path) if path.suffix.lower() in IMAGE_SUFFIXES else open_video(path)]


def open_address(text: str) -> "Sequence":
    """Open a camera by its index, or a stream or video by its address. Raises UserError for anything else."""
    from idfree.sequences.camera import open_camera
    from idfree.sequences.video import open_video

    if text.isdecimal():
        return open_camera(int(text))
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise UserError(f"no such file or folder: {text}")
    if scheme.lower() not in STREAM_SCHEMES:
        raise UserError(f"{text}: cannot read {scheme}://, known are {', '.join(STREAM_SCHEMES)}")
    is_finite = rest.partition("?")[0].lower().endswith(FINITE_SUFFIXES)
    return open_video(text) if is_finite else open_camera(text)


def open_folder(folder: Path) -> "list[Sequence]":
    """Open the sequences of a folder: MOTChallenge sequences, else its images, else its videos.

    Raises UserError if it has none of these, or both images and videos.
    """
    from idfree.sequences.folders import describe_contents, list_files
    from idfree.sequences.images import IMAGE_SUFFIXES, open_images
    from idfree.sequences.motchallenge import is_sequence, list_sequences, open_sequence
    from idfree.sequences.video import VIDEO_SUFFIXES, open_video

    if is_sequence(folder):
        return [open_sequence(folder)]
    if sequences := list_sequences(folder):
        return [open_sequence(path) for path in sequences]
    images, videos = list_files(folder, IMAGE_SUFFIXES), list_files(folder, VIDEO_SUFFIXES)
    if images and videos:
        raise UserError(
            f"{folder} holds both images and videos, {describe_contents(folder)}: name a video, or separate them"
        )
    if images:
        return [open_images(folder)]
    if videos:
        return [open_video(path) for path in videos]
    raise UserError(
        f"{folder}: neither MOTChallenge sequences (seqinfo.ini, img1/, det/det.txt or gt/gt.txt), nor images "
        f"({' '.join(IMAGE_SUFFIXES)}), nor videos ({' '.join(VIDEO_SUFFIXES)}); found {describe_contents(folder)}"
    )
