"""A video file as a sequence, decoded by FFmpeg (PyAV): what decodes is given, what does not is counted."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Frame, Image, Sequence

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

VIDEO_SUFFIXES = tuple(".mp4 .avi .mkv .mov .webm .m4v .mpg .mpeg .ts .mts .wmv .flv .gif".split())
FRAME_RATE = 30.0  # where the file does not say

log = logging.getLogger("idfree")


def open_video(path: Path | str) -> Sequence:
    """A video file, or the address of one, as frames 1, 2, 3 … in the order and orientation they are shown.

    Raises UserError where it is missing, not a video, or none of it can be decoded. Frames that cannot be decoded are
    skipped, their numbers with them, and when the reading ends the logger "idfree" warns how many there were.
    """
    with opened(path) as stream:
        length = stated_length(stream) or count_packets(path)
        rate = float(stream.average_rate or stream.guessed_rate or FRAME_RATE)
        first = next((frame for frame in decode(stream) if frame is not None), None)
        if first is None:
            raise UserError(f"{path}: no frame of it can be decoded (codec {stream.codec.name})")
        height, width, _ = to_bgr(first).shape
    return Sequence(
        Path(path).stem, partial(read_video, path, length), length, rate, (height, width), source=Path(path)
    )


def read_video(path: Path | str, length: int) -> Iterator[Frame]:
    """The frames of a video that decode; warns at the end if they are fewer than `length`."""
    number = seen = 0
    with opened(path) as stream:
        start = float((stream.start_time or 0) * (stream.time_base or 0))
        for frame in decode(stream):
            number += 1
            if frame is not None:
                seen += 1
                yield Frame(number, to_bgr(frame), None if frame.time is None else frame.time - start)
    if (lost := max(length, number) - seen) > 0:
        log.warning("%s: %d of %d frames could not be decoded", Path(path).name, lost, max(length, number))


@contextmanager
def opened(path: Path | str, timeout: float | None = None, **options: str) -> Iterator["VideoStream"]:
    """The first video stream of a file or address, closed at the end; timeout in seconds. Raises UserError."""
    import av

    shown = re.sub("//[^/]*@", "//", str(path))  # an address without its user's name and password
    try:
        try:
            container = av.open(str(path), options=options, timeout=timeout)
        except UnicodeDecodeError:  # tags in another encoding, as older cameras write them; PyAV 19 does not mind
            container = av.open(str(path), options=options, timeout=timeout, metadata_errors="replace")
    except FileNotFoundError:
        raise UserError(f"no such file: {shown}") from None
    except av.error.InvalidDataError:
        raise UserError(f"{shown} is not a video, or was cut off before its index was written") from None
    except av.error.ExitError:
        raise UserError(f"cannot open {shown}: no answer within {timeout} s") from None
    except av.error.FFmpegError as error:
        raise UserError(f"cannot open {shown}: {error.strerror}") from None
    with container:
        if not container.streams.video or container.format.name == "tty":  # FFmpeg shows plain text as a film
            raise UserError(f"{shown} is not a video: it has no pictures")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise UserError(f"cannot decode {shown}: nothing here knows its codec")
        stream.thread_type = "AUTO"
        yield stream


def decode(stream: "VideoStream") -> Iterator["VideoFrame | None"]:
    """The frames of a stream in the order they are shown, and None for each packet that cannot be decoded."""
    import av

    for packet in packets(stream):
        try:
            yield from stream.decode(packet)
        except av.error.FFmpegError:
            if packet.size:
                yield None


def packets(stream: "VideoStream") -> Iterator["Packet[VideoStream]"]:
    """The packets of a stream, the last one empty, which makes the decoder give what it still holds back."""
    import av

    try:
        yield from cast("InputContainer", stream.container).demux(stream)
    except av.error.FFmpegError:  # the file breaks off, or the connection does
        last = cast("Packet[VideoStream]", av.Packet())
        last.stream = stream
        yield last


def stated_length(stream: "VideoStream") -> int:
    """How many frames the container says are shown, 0 if it does not say. A cut made without re-encoding hides some."""
    index = getattr(stream, "index_entries", ())  # from PyAV 17 on
    return max(stream.frames - sum(entry.is_discard for entry in index), 0)


def count_packets(path: Path | str) -> int:
    """How many frames there are, by reading the whole file without decoding it."""
    with opened(path) as stream:
        return sum(1 for packet in packets(stream) if packet.size and not packet.is_discard)


def to_bgr(frame: "VideoFrame") -> Image:
    """A decoded frame (H, W, 3) BGR, turned as its metadata says (a telephone held upright)."""
    quarter_turns = round(frame.rotation / 90) % 4  # counter-clockwise, as NumPy counts them
    image = frame.to_ndarray(format="bgr24")
    return np.ascontiguousarray(np.rot90(image, quarter_turns) if quarter_turns else image)
