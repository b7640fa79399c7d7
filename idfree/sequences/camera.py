"""Cameras and network streams as sequences: a thread reads, keeps the newest frame and drops frames not yet used."""

import logging
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Frame, Image, Sequence
from idfree.sequences.ffmpeg import decode_frames, open_stream, to_bgr

ImageStream = Generator[Image | None, None, None]  # None for a frame that could not be decoded

LOG = logging.getLogger("idfree")


@dataclass(frozen=True)
class CameraSettings:
    """Timeouts and reconnection of cameras and streams."""

    timeout: float = 10.0  # seconds without data after which a network stream counts as broken
    attempts: int = 5  # consecutive failed reconnections before giving up
    wait: float = 0.5  # seconds before the first reconnection, doubled before each further one


def open_camera(
    source: int | str, settings: CameraSettings | None = None, connect: Callable[[], ImageStream] | None = None
) -> Sequence:
    """Open a camera by index or a stream by address (rtsp, http, udp …), without connecting to it before iteration.

    The sequence has no length and no size. A thread reads and keeps only the newest frame. Frame.number counts the
    frames of the source, so dropped frames leave gaps; Frame.time is in seconds since the start. A broken stream is
    reconnected; if that fails, the sequence ends and the logger "idfree" warns. `connect` replaces the source (tests).
    Raises UserError, while iterating, if the first connection fails.
    """
    settings = settings or CameraSettings()
    if connect is None:
        connect = (
            partial(read_camera, source) if isinstance(source, int) else partial(read_stream, source, settings.timeout)
        )
    return Sequence(camera_name(source), partial(read_newest, connect, camera_name(source), settings))


def camera_name(source: int | str) -> str:
    """Name usable as a file name: `camera0`, or host and path of an address, without user name and password."""
    if isinstance(source, int):
        return f"camera{source}"
    address = urlsplit(source)
    return re.sub(r"\W+", "-", f"{address.hostname or ''}{address.path}").strip("-") or "stream"


def read_newest(connect: Callable[[], ImageStream], name: str, settings: CameraSettings) -> Iterator[Frame]:
    """Yield the newest frame each time; the reading thread ends when the generator is closed."""
    reader = CameraReader(connect, name, settings)
    thread = threading.Thread(target=reader.run, name=name, daemon=True)
    thread.start()
    try:
        while (frame := reader.wait_for_frame()) is not None:
            yield frame
    finally:
        reader.stopping.set()
        thread.join(settings.timeout)


class CameraReader:
    """Reads a source in a background thread (`run`) and holds the newest frame for `wait_for_frame`."""

    def __init__(self, connect: Callable[[], ImageStream], name: str, settings: CameraSettings):
        self.connect, self.name, self.settings = connect, name, settings
        self.number = 0
        self.frame: Frame | None = None
        self.error: Exception | None = None
        self.ended = False
        self.changed = threading.Condition()
        self.stopping = threading.Event()

    def wait_for_frame(self) -> Frame | None:
        """Wait for a frame that was not returned before; None at the end. Raises the exception that ended `run`."""
        with self.changed:
            self.changed.wait_for(lambda: self.frame is not None or self.ended)
            frame, self.frame = self.frame, None
        if frame is None and self.error is not None:
            raise self.error
        return frame

    def run(self) -> None:
        """Main function of the thread: read until `stopping` is set or the source is lost."""
        try:
            self.read_with_reconnection()
        except Exception as error:  # raised by wait_for_frame, in the consumer's thread
            self.error = error
        with self.changed:
            self.ended = True
            self.changed.notify()

    def read_with_reconnection(self) -> None:
        """Connect, read, and reconnect after errors. Raises UserError if the first connection yields no image."""
        failures, last_number, start = 0, 0, time.monotonic()
        while not self.stopping.is_set():
            try:
                self.read_connection(start)
                cause = "it ended"
            except (UserError, OSError) as error:
                cause = str(error)
            if self.stopping.is_set():
                return
            if not self.number:
                raise UserError(f"{self.name} gives no images: {cause}")
            failures = (failures if self.number == last_number else 0) + 1
            last_number = self.number
            if failures > self.settings.attempts:
                LOG.warning("%s broke off after frame %d and did not come back: %s", self.name, self.number, cause)
                return
            LOG.warning("%s broke off after frame %d: %s; connecting again", self.name, self.number, cause)
            self.stopping.wait(self.settings.wait * 2 ** (failures - 1))

    def read_connection(self, start: float) -> None:
        """Read from one connection until it ends or `stopping` is set."""
        with closing(self.connect()) as images:
            for image in images:
                if self.stopping.is_set():
                    return
                self.number += 1
                if image is not None:
                    with self.changed:
                        self.frame = Frame(self.number, image, time.monotonic() - start)
                        self.changed.notify()


def read_camera(index: int) -> ImageStream:
    """Yield the images of a local camera. Raises UserError if it cannot be opened."""
    import cv2

    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # otherwise it logs each driver that it tries
    camera = cv2.VideoCapture(index)
    cv2.utils.logging.setLogLevel(level)
    try:
        if not camera.isOpened():
            raise UserError(f"no camera with index {index} can be opened")
        while (result := camera.read())[0]:  # (success, image)
            yield np.asarray(result[1], dtype=np.uint8)
    finally:
        camera.release()


def read_stream(address: str, timeout: float) -> ImageStream:
    """Yield the images of a network stream, None for each lost packet. Raises UserError if it does not answer."""
    options = {"rtsp_transport": "tcp"} if address.startswith("rtsp") else {}  # over UDP, lost packets corrupt frames
    with open_stream(address, timeout, **options) as stream:
        stream.thread_type = "SLICE"  # frame threading would delay the output by one frame per thread
        for frame in decode_frames(stream):
            yield None if frame is None else to_bgr(frame)
