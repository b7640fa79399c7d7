"""Crops written to a file as they are cut out, and read from it when they are indexed: data larger than the memory."""

from pathlib import Path
from types import TracebackType

import numpy as np

from idfree.core.growing_file import GrowingFile
from idfree.core.stored_crops import CropFile, StoredCrops
from idfree.core.types import Crops


class CropWriter:
    """Crops of one size in PATH.partial, which is deleted at the end of the `with` block.

    Raises UserError if the file cannot be written.
    """

    def __init__(self, path: Path, size_hw: tuple[int, int]):
        self.size_hw, self.count = size_hw, 0
        self.file = GrowingFile(path)

    def append(self, crops: Crops) -> None:
        """Write crops (N, H, W, 3)."""
        self.file.append(np.ascontiguousarray(crops).tobytes())
        self.count += len(crops)

    def crops_since(self, first: int) -> StoredCrops:
        """The crops from number `first` on, in the file."""
        shape = (self.count - first, *self.size_hw, 3)
        return StoredCrops([CropFile(self.file.partial, first * int(np.prod(shape[1:])), shape)])

    def __enter__(self) -> "CropWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.discard()
