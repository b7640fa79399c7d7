"""FFmpeg (PyAV): open a video file, address or pipe, read its packets and decode its frames."""

import logging
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from idfree.core.errors import UserError
from idfree.core.pipes import PipeReader
from idfree.core.types import Image

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

NETWORK_TIMEOUT = 10.0  # seconds without data after which a server counts as silent
VP8_SHOWN = 0x10  # RFC 6386, 9.1: bit of a frame's first byte; a frame without it is only a reference for others

LOG = logging.getLogger("idfree")


def is_address(source: Path | str) -> bool:
    """Whether a string is an address for FFmpeg, such as rtsp://…; what exists in the file system is a path."""
    return isinstance(source, str) and ("://" in source or source.startswith("file:")) and not os.path.exists(source)


def ffmpeg_address(source: Path | str) -> str:
    """An address as it is; a path with the prefix file:, else FFmpeg takes `2024-05-01T10:32:07.mp4` for a protocol."""
    return str(source) if is_address(source) else f"file:{source}"


@contextmanager
def open_stream(
    source: Path | str | PipeReader, timeout: float | None = None, **options: str
) -> Iterator["VideoStream"]:
    """Open the first video stream of a file, address or pipe for a `with` block. Raises UserError.

    timeout: seconds without data after which it is broken, default NETWORK_TIMEOUT for an address, none for a file.
    options: of FFmpeg.
    """
    name = str(source.path) if isinstance(source, PipeReader) else without_password(str(source))
    if timeout is None and not isinstance(source, PipeReader) and is_address(source):
        timeout = NETWORK_TIMEOUT
    with open_container(source, name, timeout, options) as container:
        raise_interrupt(source)
        if not container.streams.video or container.format.name == "tty":  # FFmpeg renders plain text as a video
            raise UserError(f"{name} is not a video: it has no pictures")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise UserError(f"cannot decode {name}: nothing here knows its codec")
        stream.thread_type = "AUTO"
        yield stream


def open_container(
    source: Path | str | PipeReader, name: str, timeout: float | None, options: dict[str, str]
) -> "InputContainer":
    """Open a file, address or pipe by PyAV. name: for messages. Raises UserError."""
    import av

    file = cast("Path", source if isinstance(source, PipeReader) else ffmpeg_address(source))  # file objects, too
    start = time.monotonic()
    try:
        try:
            return av.open(file, options=options, timeout=timeout)
        except UnicodeDecodeError:  # metadata not in UTF-8, as older cameras write it; PyAV 19 accepts it
            return av.open(file, options=options, timeout=timeout, metadata_errors="replace")
    except FileNotFoundError:
        raise UserError(f"no such file: {name}") from None
    except av.error.FFmpegError as error:
        raise_interrupt(source)
        if timeout is not None and time.monotonic() - start >= timeout:  # each protocol has another error for this
            raise UserError(f"cannot open {name}: no answer within {timeout:g} s") from None
        if isinstance(error, av.error.InvalidDataError):
            raise UserError(f"{name} is not a video, or was cut off before its index was written") from None
        raise UserError(f"cannot open {name}: {error.strerror}") from None


def without_password(address: str) -> str:
    """An address without its user name and password, for messages."""
    return re.sub("//[^/]*@", "//", address)


def raise_interrupt(source: Path | str | PipeReader) -> None:
    """Raise the KeyboardInterrupt that FFmpeg swallowed while it read from a pipe."""
    if isinstance(source, PipeReader) and source.interrupted:
        raise KeyboardInterrupt


def decode_frames(
    stream: "VideoStream", packets: "Iterable[Packet[VideoStream]] | None" = None
) -> Iterator["VideoFrame | None"]:
    """Yield the frames of a stream (or of its `packets`) in display order, None for each packet that is not decodable.

    Packets without data are passed over, since a decoder takes one for the end: AVI repeats a frame in this way.
    """
    import av

    for packet in demux_packets(stream) if packets is None else packets:
        if not packet.size and packet.dts is not None:
            continue
        try:
            yield from stream.decode(packet)
        except av.error.FFmpegError:
            if packet.size:
                yield None


def demux_packets(stream: "VideoStream") -> Iterator["Packet[VideoStream]"]:
    """Yield the packets of a stream, the last one empty, which makes the decoder return its buffered frames."""
    import av

    try:
        yield from cast("InputContainer", stream.container).demux(stream)
    except av.error.FFmpegError as error:  # truncated file or broken connection
        if isinstance(error, av.error.ExitError):
            LOG.warning("%s broke off: no more data in time", without_password(stream.container.name))
        last = cast("Packet[VideoStream]", av.Packet())
        last.stream = stream
        yield last


def is_shown(packet: "Packet[VideoStream]") -> bool:
    """Whether a packet holds a frame to display: not empty, hidden by an edit list, or a reference of VP8."""
    if not packet.size or packet.is_discard:
        return False
    return packet.stream.codec_context.name not in ("vp8", "libvpx") or bool(memoryview(packet)[0] & VP8_SHOWN)


def to_bgr(frame: "VideoFrame") -> Image:
    """Convert a decoded frame to (H, W, 3) BGR, rotated according to its metadata (videos of phones held upright)."""
    quarter_turns = round(frame.rotation / 90) % 4  # counter-clockwise, as in np.rot90
    image = frame.to_ndarray(format="bgr24")
    return np.ascontiguousarray(np.rot90(image, quarter_turns) if quarter_turns else image)
