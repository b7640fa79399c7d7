"""A teacher's embeddings of all boxes of the training data (Yu 2022, TDT, sec. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Integers


class RowEmbeddings(Protocol):
    """Embeddings of the N boxes of one footage, indexed by label row: (…, D) of unit length, zeros if unknown."""

    @property
    def dimension(self) -> int:
        """Dimension D of the embeddings."""

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """(N,) mask of the boxes that have an embedding."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: Any) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class TeacherLabels:
    """A teacher's embeddings of all boxes of all footages, in the order of the footages.

    name: name and checksum of the teacher, stored in the settings of a run. parts: one for each footage.
    """

    name: str
    parts: Sequence[RowEmbeddings]

    @property
    def dimension(self) -> int:
        """Dimension D of the embeddings."""
        return self.parts[0].dimension

    def read(self, rows: Integers) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Embeddings (N, D) of label rows (N,) of all footages, and mask (N,) of known ones; row −1 is unknown."""
        last = np.cumsum([len(part) for part in self.parts])
        footage = np.searchsorted(last, rows, side="right")
        embedding, is_known = np.zeros((len(rows), self.dimension), np.float32), np.zeros(len(rows), dtype=bool)
        for number in np.unique(footage[rows >= 0]):
            chosen = (footage == number) & (rows >= 0)
            part, within = self.parts[number], rows[chosen] - (last[number] - len(self.parts[number]))
            embedding[chosen], is_known[chosen] = part[within], part.is_known[within]
        return embedding, is_known
