"""Table of a tracker's current tracks: parallel columns, one row per track."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Floats, Integers, Tracks


@dataclass
class TrackTable:
    """Columns of every tracker; each tracker adds its own by subclassing. Rows are in order of creation.

    id: (N,), from 1. class_id: (N,). score: (N,), of the last detection. detection: (N,), its row among this frame's
    detections, −1 if it was in an earlier frame.
    """

    id: Integers
    class_id: Integers
    score: Floats
    detection: Integers

    def __len__(self) -> int:
        return len(self.id)

    def report(self, rows: Integers, boxes: Floats) -> Tracks:
        """The tracks `rows` (R,) as output, with these boxes (R, 4)."""
        return Tracks(boxes, self.id[rows], self.score[rows], self.class_id[rows], self.detection[rows])

    def keep(self, rows: NDArray[Any]) -> None:
        """Remove all tracks but `rows` (indices or a mask)."""
        for name, column in vars(self).items():
            setattr(self, name, column[rows])

    def append(self, other: "TrackTable") -> None:
        """Append the rows of `other`. An empty table takes the column shapes of `other`, as the embedding dimension."""
        for name, column in vars(self).items():
            new = getattr(other, name)
            setattr(self, name, np.concatenate([column, new]) if len(column) else new)
