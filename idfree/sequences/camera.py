"""A camera or a network stream as a sequence: always the newest frame, dropped frames rather than late ones."""

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
from idfree.sequences.video import decode, opened, to_bgr

Images = Generator[Image | None, None, None]  # as they come, None for one that was lost; ends where the source does

log = logging.getLogger("idfree")


@dataclass(frozen=True)
class CameraSettings:
    timeout: float = 10.0  # seconds without an answer after which a network stream counts as broken
    attempts: int = 5  # at connecting again, one after the other in vain, before giving up
    wait: float = 0.5  # seconds before the first of them, doubled before each next


def open_camera(
    source: int | str, settings: CameraSettings | None = None, connect: Callable[[], Images] | None = None
) -> Sequence:
    """A camera by index, or a stream by address (rtsp, http, udp …): endless, its size unknown until a frame is read.

    A thread reads ahead and keeps the newest frame only. Frame.number counts the source's frames, so that gaps show;
    Frame.time is in seconds from the first. A stream that breaks off is connected again; where that fails it ends, with
    a warning of the logger "idfree". `connect` stands in for the source. Raises UserError, on reading, where the first
    connection fails.
    """
    settings = settings or CameraSettings()
    if connect is None:
        connect = (
            partial(read_camera, source) if isinstance(source, int) else partial(read_stream, source, settings.timeout)
        )
    return Sequence(camera_name(source), partial(read_newest, connect, camera_name(source), settings))


def camera_name(source: int | str) -> str:
    """A name fit for a file: `camera0`, or host and path of an address, without the user's name and password."""
    if isinstance(source, int):
        return f"camera{source}"
    address = urlsplit(source)
    return re.sub(r"\W+", "-", f"{address.hostname or ''}{address.path}").strip("-") or "stream"


def read_newest(connect: Callable[[], Images], name: str, settings: CameraSettings) -> Iterator[Frame]:
    """The newest frame each time one is asked for; the thread that reads ends with the generator."""
    reader = CameraReader(connect, name, settings)
    thread = threading.Thread(target=reader.run, name=name, daemon=True)
    thread.start()
    try:
        while (frame := reader.take()) is not None:
            yield frame
    finally:
        reader.stopping.set()
        thread.join(settings.timeout)


class CameraReader:
    """Reads a source in a thread of its own (`run`) and holds the newest frame until it is taken (`take`)."""

    def __init__(self, connect: Callable[[], Images], name: str, settings: CameraSettings):
        self.connect, self.name, self.settings = connect, name, settings
        self.number = 0
        self.frame: Frame | None = None
        self.error: Exception | None = None
        self.ended = False
        self.changed = threading.Condition()
        self.stopping = threading.Event()

    def take(self) -> Frame | None:
        """The newest frame not yet taken, as soon as there is one; None at the end. Raises what ended the reading."""
        with self.changed:
            self.changed.wait_for(lambda: self.frame is not None or self.ended)
            frame, self.frame = self.frame, None
        if frame is None and self.error is not None:
            raise self.error
        return frame

    def run(self) -> None:
        """Read until told to stop or the source is gone for good."""
        try:
            self.read()
        except Exception as error:  # raised where the frames are taken, not in this thread
            self.error = error
        with self.changed:
            self.ended = True
            self.changed.notify()

    def read(self) -> None:
        """Connect and read, again and again. Raises UserError where the first connection gives no image."""
        failures, reached, start = 0, 0, time.monotonic()
        while not self.stopping.is_set():
            try:
                self.read_once(start)
                cause = "it ended"
            except (UserError, OSError) as error:
                cause = str(error)
            if self.stopping.is_set():
                return
            if not self.number:
                raise UserError(f"{self.name} gives no images: {cause}")
            failures, reached = (failures if self.number == reached else 0) + 1, self.number
            if failures > self.settings.attempts:
                log.warning("%s broke off after frame %d and did not come back: %s", self.name, self.number, cause)
                return
            log.warning("%s broke off after frame %d: %s; connecting again", self.name, self.number, cause)
            self.stopping.wait(self.settings.wait * 2 ** (failures - 1))

    def read_once(self, start: float) -> None:
        """Read one connection to its end, or until told to stop."""
        with closing(self.connect()) as images:
            for image in images:
                if self.stopping.is_set():
                    return
                self.number += 1
                if image is not None:
                    with self.changed:
                        self.frame = Frame(self.number, image, time.monotonic() - start)
                        self.changed.notify()


def read_camera(index: int) -> Images:
    """The images of a camera of this machine. Raises UserError where there is none of this index."""
    import cv2

    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # else it tells of every driver it tries
    camera = cv2.VideoCapture(index)
    cv2.utils.logging.setLogLevel(level)
    try:
        if not camera.isOpened():
            raise UserError(f"no camera with index {index} can be opened")
        while (grabbed := camera.read())[0]:
            yield np.asarray(grabbed[1], dtype=np.uint8)
    finally:
        camera.release()


def read_stream(address: str, timeout: float) -> Images:
    """The images of a network stream, None for each lost on the way. Raises UserError where it does not answer."""
    options = {"rtsp_transport": "tcp"} if address.startswith("rtsp") else {}  # over UDP, frames arrive torn
    with opened(address, timeout, **options) as stream:
        stream.thread_type = "SLICE"  # decoding frames side by side would hold back as many frames as threads
        for frame in decode(stream):
            yield None if frame is None else to_bgr(frame)
