"""When tracklets exist: which of them coexist, without a matrix of all pairs."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from idfree.core.types import Integers


@dataclass(frozen=True)
class TrackletSpans:
    """Video, first and last frame, each (T,), of T tracklets; frame −1 means no time.

    Two tracklets *coexist* if they overlap in time in one video: then they show two people (cannot-link pairs).
    Tracklets without time coexist with none.
    """

    video: Integers
    first: Integers
    last: Integers

    @classmethod
    def from_rows(cls, tracklet: Integers, frame: Integers, video: Integers) -> "TrackletSpans":
        """From the tracklet (0…T−1), frame and video, each (K,), of boxes; of several videos, the lowest counts."""
        return cls(tracklet_ranges(tracklet, video)[0], *tracklet_ranges(tracklet, frame))

    def __len__(self) -> int:
        return len(self.first)

    def coexist(self, i: Integers, j: Integers) -> NDArray[np.bool_]:
        """Cannot-link mask (P,) of pairs of tracklets i (P,) and j (P,); False for a tracklet and itself."""
        overlap = (self.first[i] <= self.last[j]) & (self.first[j] <= self.last[i]) & (self.video[i] == self.video[j])
        return overlap & (self.first[i] >= 0) & (self.first[j] >= 0) & (i != j)

    def partners(self, tracklet: int) -> Integers:
        """The tracklets, in ascending order, that coexist with one."""
        order, video = self.order_by_video
        begin, end = np.searchsorted(video, self.video[tracklet] + np.arange(2))
        others = order[begin:end]
        return others[self.coexist(others, np.full(len(others), tracklet))]

    def have_partner(self, among: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """Which tracklets (T,) coexist with another one; among: a mask (T,), the others are left out."""
        chosen = np.flatnonzero(self.first >= 0 if among is None else among & (self.first >= 0))
        order = chosen[np.lexsort((self.first[chosen], self.video[chosen]))]
        video = np.unique(self.video[order], return_inverse=True)[1]
        offset = video * (int(self.last.max(initial=0)) + 1)  # separates videos
        first, last = self.first[order] + offset, self.last[order] + offset
        is_met = first[1:] <= np.maximum.accumulate(last)[:-1]  # by an earlier one
        meets = first[1:] <= last[:-1]  # the next one
        result = np.zeros(len(self), dtype=bool)
        result[order[1:][is_met]] = True
        result[order[:-1][meets]] = True
        return result

    @cached_property
    def order_by_video(self) -> tuple[Integers, Integers]:
        """Tracklets sorted by video, then by number, and their videos."""
        order = np.argsort(self.video, kind="stable")
        return order, self.video[order]


def tracklet_ranges(tracklet: Integers, number: Integers) -> tuple[Integers, Integers]:
    """Minimum and maximum, each (T,), of `number` (K,) over the rows of each tracklet; `tracklet` (K,) is 0…T−1."""
    order = np.lexsort((number, tracklet))
    border = np.flatnonzero(np.diff(tracklet[order]))
    ends = np.concatenate([border, [len(order) - 1]]) if len(order) else border
    starts = np.concatenate([[0], border + 1]) if len(order) else border
    return number[order[starts]], number[order[ends]]
