"""What lies in a folder: its files by suffix, in the order a person expects, and a sentence about the rest."""

import re
from collections.abc import Collection
from pathlib import Path

from idfree.core.errors import UserError

MENTIONED = 3  # names given in a message before it says "…"


def visible(folder: Path) -> list[Path]:
    """What lies in `folder`, img2 before img10, hidden files aside (macOS leaves `._name`s). Raises UserError."""
    try:
        found = list(folder.iterdir())
    except OSError as error:
        raise UserError(f"cannot look into the folder {folder}: {error.strerror}") from error
    return sorted((path for path in found if not path.name.startswith(".")), key=natural)


def files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """The files of `folder` that end in one of `suffixes` (lower case, with the dot), in natural order."""
    return [path for path in visible(folder) if path.suffix.lower() in suffixes and path.is_file()]


def natural(path: Path) -> list[str | int]:
    """A sort key by which numbers within a name count as numbers."""
    parts: list[str | int] = list(re.split(r"(\d+)", path.name))
    parts[1::2] = [int(part) for part in parts[1::2]]
    return parts


def contents(folder: Path) -> str:
    """What lies in `folder`, for a message: `2 folders (a, b) and 5 files (a.txt, b.txt, c.txt, …)`."""
    found = visible(folder)
    folders = [path.name for path in found if path.is_dir()]
    others = [path.name for path in found if not path.is_dir()]
    return " and ".join(mention(*kind) for kind in (("folder", folders), ("file", others)) if kind[1]) or "nothing"


def mention(kind: str, names: list[str]) -> str:
    """`2 folders (a, b)`, with … after the first few."""
    shown = ", ".join(names[:MENTIONED]) + (", …" if len(names) > MENTIONED else "")
    return f"{len(names)} {kind}{'s' * (len(names) > 1)} ({shown})"
