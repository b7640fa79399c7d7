"""Access to the frames of a video by number."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.types import Frame, Image
from idfree.sequences.video import open_video


class VideoFrames:
    """Callable that returns the image of a video's frame by number, from 1. Thread-safe.

    Fast in ascending order; an earlier frame makes it read the video again from the start. Calls raise UserError if the
    frame cannot be decoded or lies after the end.
    """

    def __init__(self, path: Path):
        self.path = path
        self.frames: Iterator[Frame] = iter(())
        self.last = Frame(0)  # the frame read last
        self.previous_number = sys.maxsize  # of the frame read before it; frames up to this number are gone
        self.lock = threading.Lock()

    def __reduce__(self) -> tuple[type["VideoFrames"], tuple[Path]]:
        """Pickled, for other processes, as one that has read nothing."""
        return VideoFrames, (self.path,)

    def __call__(self, number: int) -> Image:
        """Image `number` (from 1). Raises UserError if it cannot be read."""
        with self.lock:
            if number <= self.previous_number:
                self.frames, self.previous_number, self.last = iter(open_video(self.path)), 0, Frame(0)
            while self.last.number < number and (frame := next(self.frames, None)):
                self.previous_number, self.last = self.last.number, frame
            if self.last.number != number or self.last.image is None:
                raise UserError(f"{self.path}: frame {number} cannot be decoded")
            return self.last.image
