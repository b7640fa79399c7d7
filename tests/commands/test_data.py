"""`idfree data check` and `convert`, run as commands."""

import json
import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest

from idfree.cli import main
from idfree.commands.data_check import make_table
from idfree.pipelines.check_data import check_data
from idfree.show.tables import to_text

PERSON = {"tag": "person", "fbox": [1, 2, 10, 20], "extra": {"ignore": 0}}


@pytest.fixture(autouse=True)
def quiet_log():
    yield
    logging.getLogger().handlers.clear()


@pytest.fixture
def crowd(tmp_path):
    """CrowdHuman labels of 14 images with a person each; only the first image exists."""
    (tmp_path / "Images").mkdir()
    cv2.imwrite(str(tmp_path / "Images" / "p0.jpg"), np.zeros((48, 64, 3), np.uint8))
    lines = [json.dumps({"ID": f"p{k}", "gtboxes": [PERSON]}) for k in range(14)]
    path = tmp_path / "crowd.odgt"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def street(tmp_path):
    """A MOTChallenge sequence of two frames with images and two people."""
    home = tmp_path / "street"
    (home / "gt").mkdir(parents=True)
    (home / "img1").mkdir()
    (home / "gt" / "gt.txt").write_text("".join(f"{f},{i},{9 * i},5,8,20,1,1,1\n" for f in (1, 2) for i in (1, 2)))
    for number in (1, 2):
        cv2.imwrite(str(home / "img1" / f"{number:06d}.png"), np.zeros((48, 64, 3), np.uint8))
    return home


def test_check_as_a_table(crowd, street, capsys):
    assert main(["data", "check", str(crowd), str(street)]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines() if line.strip(" ─")]
    assert lines[0][:4] == ["Source", "Kind", "images", "boxes"]
    assert lines[1][:4] == ["crowd", "stills", "14", "14"]
    assert lines[2][:6] == ["street", "video", "2", "4", "0", "2"]
    assert "\ncrowd: for clmot, outrack, centertrack, tdt, fasterrcnn; 9 of 10 boxes are " in out
    assert " px high; 13 missing images\n" in out
    methods = "fairmot, clmot, outrack, centertrack, tdt, fasterrcnn, simplereid"
    assert f"\nstreet: for {methods}; 9 of 10 boxes are 20 to 20 px high\n" in out
    assert "p1.jpg: there is no such image" in out
    assert "… and 3 more like these (--json lists all)" in out


def test_the_table_fits_80_characters(crowd):
    report = check_data(crowd).sources[0]
    wide = replace(report, name="MOT17-02-FRCNN", statistics=dict.fromkeys(report.statistics, 99_999))
    assert max(map(len, to_text(make_table([wide])).splitlines())) <= 80


def test_check_as_json(crowd, street, capsys):
    with crowd.open("a") as file:
        file.write('\n{"ID": ')
    assert main(["data", "check", str(crowd), str(street), "--json", "-q", "--half", "train"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("idfree: 1 part of the data cannot be read, as listed: `idfree train` and")
    report = json.loads(said.out)
    assert [source["name"] for source in report["sources"]] == ["crowd", "street"]
    assert report["sources"][0]["statistics"]["missing"] == len(report["sources"][0]["warnings"]) == 13
    assert report["sources"][1]["warnings"] == []
    assert len(report["faults"]) == 1
    assert "crowd.odgt line 15: is not JSON" in report["faults"][0]


def test_check_of_labels_that_cannot_be_read_at_all(street, capsys):
    (street / "gt" / "gt.txt").write_text("1,2,3\n")
    for more in ([], ["--json"]):
        assert main(["data", "check", str(street), *more]) == 2
        said = capsys.readouterr()
        assert "gt.txt line 1: 3 columns, expected 9" in said.err
        assert not said.out


def test_check_tells_of_sources_that_cannot_be_read_and_reports_on_the_others(crowd, street, tmp_path, capsys):
    """A missing path, a file of no known format, and one sequence of a folder with two."""
    (tmp_path / "notes.xyz").write_text("no labels\n")
    broken = tmp_path / "set" / "broken" / "gt" / "gt.txt"
    broken.parent.mkdir(parents=True)
    broken.write_text("1,2,3\n")
    street.rename(tmp_path / "set" / "street")
    sources = [tmp_path / "none", tmp_path / "notes.xyz", tmp_path / "set", crowd]
    assert main(["data", "check", *map(str, sources)]) == 2
    out, err = capsys.readouterr()
    for said in (
        "no such file or folder",
        "notes.xyz",
        "gt.txt line 1: 3 columns",
        "\nstreet: for ",
    ):
        assert said in out
    assert "\ncrowd: for " in out
    assert "3 parts of the data cannot be read" in err
    assert main(["data", "check", *map(str, sources[:2])]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "no such file or folder" in err
    assert "(faults: 2, this is the first)" in err


def test_settings_of_the_labels(street, capsys):
    (street / "gt" / "gt.txt").write_text("1,1,5,5,10,20,1,1,0.2\n1,2,5,5,10,20,1,1,0.8\n")
    assert main(["data", "check", str(street), "--json", "--set", "min_visibility=0.5"]) == 0
    statistics = json.loads(capsys.readouterr().out)["sources"][0]["statistics"]
    assert (statistics["boxes"], statistics["ignored"]) == (1, 1)
    assert main(["data", "check", str(street), "--set", "min_visibility=2"]) == 2
    assert "min_visibility=2.0 must lie in 0…1" in capsys.readouterr().err


def test_convert(street, tmp_path, capsys):
    assert main(["data", "convert", str(street), "--to", "jde", "-o", str(tmp_path / "out"), "--json"]) == 0
    (path,) = json.loads(capsys.readouterr().out)["written"]
    assert main(["data", "check", path, "--json"]) == 0
    (source,) = json.loads(capsys.readouterr().out)["sources"]
    assert (source["name"], source["kind"], source["statistics"]["boxes"]) == ("street", "video", 4)
    assert main(["data", "convert", path, "--to", "mot", "-o", str(tmp_path / "back")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "back" / "street")
    assert (tmp_path / "back" / "street" / "gt" / "gt.txt").read_text() == (
        street / "gt" / "gt.txt"
    ).read_text().replace(",5,8,20,", ".00,5.00,8.00,20.00,")


def test_user_errors(street, crowd, tmp_path, capsys):
    for arguments, message in (
        (["check", tmp_path / "none"], "no such file or folder"),
        (["convert", street, "--to", "coco", "-o", tmp_path], "convert into another folder"),
        (["convert", crowd, "--to", "voc", "-o", tmp_path / "out"], "cannot read the image"),
        (["check", street, "--set", "box=full"], "has no setting 'box'"),
    ):
        assert main(["data", *map(str, arguments)]) == 2
        out, err = capsys.readouterr()
        assert message in err
        assert not out
