"""The list of files in the docstring of idfree.pipelines, by which a reader finds those of a command."""

import re
from pathlib import Path

import idfree.pipelines
from idfree.cli import COMMANDS


def test_every_file_is_listed_and_every_listed_file_exists():
    listed = set(re.findall(r"`([a-z_]+)`", idfree.pipelines.__doc__))
    files = {path.stem for path in Path(idfree.pipelines.__file__).parent.glob("*.py")} - {"__init__"}
    missing = files - listed - {*COMMANDS}  # those of a command's own name need not be listed
    assert not missing, "list them in the docstring of idfree/pipelines/__init__.py"
    assert listed <= files
