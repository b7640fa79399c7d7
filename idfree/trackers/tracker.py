"""What every tracker has: `update` a frame, `reset`, and boxes that make no sense dropped and counted."""

from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

import numpy as np

from idfree.core.types import Detections, Frame, Integers, Tracks, View
from idfree.trackers.association import Matches
from idfree.trackers.track_table import TrackTable


class Tracker(ABC):
    """A tracker owns its tracks and their ids: two instances share nothing, and `reset` makes one as new.

    Counted since the last reset: dropped, boxes refused (not finite, of no area, outside the image); born, ids given;
    decided, matches by what decided them: "appearance" or "overlap".

    Time is counted in frames of the source: `elapsed` since the last update, `now` since the first. It is 1 a frame
    unless frames were skipped, dropped, or came at odd times, which the frames of a View tell.
    """

    settings: Any  # the tracker's own settings dataclass
    published_threshold: float | None = None  # of cosine distance, for the authors' encoder; None: looks do not matter

    def __init__(self, frame_rate: float) -> None:
        self.frame_rate = frame_rate
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first, the next id 1."""
        self.frame = 0
        self.now, self.elapsed = 0.0, 1.0
        self.last_frame: Frame | None = None
        self.born = 0
        self.dropped = 0
        self.decided: Counter[str] = Counter()
        self.match_threshold: float | None = None
        self.upper_threshold: float | None = None
        self.forget()

    def update(self, evidence: View | Detections) -> Tracks:
        """The tracks in the next frame, given what was detected in it. A frame without detections is a frame too."""
        view = evidence if isinstance(evidence, View) else View(evidence)
        sane = view.detections.sane(view.size_hw)
        self.dropped += len(sane) - int(np.count_nonzero(sane))
        self.frame += 1
        self.tick(view.frame)
        self.match_threshold, self.upper_threshold = view.match_threshold, view.upper_threshold
        return self.step(view.detections.only(sane), view)

    def tick(self, frame: Frame | None) -> None:
        """Move the clock on to `frame`: by its time where it is known, else by its number."""
        last, self.last_frame = self.last_frame, frame
        self.elapsed = 1.0
        if frame is not None and last is not None:
            self.elapsed = float(max(1, frame.number - last.number))
            if frame.time is not None and last.time is not None and frame.time > last.time:
                self.elapsed = round((frame.time - last.time) * self.frame_rate, 3)  # rounded: 1 is exactly 1
        self.now += self.elapsed

    @property
    def least_embedded(self) -> float:
        """The score above which a detection's embedding is used."""
        return float("-inf")

    @property
    def scale(self) -> float:
        """What cosine distances are multiplied by, so that the encoder's own limit becomes the published one.

        Encoders differ by far in how far apart they put two people; a limit that is not theirs costs more than a worse
        encoder. Where the encoder's is unknown, 1.
        """
        return (
            self.published_threshold / self.match_threshold
            if self.published_threshold and self.match_threshold
            else 1.0
        )

    def matching(self, tracks: TrackTable, detections: Detections) -> Matches:
        """No matches yet between these tracks and detections."""
        return Matches(tracks.class_id, detections.class_id, self.decided)

    def new_ids(self, count: int) -> Integers:
        """(count,) ids never given before."""
        self.born += count
        return np.arange(self.born - count + 1, self.born + 1)

    @abstractmethod
    def forget(self) -> None:
        """Begin with an empty table of tracks."""

    @abstractmethod
    def step(self, detections: Detections, view: View) -> Tracks:
        """`update`, with the boxes that make sense."""
