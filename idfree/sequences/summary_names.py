"""Class names of results, from the summary.json that `idfree track` writes beside them."""

from pathlib import Path
from typing import Any

from idfree.core.errors import UserError
from idfree.core.messages import warn_once
from idfree.core.reading import is_file, read_json

SUMMARY = "summary.json"


def read_summary_names(path: Path) -> dict[int, str]:
    """Class names by number for the results NAME.txt, from the summary beside them; empty if it has none.

    Results can be read without names: a summary.json that is damaged only gives a warning.
    """
    file = path.with_name(SUMMARY)
    if not is_file(file):
        return {}
    try:
        summary: Any = read_json(file)
    except UserError as error:
        warn_once("%s: no class names are read from it", str(error))
        return {}
    try:
        entry = next(each for each in summary["sequences"] if each["name"] == path.stem)
        return {int(number): str(name) for number, name in entry["class_names"].items()}
    except (LookupError, TypeError, ValueError, AttributeError, StopIteration):
        return {}  # of another program, or of an earlier version
