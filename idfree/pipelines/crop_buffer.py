"""Crops collected while a video runs, before it is known which tracks are worth it: few of each, spread over it."""

from collections.abc import Callable

import numpy as np

from idfree.core.types import Annotation, Crops, Floats, Image, Integers

Cut = Callable[[Image, Floats], Crops]

CAPACITY = 20_000  # crops: 470 MB at 128×64


class CropBuffer:
    """Every box of a track at first; when twice `most` are held, every second of them goes, and from then on of those
    that come; so they stay evenly spread, and between `most` and twice as many.

    Where all tracks together hold more than `capacity`, `most` is halved, though not below `least`: beyond that, memory
    grows by 2·least crops for each track. cut: (image, xyxy (N, 4)) → (N, H, W, 3); without it, an album stays empty.
    """

    def __init__(self, cut: Cut | None, most: int, least: int, capacity: int = CAPACITY):
        self.cut, self.most, self.least, self.capacity = cut, max(most, least), least, capacity
        self.crops: dict[int, Crops] = {}  # by row
        self.rows: dict[int, list[int]] = {}  # by track
        self.seen: dict[int, int] = {}  # boxes of a track so far
        self.stride: dict[int, int] = {}  # of a track's boxes, each such one is cut out

    def add(self, image: Image | None, boxes: Annotation, first: int) -> None:
        """Cut out the boxes of a frame whose turn it is, of those of any track. They are rows first, first + 1 …"""
        if self.cut is None or image is None:
            return
        tracks = boxes.id.tolist()
        due = [k for k, track in enumerate(tracks) if track >= 0 and self.turn(track)]
        if not due:
            return
        for k, crop in zip(due, self.cut(image, boxes.xyxy[due]), strict=True):
            self.crops[first + k] = crop.copy()  # or it would keep its frame's other crops in memory
            self.rows.setdefault(tracks[k], []).append(first + k)
            self.thin(tracks[k])
        while len(self.crops) > self.capacity and self.most > self.least:
            self.most = max(self.most // 2, self.least)
            for track in self.rows:
                self.thin(track)

    def turn(self, track: int) -> bool:
        """Count a box of a track, and say whether it is one to cut out."""
        count = self.seen.get(track, 0)
        self.seen[track] = count + 1
        return count % self.stride.get(track, 1) == 0

    def thin(self, track: int) -> None:
        """Let every second crop of a track go until there are no more than twice `most`."""
        while len(held := self.rows[track]) > 2 * self.most:
            for row in held[1::2]:
                del self.crops[row]
            self.rows[track] = held[::2]
            self.stride[track] = 2 * self.stride.get(track, 1)

    def taken(self, rows: Integers) -> tuple[Crops, Integers]:
        """The crops there are of `rows` (K,), and which of them, 0…K−1, they are of."""
        held = np.flatnonzero([row in self.crops for row in rows.tolist()])
        found = [self.crops[row] for row in rows[held].tolist()]
        return np.stack(found) if found else np.zeros((0, 0, 0, 3), dtype=np.uint8), held
