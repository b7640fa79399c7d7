"""Sets of labelled crops of people: Market-1501 and MSMT17, by the names of their files."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Integers
from idfree.sequences.folders import contents, files
from idfree.sequences.rows import read_text

Part = Literal["train", "query", "gallery"]

MARKET = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
MARKET_NAME = re.compile(r"(-1|\d+)_c(\d+)s(\d+)_(\d+)_(\d+)", re.ASCII)  # person, camera, sequence, frame, which box
MSMT17 = {"train": ("train", "mask_train_v2"), "query": ("test", "mask_test_v2"), "gallery": ("test", "mask_test_v2")}
MSMT17_LISTS = {
    "train": ("list_train.txt", "list_val.txt"),
    "query": ("list_query.txt",),
    "gallery": ("list_gallery.txt",),
}
MSMT17_NAME = re.compile(r"(\d+)_(\d+)_(\d+)_(\w+?)_(\d+)_\d+", re.ASCII)  # person, number, camera, time, frame, which
SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class CropFiles:
    """Crops in files, and whom they show: parallel, a row each.

    path: K of them. identity (K,): as the set numbers people, −1 in Market-1501 for what is nobody, 0 for distractors.
    camera (K,) from 1; recording (K,): of crops of one camera in one recording, frames can be compared; frame (K,).
    """

    path: tuple[Path, ...]
    identity: Integers
    camera: Integers
    recording: Integers
    frame: Integers

    def __len__(self) -> int:
        return len(self.path)


def read_reid(folder: Path | str, part: Part = "train") -> CropFiles:
    """A part of a set in its official layout, whichever of the two it is.

    Market-1501: bounding_box_train/0002_c1s1_000451_03.jpg, query/, bounding_box_test/ (the gallery); `folder` may be
    one of these, too. MSMT17: list_train.txt and list_val.txt (which are one part here) with train/, list_query.txt and
    list_gallery.txt with test/; version 2 calls them mask_train_v2/ and mask_test_v2/. Raises UserError otherwise.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is a file, expected a folder" if folder.exists() else f"no such folder: {folder}")
    if (folder / MSMT17_LISTS[part][0]).is_file():
        return read_msmt17(folder, part)
    if (folder / MARKET[part]).is_dir():
        return read_market(folder / MARKET[part])
    if folder.name in MARKET.values() or any(MARKET_NAME.match(path.name) for path in files(folder, SUFFIXES)):
        return read_market(folder)
    raise UserError(
        f"{folder}: neither Market-1501 ({MARKET[part]}/) nor MSMT17 ({MSMT17_LISTS[part][0]});"
        f" found {contents(folder)}"
    )


def read_market(folder: Path | str) -> CropFiles:
    """The crops of one folder of Market-1501. Raises UserError where there are none, or a name tells nothing."""
    folder = Path(folder)
    paths = files(folder, SUFFIXES)
    if not paths:
        raise UserError(f"{folder}: no crops ({' '.join(SUFFIXES)}); found {contents(folder)}")
    rows = [numbers(MARKET_NAME, path, "0002_c1s1_000451_03.jpg") for path in paths]
    identity, camera, recording, frame, _ = np.array(rows, dtype=np.int64).T
    return CropFiles(tuple(paths), identity, camera, recording, frame)


def read_msmt17(folder: Path | str, part: Part = "train") -> CropFiles:
    """A part of MSMT17, from its lists of `PATH IDENTITY`. Raises UserError with file and line."""
    folder = Path(folder)
    home = next((folder / name for name in MSMT17[part] if (folder / name).is_dir()), None)
    if home is None:
        raise UserError(f"{folder}: has no folder {' or '.join(MSMT17[part])}; found {contents(folder)}")
    listed = [row for name in MSMT17_LISTS[part] if (folder / name).is_file() for row in read_list(folder / name)]
    if not listed:
        raise UserError(f"{folder / MSMT17_LISTS[part][0]}: lists nothing")
    paths = [home / path for path, _ in listed]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise UserError(f"{folder}: {len(missing)} of {len(paths)} crops listed are not there, the first: {missing[0]}")
    names = [fields(MSMT17_NAME, path, "0000_000_01_0303morning_0015_0.jpg") for path in paths]
    _, recording = np.unique([name[3] for name in names], return_inverse=True)
    identity = np.array([identity for _, identity in listed], dtype=np.int64)
    return CropFiles(tuple(paths), identity, column(names, 2), recording.astype(np.int64), column(names, 4))


def read_list(path: Path) -> Iterable[tuple[str, int]]:
    """The rows `PATH IDENTITY` of a list. Raises UserError with its line."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        crop, _, identity = line.strip().rpartition(" ")
        if crop and identity.isdecimal():
            yield crop.strip(), int(identity)
        elif line.strip():
            raise UserError(f"{path} line {number}: {line.strip()!r}, expected a path and an identity")


def fields(pattern: "re.Pattern[str]", path: Path, example: str) -> tuple[str, ...]:
    """What the name of a crop tells. Raises UserError where it tells nothing."""
    found = pattern.match(path.name)
    if found is None:
        raise UserError(f"{path}: its name does not tell whom it shows; expected one like {example}")
    return found.groups()


def numbers(pattern: "re.Pattern[str]", path: Path, example: str) -> tuple[int, ...]:
    """The same, where all of it is numbers."""
    return tuple(int(field) for field in fields(pattern, path, example))


def column(names: list[tuple[str, ...]], index: int) -> Integers:
    """One number of every name."""
    return np.array([int(name[index]) for name in names], dtype=np.int64)
