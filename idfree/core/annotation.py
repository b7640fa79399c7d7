"""Tracks of one frame, and the boxes of a whole sequence, as parallel arrays."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.boxes import Floats, Integers
from idfree.core.detections import Detections

if TYPE_CHECKING:
    import supervision


@dataclass(frozen=True)
class Tracks:
    """Tracks of one frame as parallel arrays: xyxy (N, 4) pixels, id (N,) from 1, score (N,), class_id (N,).

    detection: (N,), row of the frame's detections that each box comes from; −1 if predicted or, by default, unknown.
    Boxes are those that the tracker's filter estimates; the detected ones are `detections.xyxy[tracks.detection]`.
    """

    xyxy: Floats
    id: Integers
    score: Floats
    class_id: Integers
    detection: Integers = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.detection is None:
            object.__setattr__(self, "detection", np.full(len(self.id), -1))

    def __len__(self) -> int:
        return len(self.id)

    def __getitem__(self, rows: Any) -> "Tracks":
        return Tracks(self.xyxy[rows], self.id[rows], self.score[rows], self.class_id[rows], self.detection[rows])

    def to_supervision(self) -> "supervision.Detections":
        """Convert to Roboflow's `supervision.Detections` with `tracker_id`. Raises ImportError without that package."""
        import supervision

        return supervision.Detections(xyxy=self.xyxy, confidence=self.score, class_id=self.class_id, tracker_id=self.id)


@dataclass(frozen=True)
class Annotation:
    """Boxes of a whole sequence as parallel arrays sorted by frame: ground truth, tracking results or detections.

    frame: (K,), from 1. id: (K,), −1 if unknown. xyxy: (K, 4), pixels. score: (K,); in ground truth MOTChallenge's
    mark, 0 for boxes to ignore. class_id: (K,). visibility: (K,), 0…1. embedding: (K, D) or None. time: (K,), seconds
    since the start of the video, or None. displacement: (K, 2), of detections, see Detections, or None.
    """

    frame: Integers
    id: Integers
    xyxy: Floats
    score: Floats
    class_id: Integers
    visibility: Floats
    embedding: NDArray[np.floating[Any]] | None = None
    time: Floats | None = None
    displacement: Floats | None = None

    @classmethod
    def empty(cls) -> "Annotation":
        """An annotation without boxes."""
        integers, floats = np.zeros(0, dtype=np.int64), np.zeros(0)
        return cls(integers, integers, np.zeros((0, 4)), floats, integers, floats)

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, rows: Any) -> "Annotation":
        return Annotation(
            self.frame[rows],
            self.id[rows],
            self.xyxy[rows],
            self.score[rows],
            self.class_id[rows],
            self.visibility[rows],
            None if self.embedding is None else self.embedding[rows],
            None if self.time is None else self.time[rows],
            None if self.displacement is None else self.displacement[rows],
        )

    def rows_at(self, frame: int) -> slice:
        """Rows of one frame, found by binary search."""
        return slice(*np.searchsorted(self.frame, [frame, frame + 1]))

    def tracks_at(self, frame: int) -> Tracks:
        """Boxes of one frame as tracks."""
        rows = self.rows_at(frame)
        return Tracks(self.xyxy[rows], self.id[rows], self.score[rows], self.class_id[rows])

    def detections_at(self, frame: int) -> Detections:
        """Boxes of one frame as detections."""
        rows = self.rows_at(frame)
        embedding = None if self.embedding is None else self.embedding[rows]
        moved = None if self.displacement is None else self.displacement[rows]
        return Detections(self.xyxy[rows], self.score[rows], self.class_id[rows], embedding, displacement=moved)
