"""The docstrings of idfree.pipelines and of its folders name all of their files, for readers."""

import re
from pathlib import Path

import pytest

import idfree.pipelines

FOLDER = Path(idfree.pipelines.__file__).parent
FOLDERS = [FOLDER, *sorted(path.parent for path in FOLDER.glob("*/__init__.py"))]
COMMANDS = {"adapt", "count", "demo", "detect", "export", "label", "refine", "teach", "track", "train", "tune", "view"}


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_every_file_is_listed_and_every_listed_one_exists(folder):
    listed = {*re.findall(r"`([a-z_]+)`", (folder / "__init__.py").read_text(encoding="utf-8"))}
    there = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert there - {"__init__"} - COMMANDS <= listed <= there
