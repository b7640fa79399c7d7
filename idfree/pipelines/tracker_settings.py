"""Tracker settings files, as `idfree tune` writes them and `idfree track --settings` reads them."""

from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.reading import read_json
from idfree.core.settings import override
from idfree.trackers.registry import TRACKERS


def read_settings(path: Path) -> tuple[str, tuple[str, ...]]:
    """Read a settings file; return the tracker's name and its settings as `name=value`.

    Only the keys "tracker" and "settings" are read; settings that are missing keep their defaults. Raises UserError,
    naming the file, if one of the two is missing, unknown or of the wrong type.
    """
    record = read_json(path)
    if not isinstance(record, dict) or not isinstance(record.get("settings"), dict):
        raise UserError(f'{path}: expected {{"tracker": NAME, "settings": {{NAME: VALUE, …}}}}')
    tracker = record.get("tracker")
    if not isinstance(tracker, str) or tracker not in TRACKERS:
        raise UserError(f"{path}: unknown tracker {tracker!r}; there are: {', '.join(TRACKERS)}")
    assignments = tuple(f"{name}={value}" for name, value in record["settings"].items())
    override(TRACKERS[tracker].settings(), assignments, source=f"{path}:")
    return tracker, assignments
