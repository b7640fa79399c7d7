"""Folder listings in natural order, and their description for error messages."""

import re
from collections.abc import Collection
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.wording import counted

NAMES_SHOWN = 3  # names in a message before "…"


def list_entries(folder: Path) -> list[Path]:
    """Entries of `folder` in natural order, without hidden ones (macOS creates `._name`). Raises UserError."""
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise UserError(f"cannot look into the folder {folder}: {error.strerror}") from error
    return sorted((path for path in entries if not path.name.startswith(".")), key=natural_key)


def list_files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Files of `folder` with one of `suffixes` (lower case, with the dot), in natural order. Raises UserError."""
    return [path for path in list_entries(folder) if path.suffix.lower() in suffixes and path.is_file()]


def natural_key(path: Path) -> list[str | int]:
    """Sort key for natural order, which compares digits in names as numbers: img2 before img10."""
    parts: list[str | int] = list(re.split(r"(\d+)", path.name))
    parts[1::2] = [int(part) for part in parts[1::2]]
    return parts


def describe_contents(folder: Path) -> str:
    """Contents of a folder for a message: `2 folders (a, b) and 5 files (a.txt, b.txt, c.txt, …)`. Raises UserError."""
    entries = list_entries(folder)
    folders = [path.name for path in entries if path.is_dir()]
    files = [path.name for path in entries if not path.is_dir()]
    descriptions = [describe_names(kind, names) for kind, names in (("folder", folders), ("file", files)) if names]
    return " and ".join(descriptions) or "nothing"


def describe_names(kind: str, names: list[str]) -> str:
    """Count and first names for a message: `2 folders (a, b)`."""
    shown = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
    return f"{counted(len(names), kind)} ({shown})"
