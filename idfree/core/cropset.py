"""Crops of people, sorted into tracklets: what an appearance model is trained on."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.files import whole
from idfree.core.types import Crops, Floats, Integers

PairMask = NDArray[np.bool_]  # (T, T), symmetric
COLUMNS = ("crops", "tracklet", "frame", "video", "xyxy")


@dataclass(frozen=True)
class CropSet:
    """Crops and where they come from, a row each.

    crops (K, H, W, 3) BGR; tracklet (K,) 0…T−1, none left out; frame (K,) of its video; video (K,); xyxy (K, 4) pixels.
    identities: the tracklets are people's true identities (as in Market-1501), each one different from all others, not
    a tracker's tracklets, of which two may be the same person. Sets without time have frame −1 throughout.
    Raises UserError where lengths differ, a tracklet is empty, or one lies in two videos and is no identity.
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
        if not self.identities and np.any(self.video != self.video_of()[self.tracklet]):
            raise UserError("CropSet: a tracklet lies in two videos")

    def __len__(self) -> int:
        return len(self.crops)

    @property
    def tracklets(self) -> int:
        """T, how many tracklets there are."""
        return int(self.tracklet.max(initial=-1)) + 1

    def video_of(self) -> Integers:
        """(T,) the video of each tracklet; of an identity in several, the first."""
        return first_and_last(self.tracklet, self.video)[0]

    def spans(self) -> tuple[Integers, Integers]:
        """(T,) and (T,): the first and the last frame of each tracklet."""
        return first_and_last(self.tracklet, self.frame)

    def coexisting(self) -> PairMask:
        """(T, T) whether two tracklets are of one video and overlap in time: certainly two people."""
        return coexisting(*self.spans(), self.video_of())

    def different(self) -> PairMask:
        """(T, T) whether two tracklets are certainly two people: coexisting, of two videos, or two identities."""
        if self.identities:
            return ~np.eye(self.tracklets, dtype=bool)
        video = self.video_of()
        return self.coexisting() | (video[:, None] != video)

    def save(self, path: Path | str) -> None:
        """Write an uncompressed .npz, whole or not at all. Raises UserError."""
        columns = {name: getattr(self, name) for name in COLUMNS}
        with whole(path) as partial, partial.open("wb") as file:
            np.savez(file, identities=np.array(self.identities), **columns)

    @classmethod
    def load(cls, path: Path | str) -> "CropSet":
        """Read what `save` wrote. Raises UserError where there is no such file or it is something else."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(**{name: stored[name] for name in COLUMNS}, identities=bool(stored["identities"]))
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}; expected crops (.npz)") from error
        except (KeyError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(f"{path}: is no set of crops written by idfree") from error
        except UserError as error:
            raise UserError(f"{path}: {error}") from error


def first_and_last(tracklet: Integers, number: Integers) -> tuple[Integers, Integers]:
    """(T,) and (T,): the least and the greatest number (K,) in each tracklet (K,) 0…T−1, none of them empty."""
    order = np.lexsort((number, tracklet))
    border = np.flatnonzero(np.diff(tracklet[order]))
    ends = np.concatenate([border, [len(order) - 1]]) if len(order) else border
    starts = np.concatenate([[0], border + 1]) if len(order) else border
    return number[order[starts]], number[order[ends]]


def coexisting(first: Integers, last: Integers, video: Integers) -> PairMask:
    """(T, T) whether two tracklets, each of frames first…last (T,) of a video (T,), overlap in time; not with itself.

    Frame −1 is no time: nothing coexists with it.
    """
    together = (first[:, None] <= last) & (first <= last[:, None]) & (video[:, None] == video)
    timed = first >= 0
    return together & timed & timed[:, None] & ~np.eye(len(first), dtype=bool)
