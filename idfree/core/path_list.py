"""Arguments that are one path or several."""

from collections.abc import Iterable
from pathlib import Path


def as_list(paths: str | Path | Iterable[str | Path] | None) -> list[str | Path]:
    """One path, or several, or none, as a list."""
    if paths is None:
        return []
    return [paths] if isinstance(paths, str | Path) else [*paths]
