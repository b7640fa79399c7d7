"""What every tracker has: `update` a frame, `reset`, and boxes that make no sense dropped and counted."""

from abc import ABC, abstractmethod

import numpy as np

from idfree.types import Detections, Integers, Tracks, View


class Tracker(ABC):
    """A tracker owns its tracks and their ids: two instances share nothing, and `reset` makes one as new.

    dropped: boxes refused since the last reset (not finite, of no area, outside the image).
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first, the next id 1."""
        self.frame = 0
        self.born = 0
        self.dropped = 0
        self.forget()

    def update(self, evidence: View | Detections) -> Tracks:
        """The tracks in the next frame, given what was detected in it. A frame without detections is a frame too."""
        view = evidence if isinstance(evidence, View) else View(evidence)
        detections = view.detections
        sane = detections.sane(view.size_hw)
        if not sane.all():
            self.dropped += int((~sane).sum())
            detections = detections[sane]
        self.frame += 1
        return self.step(detections, view)

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
