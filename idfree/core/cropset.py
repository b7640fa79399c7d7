"""CropSet: image crops grouped by tracklet, the training data of appearance models."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from idfree.core.errors import UserError
from idfree.core.files import atomic_write
from idfree.core.reading import MALFORMED
from idfree.core.stored_crops import CropArray, CropFile, StoredCrops
from idfree.core.tracklet_spans import TrackletSpans, tracklet_ranges
from idfree.core.types import Floats, Integers

COLUMNS = ("crops", "tracklet", "frame", "video", "xyxy")


@dataclass(frozen=True)
class CropSet:
    """K crops with their tracklet, frame, video and box, as parallel arrays.

    crops: (K, H, W, 3), BGR, in memory or in files. tracklet: (K,), numbers 0…T−1 without a gap. frame: (K,), number in
    the video, −1 if the data set has no time. video: (K,), number of the video. xyxy: (K, 4), pixels.
    identities: True if `tracklet` holds annotated identities (as in Market-1501) rather than tracklets, of which two
    may show the same person.
    Raises UserError if lengths differ, a number has no crop, or a tracklet (not an identity) lies in two videos.
    """

    crops: CropArray
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

    def spans(self) -> TrackletSpans:
        """Video, first and last frame of each tracklet."""
        return TrackletSpans.from_rows(self.tracklet, self.frame, self.video)

    def save(self, path: Path | str) -> None:
        """Write an uncompressed .npz file atomically. Raises UserError."""
        arrays = {name: getattr(self, name) for name in COLUMNS}
        with atomic_write(path) as partial, partial.open("wb") as file:
            np.savez(file, identities=np.array(self.identities), **arrays)

    @classmethod
    def load(cls, path: Path | str) -> "CropSet":
        """Read a file written by `save`. Raises UserError if it cannot be read or is not such a file."""
        return read_crops(path, crops_in_memory=True)

    @classmethod
    def open(cls, path: Path | str) -> "CropSet":
        """As `load`, but the crops stay in the file, which must not change, and are read when they are indexed."""
        return read_crops(path, crops_in_memory=False)


def read_crops(path: Path | str, crops_in_memory: bool) -> CropSet:
    """Read a file written by CropSet.save. Raises UserError."""
    try:
        in_file = None if crops_in_memory else StoredCrops([CropFile.find(Path(path))])
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            crops = stored["crops"] if in_file is None else in_file
            columns = {name: stored[name] for name in COLUMNS[1:]}
            return CropSet(crops, **columns, identities=bool(stored["identities"]))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; expected crops (.npz)") from error
    except MALFORMED as error:
        raise UserError(f"{path}: is no set of crops written by idfree") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
