"""Which frames of a sequence, and which of their detections, are tracked."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Detections, Frame, Sequence


@dataclass(frozen=True)
class Selection:
    """Which frames, and which of their detections, are tracked.

    start: the first frame's number. frames: how many at most. every: only each N-th from the first on. classes: ids,
    all if empty. min_area in px². appearance: "own" embeddings of the detections, or "none".
    """

    start: int = 1
    frames: int | None = None
    every: int = 1
    classes: tuple[int, ...] = ()
    min_score: float = -np.inf
    min_area: float = 0.0
    appearance: str = "own"

    def __post_init__(self) -> None:
        for name in ("start", "every", "frames"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"--{name} {value}: expected 1 or more")

    def of_frames(self, sequence: Sequence) -> Sequence:
        """The sequence cut to the frames selected, which keep their numbers; its rate falls as frames are skipped."""

        def read() -> Iterator[Frame]:
            frames = (f for f in sequence if f.number >= self.start and (f.number - self.start) % self.every == 0)
            return islice(frames, self.frames)

        length = sequence.length
        if length is not None:
            length = len(range(self.start, length + 1, self.every)[: self.frames])
        return replace(sequence, read=read, length=length, frame_rate=sequence.frame_rate / self.every)

    def of_detections(self, detections: Detections) -> Detections:
        """The detections selected."""
        if self.appearance == "none":
            detections = replace(detections, embedding=None)
        keep = detections.score >= self.min_score
        if self.classes:
            keep &= np.isin(detections.class_id, self.classes)
        if self.min_area > 0:
            width, height = (detections.xyxy[:, 2:] - detections.xyxy[:, :2]).T
            keep &= width * height >= self.min_area
        return detections.only(keep)
