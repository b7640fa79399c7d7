"""StoredCrops: crops in files, read when they are indexed, so that the crops of many videos need no memory."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from numpy.lib import format as npy

from idfree.core.errors import UserError
from idfree.core.types import Crops, Integers

MEMBER = "crops.npy"  # of the archive
LOCAL_HEADER = 30  # bytes of a member's header in a ZIP archive, before its name and its extra field


@dataclass(frozen=True)
class CropFile:
    """Crops within a file: an array of `shape` (K, H, W, 3) that begins at byte `start`."""

    path: Path
    start: int
    shape: tuple[int, ...]

    @classmethod
    def find(cls, path: Path) -> "CropFile":
        """Find the array "crops" in an uncompressed .npz file. Raises one of MALFORMED if it has none."""
        with ZipFile(path) as archive:
            member = archive.getinfo(MEMBER)
        with path.open("rb") as file:
            file.seek(member.header_offset + LOCAL_HEADER - 4)
            file.seek(sum(struct.unpack("<HH", file.read(4))), 1)
            header = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
            shape, is_fortran_order, dtype = header(file)
            start, size = file.tell(), file.seek(0, 2)
        is_complete = start + np.prod(shape, dtype=object) <= size
        if member.compress_type != ZIP_STORED or is_fortran_order or dtype != np.uint8 or not is_complete:
            raise ValueError("crops are compressed, of another type, or cut off")
        return cls(path, start, shape)

    def read_into(self, crops: Crops, first_row: int) -> None:
        """Fill `crops` (N, H, W, 3) with the rows from `first_row` on. Raises UserError if they cannot be read."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.start + first_row * int(np.prod(self.shape[1:])))
                count = file.readinto(crops.reshape(-1).data)
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read: {error.strerror}; run the same command again") from error
        if count != crops.nbytes:
            raise UserError(f"{self.path} was changed while it was in use: run the same command again")


class StoredCrops:
    """Crops (K, H, W, 3) of several files, indexed as an array; indexing reads them, `take` does not."""

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, files: Sequence[CropFile], rows: Integers | None = None):
        """rows (K,): of the concatenated files; all if None. The crops of all files that have any are of one size."""
        self.files = tuple(files)
        self.end = np.cumsum([file.shape[0] for file in files])
        self.rows = np.arange(self.end[-1] if len(files) else 0) if rows is None else rows
        sizes = {file.shape[1:] for file in files if file.shape[0]}
        if len(sizes) > 1:
            raise UserError(f"crops of different sizes: {', '.join(map(str, sorted(sizes)))}")
        sizes = sizes or {file.shape[1:] for file in files} or {(0, 0, 3)}
        self.shape = (len(self.rows), *min(sizes))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> Crops:
        rows = self.rows[key]
        crops = self.read(np.atleast_1d(rows))
        return crops if np.ndim(rows) else crops[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Crops:
        return self[:].astype(dtype or self.dtype, copy=False)

    def take(self, key: Any) -> "StoredCrops":
        """The crops of a mask, a slice or an array of rows, still unread."""
        return StoredCrops(self.files, self.rows[key])

    def read(self, rows: Integers) -> Crops:
        """Read rows (N,) of the concatenated files; neighbours in one go."""
        order = np.argsort(rows, kind="stable")
        crops = np.empty((len(rows), *self.shape[1:]), dtype=np.uint8)
        for begin, end, number in self.runs(rows[order]):
            first_of_file = self.end[number] - self.files[number].shape[0]
            self.files[number].read_into(crops[begin:end], int(rows[order[begin]] - first_of_file))
        result = np.empty_like(crops)
        result[order] = crops
        return result

    def runs(self, rows: Integers) -> Iterator[tuple[int, int, int]]:
        """Yield (begin, end, number of the file) of the runs of consecutive rows of one file in sorted rows (N,)."""
        number = np.searchsorted(self.end, rows, side="right")
        borders = np.flatnonzero((np.diff(rows) != 1) | (np.diff(number) != 0)) + 1
        edges = [0, *borders.tolist(), len(rows)] if len(rows) else [0]
        for begin, end in pairwise(edges):
            yield begin, end, int(number[begin])


CropArray = Crops | StoredCrops


def concatenate(arrays: Sequence[CropArray]) -> CropArray:
    """Concatenate crops; those of files stay in their files if all are."""
    files = [array for array in arrays if isinstance(array, StoredCrops)]
    if not arrays or len(files) < len(arrays):
        return np.concatenate([np.asarray(array) for array in arrays])
    first = np.cumsum([0, *(array.end[-1] if len(array.end) else 0 for array in files)])
    rows = [array.rows + first[n] for n, array in enumerate(files)]
    return StoredCrops([file for array in files for file in array.files], np.concatenate(rows))


def select(crops: CropArray, key: Any) -> CropArray:
    """The crops of a mask, a slice or an array of rows; those of files are not read."""
    return crops.take(key) if isinstance(crops, StoredCrops) else crops[key]
