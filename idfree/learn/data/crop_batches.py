"""Batches of crops by tracklet: several of each, spread over its time, and of others seen at the same moment."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.types import Integers
from idfree.learn import Tensors
from idfree.learn.data.crop_augmentation import CropAugmentation, augment


class CropSet(Protocol):
    """What batches are drawn from: crops uint8 (K, H, W, 3) BGR, and the tracklet 0…T−1, frame and video (K,) of each.

    identities: the tracklets are true identities, each a person of its own. Frame −1: the set knows no time.
    """

    @property
    def crops(self) -> NDArray[np.uint8]: ...
    @property
    def tracklet(self) -> Integers: ...
    @property
    def frame(self) -> Integers: ...
    @property
    def video(self) -> Integers: ...
    @property
    def identities(self) -> bool: ...


@dataclass(frozen=True)
class Tracklets:
    """When and where each of T tracklets was seen: video, first and last frame (T,); row `order[start + i]` of the
    crops is its i-th of `count` in time. identities: they are people, any two of them two.
    """

    video: Integers
    first: Integers
    last: Integers
    order: Integers
    start: Integers
    count: Integers
    identities: bool

    @classmethod
    def of(cls, crops: CropSet) -> "Tracklets":
        """Those of a set of crops. Raises UserError where there are fewer than two, or where one has no crop."""
        count = np.bincount(crops.tracklet)
        if len(count) < 2:
            raise UserError(f"crops of {len(count)} tracklets: training tells people apart, it needs two or more")
        if not count.all():
            raise UserError(f"tracklet {int(np.argmin(count))} of {len(count)} has no crops")
        order = np.lexsort((crops.frame, crops.tracklet))
        start = np.cumsum(count) - count
        frame = crops.frame[order]
        video = crops.video[order[start]]
        return cls(video, frame[start], frame[start + count - 1], order, start, count, crops.identities)

    def __len__(self) -> int:
        return len(self.count)

    def tensors(self, rows: Integers | None = None) -> Tensors:
        """What objectives ask of the tracklets `rows` (N,), or of all: "tracklet", "video", "first" and "last" (N,).

        True identities are given a video each: that makes any two certainly two people.
        """
        rows = np.arange(len(self)) if rows is None else rows
        video = rows if self.identities else self.video[rows]
        arrays = {"tracklet": rows, "video": video, "first": self.first[rows], "last": self.last[rows]}
        return {name: torch.from_numpy(array.astype(np.int64)) for name, array in arrays.items()}


@dataclass(frozen=True)
class CropBatchShape:
    """32 tracklets × 4 crops, in groups of up to 8 that are in the picture at the same moment."""

    tracklets: int = 32
    crops: int = 4
    group: int = 8


class CropBatches:
    """Batch n of a run: drawn by the seed and n alone, so that a run resumed at n goes on as if it had never stopped.

    `batches(n)`: "crops" float32 (N, 3, H, W), BGR pixels, varied; "tracklet", "video", "first", "last" (N,).
    """

    def __init__(
        self, crops: CropSet, shape: CropBatchShape, seed: int = 0, augmentation: CropAugmentation | None = None
    ):
        self.crops, self.shape, self.seed = crops, shape, seed
        self.augmentation = augmentation or CropAugmentation()
        self.tracklets = Tracklets.of(crops)

    def __call__(self, step: int) -> Tensors:
        random = np.random.default_rng([self.seed, step])
        rows = self.draw(random)
        batch = self.tracklets.tensors(self.crops.tracklet[rows])
        return {"crops": augment(self.crops.crops[rows], random, self.augmentation), **batch}

    def draw(self, random: np.random.Generator) -> Integers:
        """The crops (N,) of a batch, tracklet after tracklet; no tracklet twice."""
        chosen = np.concatenate([*self.groups(random)])
        place = np.arange(self.shape.crops) + random.random((len(chosen), self.shape.crops))
        count = self.tracklets.count[chosen][:, None]
        nth = (place * count / self.shape.crops).astype(np.int64)  # one of each quarter of its time
        return self.tracklets.order[self.tracklets.start[chosen][:, None] + nth].ravel()

    def groups(self, random: np.random.Generator) -> Iterator[Integers]:
        """Tracklets by groups: one drawn from all, and others that are seen at a moment at which it is."""
        t = self.tracklets
        free = np.ones(len(t), dtype=bool)
        while (wanted := min(self.shape.tracklets, len(t)) - np.count_nonzero(~free)) > 0:
            anchor = random.choice(np.flatnonzero(free))
            moment = random.integers(t.first[anchor], t.last[anchor], endpoint=True)
            beside = free & (t.video == t.video[anchor]) & (t.first <= moment) & (moment <= t.last)
            beside[anchor] = False
            others = random.permutation(np.flatnonzero(beside))[: min(self.shape.group, wanted) - 1]
            group = np.append(anchor, others)
            free[group] = False
            yield group

    def fingerprint(self) -> str:
        """Tells this set of crops from another, without reading the pixels."""
        columns = (self.crops.tracklet, self.crops.frame, self.crops.video)
        check = zlib.crc32(b"".join(np.ascontiguousarray(column, dtype=np.int64).tobytes() for column in columns))
        return f"{len(self.crops.tracklet)} crops of {len(self.tracklets)} tracklets, {check:08x}"
