"""Names of classes on the way from results to annotation tools and back."""

import json

import pytest

from idfree.core.errors import UserError
from idfree.pipelines.convert_data import convert_data
from idfree.sequences.tables import read_class_names

ROWS = "1,1,10,20,30,40,0.9,0,-1,-1\n2,1,11,20,30,40,0.9,0,-1,-1\n1,2,50,20,30,40,0.8,2,-1,-1\n"


@pytest.fixture
def results(tmp_path):
    """A file of people (0) and a car (2), in a folder of its own."""
    path = tmp_path / "run" / "street.txt"
    path.parent.mkdir()
    path.write_text(ROWS)
    return path


def name(results, names):
    sequences = [{"name": "other", "class_names": {"0": "cat"}}, {"name": "street", "class_names": names}]
    results.with_name("summary.json").write_text(json.dumps({"sequences": sequences}))


def classes(path):
    return [int(line.split(",")[7]) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("to", ["cvat", "cvat-mot", "label-studio"])
def test_names_of_the_summary_go_to_the_tool_and_all_come_back(to, results, tmp_path, caplog, monkeypatch):
    name(results, {"0": "person", "2": "car"})
    if to == "label-studio":  # percentages of a frame
        monkeypatch.setattr("idfree.datasets.footage.Footage.size_at", lambda self, number: (100, 100))
    (labels,) = convert_data(results, to, tmp_path / "tool")
    (back,) = convert_data(labels, "results", tmp_path / "back")
    assert sorted(classes(back)) == [1, 1, 2]
    assert "has no names of classes, only their numbers: 1 person, 2 car" in caplog.text
    assert "left out" not in caplog.text


def test_a_single_class_that_is_numbered_anew_is_said(results, tmp_path, caplog):
    results.write_text(ROWS[: ROWS.rindex("1,2,")])
    (labels,) = convert_data(results, "cvat", tmp_path / "tool")
    (back,) = convert_data(labels, "results", tmp_path / "back")
    assert classes(back) == [1, 1]
    assert "street.txt: has no names of classes, only their numbers: 1 person" in caplog.text


def test_numbers_stay_from_results_to_results(results, tmp_path, caplog):
    name(results, {"0": "person", "2": "car"})
    (copy,) = convert_data(results, "results", tmp_path / "copy")
    assert sorted(classes(copy)) == [0, 0, 2]
    assert not caplog.text
    (cars,) = convert_data(results, "results", tmp_path / "cars", set="classes=car")
    assert classes(cars) == [2]


@pytest.mark.parametrize("setting", ["classes=person,car", "data.classes=person,car"])
def test_the_setting_names_classes_without_names(setting, results, tmp_path, caplog):
    (labels,) = convert_data(results, "cvat", tmp_path / "tool", set=setting)
    assert 'label="person"' in labels.read_text()
    assert 'label="car"' in labels.read_text()
    assert "its classes have no names, taken for: 0 person, 2 car" in caplog.text


def test_the_message_names_the_setting_as_it_is_typed(results, tmp_path):
    with pytest.raises(UserError, match=r"no class dog, there are: 0, 2 \(choose with --set data\.classes=…\)"):
        convert_data(results, "cvat", tmp_path / "tool", set="classes=dog")


@pytest.mark.parametrize("text", ["{", "[]", '{"sequences": [{"name": "street", "class_names": 3}]}'])
def test_a_summary_of_something_else_has_no_names(text, results):
    results.with_name("summary.json").write_text(text)
    assert read_class_names(results) == {}


def test_a_damaged_summary_gives_a_warning(results, caplog):
    results.with_name("summary.json").write_text("{")
    assert read_class_names(results) == {}
    assert "no class names are read from it" in caplog.text
