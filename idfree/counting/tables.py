"""Crossings of lines and visits of zones, as parallel arrays."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from idfree.core.types import Integers


@dataclass(frozen=True)
class Crossings:
    """Crossings of lines, in the order in which they were confirmed.

    line: (K,), its index. sign: (K,), 1 to the line's positive side, −1 to its negative side. frame: (K,), the first
    frame on the other side. id, class_id: (K,), of the track.
    """

    line: Integers
    sign: Integers
    frame: Integers
    id: Integers
    class_id: Integers

    def __len__(self) -> int:
        return len(self.line)

    def __getitem__(self, rows: Any) -> "Crossings":
        return Crossings(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Visits:
    """Visits of zones, in the order in which they ended.

    zone: (K,), its index. id, class_id: (K,), of the track. first, last: (K,), frames inside.
    """

    zone: Integers
    id: Integers
    class_id: Integers
    first: Integers
    last: Integers

    def __len__(self) -> int:
        return len(self.zone)

    def __getitem__(self, rows: Any) -> "Visits":
        return Visits(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def occupancy(visits: Visits, zones: int, frames: Integers) -> Integers:
    """Number of tracks (F, zones) in each zone at frames (F,), ascending: visits that have begun and not ended."""
    count = np.zeros((len(frames), zones), dtype=np.int64)
    for zone in range(zones):
        own = visits[visits.zone == zone]
        begun = np.searchsorted(np.sort(own.first), frames, side="right")
        count[:, zone] = begun - np.searchsorted(np.sort(own.last), frames, side="left")
    return count
