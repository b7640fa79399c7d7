"""Re-ID data sets of crops, Market-1501, MSMT17 and VeRi-776, with the labels in their file names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from idfree.core.errors import UserError
from idfree.core.names import is_path
from idfree.core.reading import exists, is_file, is_folder, read_text
from idfree.core.types import Integers
from idfree.sequences.folders import describe_contents, list_files

Part = Literal["train", "query", "gallery"]

MARKET = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
# person, camera, sequence, frame, box
MARKET_NAME = re.compile(r"(-1|\d{1,9})_c(\d{1,9})s(\d{1,9})_(\d{1,9})_(\d+)", re.ASCII)
VERI = {"train": "image_train", "query": "image_query", "gallery": "image_test"}  # Liu 2016
VERI_NAME = re.compile(r"(-1|\d{1,9})_c(\d{1,9})_(\d{1,9})_(\d+)", re.ASCII)  # vehicle, camera, time, box
MSMT17 = {"train": ("train", "mask_train_v2"), "query": ("test", "mask_test_v2"), "gallery": ("test", "mask_test_v2")}
MSMT17_LISTS = {
    "train": ("list_train.txt", "list_val.txt"),
    "query": ("list_query.txt",),
    "gallery": ("list_gallery.txt",),
}
# person, crop, camera, time, frame
MSMT17_NAME = re.compile(r"(\d{1,9})_(\d+)_(\d{1,9})_(\w+?)_(\d{1,9})_\d+", re.ASCII)
MAX_DIGITS = 9  # of an identity
SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class CropFiles:
    """Crop files and their labels, as parallel arrays of K rows.

    path: K files. identity (K,): the data set's number of the person; in Market-1501 −1 for junk and 0 for distractors;
    has_distractors: 0 is no person.
    camera (K,) from 1. recording (K,): frame numbers are comparable within one camera and recording. frame (K,).
    """

    path: tuple[Path, ...]
    identity: Integers
    camera: Integers
    recording: Integers
    frame: Integers
    has_distractors: bool = False

    def __len__(self) -> int:
        """Number of crops."""
        return len(self.path)


def is_reid(path: Path | str) -> bool:
    """Whether a path is a folder of Market-1501, MSMT17 or VeRi-776, whole or one part of it."""
    folder = Path(path)
    if not is_folder(folder):
        return False
    if any(is_folder(folder / names[part]) for names in (MARKET, VERI) for part in ("train", "gallery")):
        return True
    if any(is_file(folder / name) for names in MSMT17_LISTS.values() for name in names):
        return any(is_folder(folder / name) for names in MSMT17.values() for name in names)
    return any(name_pattern(entry) for entry in list_files(folder, SUFFIXES))


def reid_parts(folder: Path | str) -> list[Part]:
    """The parts of a data set that are there; a folder of crops alone is "train" (see `read_reid`)."""
    folder = Path(folder)
    lists = [part for part, names in MSMT17_LISTS.items() if is_file(folder / names[0])]
    folders = [part for names in (MARKET, VERI) for part, name in names.items() if is_folder(folder / name)]
    parts: list[Part] = [part for part in ("train", "query", "gallery") if part in (lists or folders)]
    return parts or ["train"]


def read_reid(folder: Path | str, part: Part = "train") -> CropFiles:
    """One part of Market-1501, MSMT17 or VeRi-776 in its official layout.

    Market-1501: bounding_box_train/0002_c1s1_000451_03.jpg, query/, bounding_box_test/ (the gallery); `folder` may be
    one of these, too. MSMT17: list_train.txt and list_val.txt (both are part "train") with train/, list_query.txt and
    list_gallery.txt with test/; version 2 calls them mask_train_v2/ and mask_test_v2/. VeRi-776, and others like it:
    image_train/0001_c001_00016450_0.jpg, image_query/, image_test/. Raises UserError if the folder has no such layout.
    """
    folder = Path(folder)
    if not is_folder(folder):
        raise UserError(f"{folder} is a file, expected a folder" if exists(folder) else f"no such folder: {folder}")
    if is_file(folder / MSMT17_LISTS[part][0]):
        return read_msmt17(folder, part)
    for names in (MARKET, VERI):
        if is_folder(folder / names[part]):
            return read_market(folder / names[part])
    if folder.name in MARKET.values() or any(name_pattern(path) for path in list_files(folder, SUFFIXES)):
        return read_market(folder)
    raise UserError(
        f"{folder}: neither Market-1501 ({MARKET[part]}/) nor MSMT17 ({MSMT17_LISTS[part][0]}) nor VeRi-776"
        f" ({VERI[part]}/);"
        f" found {describe_contents(folder)}"
    )


def read_market(folder: Path | str) -> CropFiles:
    """The crops of one folder of Market-1501 or VeRi-776, whose file names hold the labels.

    Raises UserError if there are none or a file name is invalid. Frames of VeRi-776 are of one recording a camera.
    """
    folder = Path(folder)
    paths = list_files(folder, SUFFIXES)
    if not paths:
        raise UserError(f"{folder}: no crops ({' '.join(SUFFIXES)}); found {describe_contents(folder)}")
    if name_pattern(paths[0]) is VERI_NAME:
        veri = [parse_name(VERI_NAME, path, "0001_c001_00016450_0.jpg") for path in paths]
        identity, camera, frame = np.array([list(map(int, name[:3])) for name in veri], dtype=np.int64).T
        return CropFiles(tuple(paths), identity, camera, np.zeros_like(camera), frame)
    names = [parse_name(MARKET_NAME, path, "0002_c1s1_000451_03.jpg") for path in paths]
    identity, camera, recording, frame = np.array([list(map(int, name[:4])) for name in names], dtype=np.int64).T
    return CropFiles(tuple(paths), identity, camera, recording, frame, has_distractors=True)


def name_pattern(path: Path) -> "re.Pattern[str] | None":
    """The pattern that a file name has: that of Market-1501 or of VeRi-776."""
    return next((pattern for pattern in (MARKET_NAME, VERI_NAME) if pattern.match(path.name)), None)


def read_msmt17(folder: Path | str, part: Part = "train") -> CropFiles:
    """One part of MSMT17, by its lists of `PATH IDENTITY`. Raises UserError if a list is invalid or a crop missing."""
    folder = Path(folder)
    image_folder = next((folder / name for name in MSMT17[part] if is_folder(folder / name)), None)
    if image_folder is None:
        raise UserError(f"{folder}: has no folder {' or '.join(MSMT17[part])}; found {describe_contents(folder)}")
    rows = [row for name in MSMT17_LISTS[part] if is_file(folder / name) for row in read_identity_list(folder / name)]
    if not rows:
        raise UserError(f"{folder / MSMT17_LISTS[part][0]}: lists nothing")
    paths = [image_folder / path for path, _ in rows]
    missing = [path for path in paths if not is_file(path)]
    if missing:
        raise UserError(f"{folder}: {len(missing)} of {len(paths)} crops listed are not there, the first: {missing[0]}")
    names = [parse_name(MSMT17_NAME, path, "0000_000_01_0303morning_0015_0.jpg") for path in paths]
    camera, frame = (np.array([int(name[field]) for name in names], dtype=np.int64) for field in (2, 4))
    _, recording = np.unique([name[3] for name in names], return_inverse=True)
    identity = np.array([identity for _, identity in rows], dtype=np.int64)
    return CropFiles(tuple(paths), identity, camera, recording.astype(np.int64), frame)


def read_identity_list(path: Path) -> Iterable[tuple[str, int]]:
    """The rows (path, identity) of a list. Raises UserError with the line if a row is invalid."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        crop, _, identity = line.strip().rpartition(" ")
        if is_path(crop) and identity.isdecimal() and len(identity) <= MAX_DIGITS:
            yield crop.strip(), int(identity)
        elif line.strip():
            raise UserError(f"{path} line {number}: {line.strip()!r}, expected a path and an identity")


def parse_name(pattern: "re.Pattern[str]", path: Path, example: str) -> tuple[str, ...]:
    """The groups of `pattern` in a file name. Raises UserError, with `example`, if it does not match."""
    match = pattern.match(path.name)
    if match is None:
        raise UserError(f"{path}: the name does not contain the labels; expected one like {example}")
    return match.groups()
