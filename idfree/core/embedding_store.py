"""EmbeddingStore: embeddings of boxes by key in two files that only grow, so that work that was interrupted goes on."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfree.core.errors import UserError
from idfree.core.files import make_folder
from idfree.core.types import Integers

Keys = NDArray[np.uint64]

KEYS, ROWS = "keys.bin", "embeddings.bin"


class EmbeddingStore:
    """Embeddings (M, D) of one type and their keys (M,), in the files keys.bin and embeddings.bin of a folder.

    `append` writes the embeddings first, then their keys: a process that is killed in between leaves rows without keys,
    which the next `append` overwrites. Not for several writers at once. Raises UserError if the folder cannot be used.
    """

    def __init__(self, folder: Path, dimension: int, dtype: str = "float32"):
        make_folder(folder)
        self.folder, self.dimension, self.dtype = folder, dimension, np.dtype(dtype)
        self.row_size = dimension * self.dtype.itemsize
        count = min(self.size(KEYS) // 8, self.size(ROWS) // self.row_size)
        self.keys: Keys = np.fromfile(folder / KEYS, np.uint64, count) if count else np.zeros(0, np.uint64)

    def __len__(self) -> int:
        return len(self.keys)

    def size(self, name: str) -> int:
        """Bytes of one of the files, 0 if it does not exist."""
        file = self.folder / name
        return file.stat().st_size if file.is_file() else 0

    def append(self, keys: Keys, embeddings: NDArray[np.floating[Any]]) -> None:
        """Add embeddings (N, D) of keys (N,). Raises UserError if they cannot be written."""
        self.write(ROWS, len(self) * self.row_size, embeddings.astype(self.dtype))
        self.write(KEYS, len(self) * 8, keys.astype(np.uint64))
        self.keys = np.concatenate([self.keys, keys.astype(np.uint64)])

    def write(self, name: str, start: int, array: NDArray[Any]) -> None:
        """Write an array into one of the files from byte `start` on, and cut off what follows. Raises UserError."""
        path = self.folder / name
        try:
            with path.open("r+b" if path.exists() else "w+b") as file:
                file.seek(start)
                file.write(np.ascontiguousarray(array).tobytes())
                file.truncate()
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror or error}") from error

    def find(self, keys: Keys) -> Integers:
        """The row (K,) of each key, −1 if there is none."""
        if not len(self):
            return np.full(len(keys), -1)
        order = np.argsort(self.keys, kind="stable")
        place = np.minimum(np.searchsorted(self.keys[order], keys), len(order) - 1)
        row = order[place]
        return np.where(self.keys[row] == keys, row, -1)

    def rows(self) -> NDArray[Any]:
        """The embeddings (M, D), memory-mapped and read-only."""
        if not len(self):
            return np.zeros((0, self.dimension), self.dtype)
        return np.memmap(self.folder / ROWS, self.dtype, "r", shape=(len(self), self.dimension))
