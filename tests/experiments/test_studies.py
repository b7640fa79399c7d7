"""The studies of experiments/: the list, README.md, the scripts and the pages name each other."""

import re
from pathlib import Path

import pytest

from idfree.experiments import cli
from idfree.experiments.studies import FOLDER, read_studies

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / FOLDER / "README.md").read_text(encoding="utf-8")
STUDIES = {study.script.name: study for study in read_studies(ROOT / FOLDER)}
MODELS = {"people_model.py", "people_crops.py"}  # which make the models of the package


def test_the_table_of_the_readme_has_each_study_with_its_page():
    rows = [line for line in README.splitlines() if line.startswith("| `")]
    listed = {script: row for row in rows for script in re.findall(r"`(\w+\.py)`", row)}
    assert {*listed} - MODELS == {*STUDIES}
    for name, study in STUDIES.items():
        assert Path(study.page).name in listed[name]
        assert (ROOT / study.page).is_file()


def test_each_script_that_writes_a_page_is_a_study():
    scripts = {path.name for path in (ROOT / FOLDER).glob("*.py") if "page=" in calls(path) or "DOCS /" in calls(path)}
    assert scripts - MODELS <= {*STUDIES}


def calls(script):
    """The lines of a script that make its parser."""
    return "\n".join(line for line in script.read_text(encoding="utf-8").splitlines() if "= make_parser(" in line)


@pytest.mark.parametrize("in_clone", [True, False])
def test_studies_are_listed_in_a_clone(in_clone, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT if in_clone else tmp_path)
    assert cli.main(["list"]) == 0
    said = "python experiments/refinding.py: Tracking with OUTrack" in capsys.readouterr().out
    assert said == in_clone
