"""Video frames, and sequences of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import Floats
from idfree.core.errors import UserError
from idfree.core.names import file_name

Image = NDArray[np.uint8]  # (H, W, 3), BGR

FRAME_RATES = (1 / 86400, 10_000.0)  # frames per second that are plausible: from one a day to fast high-speed cameras


@dataclass(frozen=True)
class Frame:
    """One video frame: number in its source (from 1), image (None if not read), time in seconds (None if unknown)."""

    number: int
    image: Image | None = None
    time: float | None = None


@dataclass(frozen=True)
class Sequence:
    """A video or image sequence. Each iteration (`for frame in sequence`) reads the frames again.

    name: that of files of results; a name that would lead out of their folder is changed (`names.file_name`).
    read: returns an iterator over the frames. length: number of the last frame, None for a live camera. frame_rate:
    frames per second. size_hw: (height, width), None if unknown. folder: MOTChallenge sequence folder, with gt/ and
    det/, or None. source: file or folder that is read, None for a live camera. times: (length,) seconds of frame n at
    [n − 1] where steps vary; None for (n − 1) / frame_rate. first: number of the first frame. step: between the numbers
    of two frames; frame_rate is that of these frames.
    """

    name: str
    read: Callable[[], Iterator[Frame]]
    length: int | None = None
    frame_rate: float = 30.0
    size_hw: tuple[int, int] | None = None
    folder: Path | None = None
    source: Path | None = None
    times: Floats | None = field(default=None, compare=False)
    first: int = 1
    step: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", file_name(self.name, "sequence"))

    def __iter__(self) -> Iterator[Frame]:
        """Read the frames; those of image files, which have no time stamps, have that of their number."""
        return self.read() if self.length is None else with_times(self.read(), self.frame_rate * self.step)

    @property
    def count(self) -> int | None:
        """Number of frames from the first to the last, also those that cannot be read; None for a live camera."""
        return None if self.length is None else len(range(self.first, self.length + 1, self.step))

    @property
    def is_irregular(self) -> bool:
        """Whether its frames come at irregular times: those of a live camera, a pipe, or a variable frame rate."""
        return self.length is None or self.times is not None

    def without_images(self) -> "Sequence":
        """The same frames with image=None, for detections from a file; those of a pipe are read, and then dropped.

        Raises UserError for a live camera.
        """
        if self.length is None and self.source is not None:
            return replace(self, read=lambda: (replace(frame, image=None) for frame in self))
        if self.length is None:
            raise UserError(f"{self.name}: its number of frames is unknown, so its images cannot be left unread")
        numbers, rate = range(self.first, self.length + 1, self.step), self.frame_rate * self.step
        return replace(self, read=partial(frames_without_images, numbers, rate, self.times))

    def at_rate(self, frame_rate: float) -> "Sequence":
        """The same frames at another rate; their times follow it, except those of a live camera, which are measured.

        Raises UserError for a rate that cannot be.
        """
        if not FRAME_RATES[0] <= frame_rate <= FRAME_RATES[1]:  # also False for NaN
            raise UserError(
                f"--fps {frame_rate:g}: expected frames per second, more than 0, {FRAME_RATES[1]:.0f} at most"
            )
        if self.source is None:
            return replace(self, frame_rate=frame_rate)

        def read() -> Iterator[Frame]:
            return (replace(frame, time=(frame.number - 1) / frame_rate) for frame in self)

        return replace(self, read=read, frame_rate=frame_rate, times=None)


def with_times(frames: Iterable[Frame], frame_rate: float) -> Iterator[Frame]:
    """Yield the frames; those without a time get (n − 1) / frame_rate seconds."""
    for frame in frames:
        yield frame if frame.time is not None else replace(frame, time=(frame.number - 1) / frame_rate)


def frames_without_images(numbers: range, frame_rate: float, times: Floats | None) -> Iterator[Frame]:
    """Yield frames with image=None; times: seconds of frame n at [n − 1], None for (n − 1) / frame_rate."""
    for number in numbers:
        yield Frame(number, time=(number - 1) / frame_rate if times is None else float(times[number - 1]))
