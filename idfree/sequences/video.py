"""Video files as sequences, decoded by FFmpeg (PyAV). Frames that cannot be decoded are skipped and counted."""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from idfree.core.errors import UserError
from idfree.core.pipes import PipeReader
from idfree.core.types import Frame, Sequence
from idfree.sequences.ffmpeg import decode_frames, demux_packets, is_address, open_stream, raise_interrupt, to_bgr
from idfree.sequences.time_stamps import (
    FrameClock,
    Timing,
    declared_rates,
    find_timing,
    indexed_stamps,
    read_stamps,
    stamps_of,
    warn_of_cut_off,
)

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

VIDEO_SUFFIXES = tuple(".mp4 .avi .mkv .mov .webm .m4v .mpg .mpeg .ts .mts .wmv .flv .gif".split())

PACKETS_MEASURED = 30  # first packets of a pipe on which its frame rate is measured

LOG = logging.getLogger("idfree")


def open_video(path: Path | str) -> Sequence:
    """Open a video file, or its address, as frames 1, 2, 3 … in display order and orientation.

    Frame rate and times are measured on the time stamps; the logger "idfree" warns if the file declares others, or
    a later end.
    Frames that cannot be decoded are skipped together with their numbers; after the last frame the logger warns
    how many there were. Raises UserError if the file is missing, not a video, or has no decodable frame.
    """
    with open_stream(path) as stream:
        stamps, rates = indexed_stamps(stream), declared_rates(stream)
        first = next((frame for frame in decode_frames(stream) if frame is not None), None)
        if first is None:
            raise UserError(f"{path}: no frame of it can be decoded (codec {stream.codec.name})")
        height, width, _ = to_bgr(first).shape
    if stamps is not None:
        timing = find_timing(stamps, *rates, path)
    if stamps is None or (timing.times is not None and not is_address(path)):
        with open_stream(path) as stream:  # an index has times of decoding; those of display may differ
            stamps = read_stamps(stream, is_whole_avi(path))
            warn_of_cut_off(stream, stamps, path)
        timing = find_timing(stamps, *rates, path)
    return Sequence(
        Path(path).stem,
        partial(read_video, path, stamps.length, timing),
        stamps.length,
        timing.frame_rate,
        (height, width),
        source=Path(path),
        times=timing.times,
    )


def open_pipe(path: Path | str) -> Sequence:
    """Open a video that comes through a named pipe, as `open_video`, to be iterated over once.

    It is not read twice, as files are: its length is unknown, and its frame rate is measured on its first packets.
    Waits until somebody writes into the pipe. Raises UserError, also when it is iterated over again.
    """
    stack = ExitStack()
    pipe = PipeReader(path)
    stack.callback(pipe.close)
    with ExitStack() as on_error:
        on_error.callback(stack.close)
        stream = stack.enter_context(open_stream(pipe))
        packets = demux_packets(stream)
        first = list(islice(packets, PACKETS_MEASURED))
        raise_interrupt(pipe)
        timing = find_timing(stamps_of(stream, first, partial=True), *declared_rates(stream), path)
        on_error.pop_all()
    unread = [chain(first, packets)]

    def read() -> Iterator[Frame]:
        """Yield the frames, once."""
        if not unread:
            raise UserError(f"{path} is a pipe, which can be read only once: write the video into a file first")
        with stack:
            yield from number_frames(decode_frames(stream, unread.pop()), FrameClock(timing), 0, Path(path).name)
            raise_interrupt(pipe)

    return Sequence(Path(path).stem, read, frame_rate=timing.frame_rate, source=Path(path))


def is_video(path: Path) -> bool:
    """Whether a path has the suffix of a video file."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def read_video(path: Path | str, length: int, timing: Timing) -> Iterator[Frame]:
    """Yield the decodable frames of a video; log a warning at the end if they are fewer than `length`."""
    with open_stream(path) as stream:
        yield from number_frames(decode_frames(stream), FrameClock(timing), length, Path(path).name)


def number_frames(decoded: "Iterable[VideoFrame | None]", clock: FrameClock, length: int, name: str) -> Iterator[Frame]:
    """Number the decoded frames from 1 and add their times; skip those that are None, and warn of them at the end."""
    number = shown = 0
    for frame in decoded:
        number += 1
        if frame is not None:
            shown += 1
            yield Frame(number, to_bgr(frame), clock(number, frame.time))
    if (lost := max(length, number) - shown) > 0:
        LOG.warning("%s: %d of %d frames could not be decoded", name, lost, max(length, number))


def is_whole_avi(path: Path | str) -> bool:
    """Whether a file is as long as the header of an AVI file says."""
    if is_address(path):
        return False
    with open(path, "rb") as file:
        start = file.read(8)
    return start[:4] == b"RIFF" and int.from_bytes(start[4:], "little") + 8 <= os.path.getsize(path)
