"""Select the frames of a sequence and the detections of a frame, as the options of the command line ask for."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from idfree.core.errors import UserError
from idfree.core.suppression import nms
from idfree.core.types import Detections, Frame, Sequence

LOG = logging.getLogger("idfree")
MAX_IOU = 0.65  # of boxes of two classes that are two objects; YOLOX's threshold within a class (Ge et al. 2021)
BOXES = ("filtered", "detected")


@dataclass(frozen=True)
class Selection:
    """Which frames, and which of their detections, are used. Raises UserError for a number below 1.

    start: number of the first frame. frames: how many at most. every: N for every N-th frame. classes: class ids, all
    if empty. min_score, min_area (px²): of detections. appearance: "none" removes the embeddings of detections.
    class_agnostic: non-maximum suppression is over all classes together, and tracks may change class. boxes: of tracks,
    "filtered" by the motion model or as "detected".
    """

    start: int = 1
    frames: int | None = None
    every: int = 1
    classes: tuple[int, ...] = ()
    min_score: float = -np.inf
    min_area: float = 0.0
    appearance: str = "own"
    class_agnostic: bool = False
    boxes: str = "filtered"

    def __post_init__(self) -> None:
        for name in ("start", "every", "frames"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | np.integer) and value >= 1):
                raise UserError(
                    f"--{name} {value}: expected 1 or more" + " (a whole number)" * (not isinstance(value, int))
                )
        for name in ("min_score", "min_area"):
            value = getattr(self, name)
            if not isinstance(value, int | float | np.number) or np.isnan(value):
                raise UserError(f"--{name.replace('_', '-')} {value}: expected a number")
        if self.boxes not in BOXES:
            raise UserError(f"--boxes {self.boxes}: expected {' or '.join(BOXES)}")

    def select_frames(self, sequence: Sequence) -> Sequence:
        """The sequence with the selected frames only, which keep their numbers; `every` divides its frame rate."""

        def read() -> Iterator[Frame]:
            frames = (f for f in sequence if f.number >= self.start and (f.number - self.start) % self.every == 0)
            return islice(frames, self.frames)

        skipped = -(-max(0, sequence.first - self.start) // self.every)  # selected numbers before the first frame
        first, length = self.start + skipped * self.every, sequence.length
        if length is not None:
            last = length
            length = max(range(first, last + 1, self.every)[: self.frames], default=first - 1)
            if length < first:
                LOG.warning("%s: ends with frame %d: --start %d leaves nothing of it", sequence.name, last, self.start)
        rate = sequence.frame_rate / self.every
        return replace(sequence, read=read, length=length, frame_rate=rate, first=first, step=self.every)

    def select_detections(self, detections: Detections) -> Detections:
        """The selected detections of a frame."""
        if self.appearance == "none":
            detections = replace(detections, embedding=None)
        is_selected = detections.score >= self.min_score
        if self.classes:
            is_selected &= np.isin(detections.class_id, self.classes)
        if self.min_area > 0:
            width, height = (detections.xyxy[:, 2:] - detections.xyxy[:, :2]).T
            is_selected &= width * height >= self.min_area
        detections = detections.select(is_selected)
        if not self.class_agnostic:
            return detections
        one_class = np.zeros(len(detections), dtype=np.int64)
        return detections[np.sort(nms(detections.xyxy, detections.score, one_class, MAX_IOU))]
