"""Names of the classes of results that have no column for them: those in the summary.json of `idfree track`."""

from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.reading import is_file, read_json

SUMMARY = "summary.json"


def read_summary_names(path: Path) -> dict[int, str]:
    """The names of classes by number that the summary beside NAME.txt has for NAME; empty without one that is valid."""
    file = path.with_name(SUMMARY)
    if not is_file(file):
        return {}
    try:
        summary: Any = read_json(file)
        entry = next(each for each in summary["sequences"] if each["name"] == path.stem)
        return {int(number): str(name) for number, name in entry["class_names"].items()}
    except (UserError, LookupError, TypeError, ValueError, AttributeError, StopIteration):
        return {}  # another program's, or of an earlier version: the results are readable without names
