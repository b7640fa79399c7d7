"""Where frames and annotations come from."""

from pathlib import Path
from typing import TYPE_CHECKING

from idfree.core.errors import UserError

if TYPE_CHECKING:
    from idfree.core.types import Sequence

STREAMS = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp", "rtp", "srt")
FILMS = (".mp4", ".mov", ".mkv", ".avi", ".webm")  # what is a whole video behind an address; .ts may be endless


def open_source(source: str | int | Path) -> "list[Sequence]":
    """The sequences that `source` names.

    A video file; a folder of images, or of videos (each a sequence); a camera's index; the address of a stream
    (`rtsp://…`) or of a video (`https://….mp4`); a MOTChallenge sequence, or a folder of them (each a sequence).
    Raises UserError where there is nothing of the kind.
    """
    from idfree.sequences.camera import open_camera
    from idfree.sequences.video import open_video

    text = str(source)
    if text.isdecimal():
        return [open_camera(int(text))]
    scheme, separator, rest = text.partition("://")
    if separator:
        if scheme.lower() not in STREAMS:
            raise UserError(f"{text}: cannot read {scheme}://, known are {', '.join(STREAMS)}")
        film = rest.partition("?")[0].lower().endswith(FILMS)
        return [open_video(text) if film else open_camera(text)]
    path = Path(text)
    if not path.exists():
        raise UserError(f"no such file or folder: {path}")
    return open_folder(path) if path.is_dir() else [open_video(path)]


def open_folder(folder: Path) -> "list[Sequence]":
    """The sequences in a folder: MOTChallenge, else its images, else its videos. Raises UserError where it has none."""
    from idfree.sequences.folders import contents, files, visible
    from idfree.sequences.images import IMAGE_SUFFIXES, open_images
    from idfree.sequences.motchallenge import is_sequence, open_sequence
    from idfree.sequences.video import VIDEO_SUFFIXES, open_video

    if is_sequence(folder):
        return [open_sequence(folder)]
    if sequences := [path for path in visible(folder) if path.is_dir() and is_sequence(path)]:
        return [open_sequence(path) for path in sequences]
    images, videos = files(folder, IMAGE_SUFFIXES), files(folder, VIDEO_SUFFIXES)
    if images and videos:
        raise UserError(f"{folder} holds both images and videos, {contents(folder)}: name a video, or separate them")
    if images:
        return [open_images(folder)]
    if videos:
        return [open_video(path) for path in videos]
    raise UserError(
        f"{folder}: neither MOTChallenge sequences (seqinfo.ini, img1/, det/det.txt or gt/gt.txt), nor images "
        f"({' '.join(IMAGE_SUFFIXES)}), nor videos ({' '.join(VIDEO_SUFFIXES)}); found {contents(folder)}"
    )
