"""Batches of P tracklets with K crops each (PK sampling, Hermans 2017, sec. 2), in groups of coexisting tracklets."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.types import Integers
from idfree.core.wording import counted
from idfree.learn.data.crop_augmentation import CropAugmentation, augment_crops
from idfree.learn.tensors import Tensors

BLOCK = 2**9  # crops per read


@dataclass(frozen=True)
class Tracklets:
    """Index of T tracklets: video, first and last frame (T,), and their crops in order of time.

    The i-th of `count` (T,) crops of a tracklet is row `order[start + i]` of the crop set. identities: tracklets are
    true identities.
    """

    video: Integers
    first: Integers
    last: Integers
    order: Integers
    start: Integers
    count: Integers
    identities: bool

    @classmethod
    def from_crops(cls, crops: CropSet) -> "Tracklets":
        """Index a set of crops. Raises UserError if there are fewer than two tracklets."""
        count = np.bincount(crops.tracklet)
        if len(count) < 2:
            found = counted(len(count), "tracklet")
            raise UserError(f"crops of {found}: training tells people apart, it needs two or more")
        order = np.lexsort((crops.frame, crops.tracklet))
        start = np.cumsum(count) - count
        frame = crops.frame[order]
        video = crops.video[order[start]]
        return cls(video, frame[start], frame[start + count - 1], order, start, count, crops.identities)

    def __len__(self) -> int:
        return len(self.count)

    def tensors(self, rows: Integers | None = None) -> Tensors:
        """Columns "tracklet", "video", "first" and "last" (N,) of the tracklets `rows` (N,), or of all.

        True identities get a video each, so that any two of them are negatives.
        """
        rows = np.arange(len(self)) if rows is None else rows
        video = rows if self.identities else self.video[rows]
        arrays = {"tracklet": rows, "video": video, "first": self.first[rows], "last": self.last[rows]}
        return {name: torch.from_numpy(array.astype(np.int64)) for name, array in arrays.items()}


@dataclass(frozen=True)
class CropBatchShape:
    """tracklets × crops per batch; group: the most coexisting tracklets that are drawn together."""

    tracklets: int = 32
    crops: int = 4
    group: int = 8


class CropBatches:
    """`batches(n)`: batch n of a run, a function of seed and n alone, so that runs can resume.

    Columns: "crops" float32 (N, 3, H, W), augmented BGR pixels; "tracklet", "video", "first", "last" (N,).
    """

    def __init__(self, crops: CropSet, shape: CropBatchShape, seed: int = 0):
        self.crops, self.shape, self.seed = crops, shape, seed
        self.tracklets = Tracklets.from_crops(crops)

    def __call__(self, step: int) -> Tensors:
        random = np.random.default_rng([self.seed, step])
        rows = self.sample_rows(random)
        batch = self.tracklets.tensors(self.crops.tracklet[rows])
        return {"crops": augment_crops(self.crops.crops[rows], random, CropAugmentation()), **batch}

    def sample_rows(self, random: np.random.Generator) -> Integers:
        """(N,) rows of the crops of a batch, tracklet by tracklet; no tracklet twice."""
        chosen = np.concatenate([*self.sample_groups(random)])
        position = np.arange(self.shape.crops) + random.random((len(chosen), self.shape.crops))
        count = self.tracklets.count[chosen][:, None]
        # Stratified: one crop from each of `shape.crops` equal parts of the tracklet.
        nth = (position * count / self.shape.crops).astype(np.int64)
        return self.tracklets.order[self.tracklets.start[chosen][:, None] + nth].ravel()

    def sample_groups(self, random: np.random.Generator) -> Iterator[Integers]:
        """Yields groups of tracklets: a random one, and others that coexist with it at a random moment."""
        t = self.tracklets
        is_free = np.ones(len(t), dtype=bool)
        while (missing := min(self.shape.tracklets, len(t)) - np.count_nonzero(~is_free)) > 0:
            anchor = random.choice(np.flatnonzero(is_free))
            moment = random.integers(t.first[anchor], t.last[anchor], endpoint=True)
            coexists = is_free & (t.video == t.video[anchor]) & (t.first <= moment) & (moment <= t.last)
            coexists[anchor] = False
            others = random.permutation(np.flatnonzero(coexists))[: min(self.shape.group, missing) - 1]
            group = np.append(anchor, others)
            is_free[group] = False
            yield group

    def fingerprint(self) -> str:
        """Counts and checksum of the set of crops, pixels included."""
        columns = (self.crops.tracklet, self.crops.frame, self.crops.video)
        check = zlib.crc32(b"".join(np.ascontiguousarray(column, dtype=np.int64).tobytes() for column in columns))
        for first in range(0, len(self.crops), BLOCK):  # they may be in files
            check = zlib.crc32(np.ascontiguousarray(self.crops.crops[first : first + BLOCK]).data, check)
        return f"{len(self.crops.tracklet)} crops of {len(self.tracklets)} tracklets, {check:08x}"
