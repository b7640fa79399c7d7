"""experiments/study.py: stored results, Markdown and sections of pages."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture
def study(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("study")
    sys.modules.pop("study", None)


def test_a_result_is_computed_once_and_read_by_the_next_run(study, tmp_path):
    calls = []
    for _ in range(2):
        results = study.Results(tmp_path / "out")
        assert results.get("a", lambda: calls.append(1) or [1, 2.5]) == [1, 2.5]
    assert len(calls) == 1


def test_a_stored_file_is_not_computed_again(study, tmp_path):
    file = tmp_path / "new" / "a.json"
    assert study.stored(file, lambda: {"IDF1": 0.5}) == {"IDF1": 0.5}
    assert study.stored(file, lambda: pytest.fail("computed again")) == {"IDF1": 0.5}


def test_markdown_table_with_an_empty_cell(study):
    assert study.markdown_table(("a", "b"), [(1, ""), ("x", 2)]) == "| a | b |\n|---|---|\n| 1 | |\n| x | 2 |"


def test_a_section_is_replaced_between_its_marks(study, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- rows: begin -->\nold\n<!-- rows: end -->\nafter\n")
    study.write_section(page, "rows", ["\n### Title", "", "| a |"])
    assert page.read_text() == ("before\n<!-- rows: begin -->\n\n### Title\n\n| a |\n\n<!-- rows: end -->\nafter\n")


def test_a_page_without_the_marks_is_refused_and_unchanged(study, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- rows: begin -->\n")
    with pytest.raises(ValueError, match="expected the lines <!-- rows: begin -->"):
        study.write_section(page, "rows", ["a"])
    assert page.read_text() == "before\n<!-- rows: begin -->\n"


def test_tracking_table_has_the_chosen_columns_only(study):
    table = study.tracking_table(("Tracker",), ("IDF1", "IDSW"), [(("sort",), {"IDF1": 0.5, "IDSW": 3, "HOTA": 0.1})])
    assert [column.key for column in table.columns] == ["IDF1", "IDSW"]
    assert table.groups[0][0].labels == ("sort",)
