"""The files that a sequence is read from, and their sizes and times, by which replaced files are noticed."""

import zlib
from pathlib import Path

from idfree.core.types import Sequence
from idfree.sequences.folders import list_files
from idfree.sequences.images import IMAGE_SUFFIXES
from idfree.sequences.seqinfo import read_declared
from idfree.sequences.video import VIDEO_SUFFIXES


def media_files(sequence: Sequence) -> list[Path]:
    """The image files of a sequence, or its video; none for a live camera, an address or a pipe."""
    source = sequence.source
    if source is None or not (source.is_dir() or source.is_file()):
        return []
    if source.is_file():
        return [source]
    images = source / read_declared(source)[0].image_folder if sequence.folder else source
    files = list_files(images, IMAGE_SUFFIXES) if images.is_dir() else []
    return files or list_files(source, VIDEO_SUFFIXES)[:1]


def identify_media(sequence: Sequence) -> dict[str, int]:
    """Sizes and modification times of the files of a sequence, to notice when they are replaced; {} without files.

    bytes: of all files. modified: of a single file in nanoseconds; CRC-32 of names, sizes and times of several, then
    `files` is their number.
    """
    files = media_files(sequence)
    if not files:
        return {}
    statuses = [(path.name, path.stat()) for path in files]
    size = sum(status.st_size for _, status in statuses)
    if len(files) == 1:
        return {"bytes": size, "modified": statuses[0][1].st_mtime_ns}
    text = "".join(f"{name} {status.st_size} {status.st_mtime_ns}\n" for name, status in statuses)
    return {"files": len(files), "bytes": size, "modified": zlib.crc32(text.encode("utf-8", "surrogateescape"))}
