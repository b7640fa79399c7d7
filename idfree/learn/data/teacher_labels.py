"""A teacher's embeddings of all boxes that are trained on (Yu 2022, TDT, sec. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Integers


class RowEmbeddings(Protocol):
    """Embeddings of the boxes of one footage: (N, D) of unit length by index, zeros where there is none."""

    @property
    def dimension(self) -> int: ...
    @property
    def is_known(self) -> NDArray[np.bool_]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: Any) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class TeacherLabels:
    """A teacher's embeddings of all boxes of all footages, in the order of the footages.

    name: of the teacher with its checksum, by which resumed runs are told apart.
    """

    name: str
    parts: Sequence[RowEmbeddings]

    @property
    def dimension(self) -> int:
        """Dimension D of the embeddings."""
        return self.parts[0].dimension

    def read(self, rows: Integers) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Embeddings (N, D) of rows (N,) of all footages together, and which of them are known (N,); −1: unknown."""
        last = np.cumsum([len(part) for part in self.parts])
        footage = np.searchsorted(last, rows, side="right")
        embedding, is_known = np.zeros((len(rows), self.dimension), np.float32), np.zeros(len(rows), dtype=bool)
        for number in np.unique(footage[rows >= 0]):
            chosen = (footage == number) & (rows >= 0)
            part, within = self.parts[number], rows[chosen] - (last[number] - len(self.parts[number]))
            embedding[chosen], is_known[chosen] = part[within], part.is_known[within]
        return embedding, is_known
