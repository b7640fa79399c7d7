"""The tracks that a tracker keeps: parallel columns, a row per track."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Floats, Integers


@dataclass
class TrackTable:
    """Columns that every tracker needs; each adds its own by subclassing. Rows stay in order of birth.

    id (N,) from 1; class_id (N,); score (N,) of the last detection.
    """

    id: Integers
    class_id: Integers
    score: Floats

    def __len__(self) -> int:
        return len(self.id)

    def keep(self, rows: NDArray[Any]) -> None:
        """Forget all tracks but `rows` (indices or a mask)."""
        for name, values in vars(self).items():
            setattr(self, name, values[rows])

    def add(self, others: "TrackTable") -> None:
        """Append the rows of `others`. An empty table takes the shapes of the others: the embedding's length, say."""
        for name, values in vars(self).items():
            more = getattr(others, name)
            setattr(self, name, np.concatenate([values, more]) if len(values) else more)
