"""CropSet: image crops grouped by tracklet, the training data of appearance models."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.files import atomic_write
from idfree.core.reading import MALFORMED
from idfree.core.types import Crops, Floats, Integers

PairMask = NDArray[np.bool_]  # (T, T), symmetric
COLUMNS = ("crops", "tracklet", "frame", "video", "xyxy")


@dataclass(frozen=True)
class CropSet:
    """K crops with their tracklet, frame, video and box, as parallel arrays.

    crops: (K, H, W, 3), BGR. tracklet: (K,), numbers 0…T−1 without a gap. frame: (K,), number in the video, −1 if the
    data set has no time. video: (K,), number of the video. xyxy: (K, 4), pixels.
    identities: True if `tracklet` holds annotated identities (as in Market-1501) rather than tracklets, of which two
    may show the same person.
    Raises UserError if lengths differ, a number has no crop, or a tracklet (not an identity) lies in two videos.
    """

    crops: Crops
    tracklet: Integers
    frame: Integers
    video: Integers
    xyxy: Floats
    identities: bool = False

    def __post_init__(self) -> None:
        shapes = {name: getattr(self, name).shape for name in COLUMNS}
        if len(shapes["crops"]) != 4 or shapes["crops"][3] != 3:
            raise UserError(f"CropSet: crops have the shape {shapes['crops']}, expected (K, H, W, 3)")
        count = len(self)
        for name in COLUMNS[1:]:
            expected = (count, 4) if name == "xyxy" else (count,)
            if shapes[name] != expected:
                raise UserError(f"CropSet: {name} has the shape {shapes[name]}, expected {expected}")
        numbers = np.unique(self.tracklet)
        if not np.array_equal(numbers, np.arange(len(numbers))):
            raise UserError("CropSet: tracklets must be numbered from 0 without a gap")
        if not self.identities and np.any(self.video != self.tracklet_video()[self.tracklet]):
            raise UserError("CropSet: a tracklet lies in two videos")

    def __len__(self) -> int:
        return len(self.crops)

    @property
    def tracklet_count(self) -> int:
        """T, the number of tracklets."""
        return int(self.tracklet.max(initial=-1)) + 1

    def tracklet_video(self) -> Integers:
        """Video (T,) of each tracklet; the lowest number for an identity that occurs in several."""
        return tracklet_ranges(self.tracklet, self.video)[0]

    def spans(self) -> tuple[Integers, Integers]:
        """First and last frame, each (T,), of the tracklets."""
        return tracklet_ranges(self.tracklet, self.frame)

    def coexisting(self) -> PairMask:
        """Cannot-link mask (T, T): pairs of tracklets that coexist in one video."""
        return coexistence_mask(*self.spans(), self.tracklet_video())

    def save(self, path: Path | str) -> None:
        """Write an uncompressed .npz file atomically. Raises UserError."""
        arrays = {name: getattr(self, name) for name in COLUMNS}
        with atomic_write(path) as partial, partial.open("wb") as file:
            np.savez(file, identities=np.array(self.identities), **arrays)

    @classmethod
    def load(cls, path: Path | str) -> "CropSet":
        """Read a file written by `save`. Raises UserError if it cannot be read or is not such a file."""
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
                return cls(**{name: stored[name] for name in COLUMNS}, identities=bool(stored["identities"]))
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}; expected crops (.npz)") from error
        except MALFORMED as error:
            raise UserError(f"{path}: is no set of crops written by idfree") from error
        except UserError as error:
            raise UserError(f"{path}: {error}") from error


def tracklet_ranges(tracklet: Integers, number: Integers) -> tuple[Integers, Integers]:
    """Minimum and maximum, each (T,), of `number` (K,) over the rows of each tracklet; `tracklet` (K,) is 0…T−1."""
    order = np.lexsort((number, tracklet))
    border = np.flatnonzero(np.diff(tracklet[order]))
    ends = np.concatenate([border, [len(order) - 1]]) if len(order) else border
    starts = np.concatenate([[0], border + 1]) if len(order) else border
    return number[order[starts]], number[order[ends]]


def coexistence_mask(first: Integers, last: Integers, video: Integers) -> PairMask:
    """Cannot-link mask (T, T): pairs of tracklets that coexist in one video; the diagonal is False.

    first, last: frames (T,) of each tracklet; frame −1 means no time, such tracklets coexist with none. video: (T,).
    """
    overlapping = (first[:, None] <= last) & (first <= last[:, None]) & (video[:, None] == video)
    has_time = first >= 0
    return overlapping & has_time & has_time[:, None] & ~np.eye(len(first), dtype=bool)
