"""Bounded memory for the crops of tracks while a video is read: a few crops of each track, evenly over time."""

from collections.abc import Callable

import numpy as np

from idfree.core.types import Annotation, Crops, Floats, Image, Integers

CropFunction = Callable[[Image, Floats], Crops]  # (image, xyxy (N, 4)) → crops (N, H, W, 3)

CAPACITY = 20_000  # crops; 470 MB at 128×64


class CropBuffer:
    """Crops of tracks. A track keeps every crop until it has 2·most of them; then every second one is dropped, and from
    then on half as many are added. So they stay evenly spread over time, and their number between most and 2·most.

    capacity: of all tracks together; beyond it `most` is halved, but not below `least`, so that memory still grows by
    2·least crops per track. crop: None for a buffer that stays empty.
    """

    def __init__(self, crop: CropFunction | None, most: int, least: int, capacity: int = CAPACITY):
        self.crop, self.most, self.least, self.capacity = crop, max(most, least), least, capacity
        self.crops: dict[int, Crops] = {}  # by row
        self.rows: dict[int, list[int]] = {}  # with a crop, by track
        self.box_count: dict[int, int] = {}  # boxes so far, by track
        self.stride: dict[int, int] = {}  # every stride-th box is cropped, by track

    def add(self, image: Image | None, boxes: Annotation, first_row: int) -> None:
        """Add the crops of one frame's boxes, rows first_row, first_row + 1 …; boxes without a track are skipped."""
        if self.crop is None or image is None:
            return
        tracks = boxes.id.tolist()
        due = [k for k, track in enumerate(tracks) if track >= 0 and self.is_due(track)]
        if not due:
            return
        for k, crop in zip(due, self.crop(image, boxes.xyxy[due]), strict=True):
            self.crops[first_row + k] = crop.copy()  # a view would keep all crops of the frame in memory
            self.rows.setdefault(tracks[k], []).append(first_row + k)
            self.thin_out(tracks[k])
        while len(self.crops) > self.capacity and self.most > self.least:
            self.most = max(self.most // 2, self.least)
            for track in self.rows:
                self.thin_out(track)

    def is_due(self, track: int) -> bool:
        """Count a box of a track, and return whether to crop it."""
        count = self.box_count.get(track, 0)
        self.box_count[track] = count + 1
        return count % self.stride.get(track, 1) == 0

    def thin_out(self, track: int) -> None:
        """Drop every second crop of a track until at most 2·most are left."""
        while len(rows := self.rows[track]) > 2 * self.most:
            for row in rows[1::2]:
                del self.crops[row]
            self.rows[track] = rows[::2]
            self.stride[track] = 2 * self.stride.get(track, 1)

    def crops_of(self, rows: Integers) -> tuple[Crops, Integers]:
        """The crops of `rows` (K,) in the buffer, and the positions in `rows` (0…K−1) that they belong to."""
        positions = np.flatnonzero([row in self.crops for row in rows.tolist()])
        crops = [self.crops[row] for row in rows[positions].tolist()]
        return np.stack(crops) if crops else np.zeros((0, 0, 0, 3), dtype=np.uint8), positions
