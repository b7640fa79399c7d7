"""`idfree demo` and `idfree version`."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

import idfree
from idfree.cli import main
from idfree.pipelines import demo
from idfree.sequences.motchallenge import read_results
from idfree.synthetic.scene import make_street


def test_demo(tmp_path, capsys):
    command = ["demo", "-o", str(tmp_path), "--frames", "30", "--people", "8", "--seed", "1"]
    assert main(command) == 0
    told = capsys.readouterr().out
    for name in ("street.mp4", "street.png", "street.txt", "street.html"):
        assert str(tmp_path / name) in told
        assert (tmp_path / name).stat().st_size > 0
    assert cv2.imread(str(tmp_path / "street.png")).shape == (540 + 6 + 540, 960, 3)  # before above after
    assert "offline also fills in boxes that the detector missed; perfect association has the detected ones" in told
    assert f"idfree eval {tmp_path / 'street.txt'} {tmp_path / 'truth' / 'street'}" in told
    assert "  not evaluated: 2 of 8 people, in no frame visible by 25 %\n" in told
    first = (tmp_path / "street.txt").read_bytes()
    assert len(read_results(tmp_path / "street.txt")) > 30
    assert main([*command, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["metrics"]
    best = figures["same boxes, perfect association"]
    assert best["IDSW"] == 0
    assert best["IDF1"] > figures["motion alone (sort)"]["IDF1"]
    assert all(0.2 < each["HOTA"] <= 1 for each in figures.values())
    assert (tmp_path / "street.txt").read_bytes() == first  # same seed, same result
    assert main(["eval", str(tmp_path / "street.txt"), str(tmp_path / "truth" / "street"), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["street"]
    assert again["MT"] + again["PT"] + again["ML"] == 8 - 2
    for name in ("HOTA", "MOTA", "IDF1", "CLR_FP", "CLR_FN"):
        assert again[name] == pytest.approx(figures["colour, offline"][name], abs=1e-3)  # boxes are written in 0.01 px


def test_people_who_are_hidden_throughout_are_counted():
    street = make_street(0, 3, 4)
    visibility = np.where(street.truth.id == 1, 0.2, np.where(street.truth.frame == 2, 0.3, 0.1))
    assert demo.count_hidden(replace(street, truth=replace(street.truth, visibility=visibility))) == 1


def test_the_picture_says_how_many_tracks_there_are(tmp_path, monkeypatch):
    """Not how many ids: they are numbers drawn beside the boxes, which are larger if tracks were dropped."""
    headings = []
    monkeypatch.setattr(demo, "draw_heading", lambda canvas, text, height: headings.append(text))
    street = make_street(0, 2, 3)
    tracks = replace(street.truth, id=street.truth.id + 90)
    demo.draw_before_and_after(street, tracks, tracks)
    assert [text.endswith(": 2 tracks of 2 people") for text in headings] == [True, True]


def test_version(capsys):
    assert main(["version"]) == 0
    assert capsys.readouterr().out.startswith(f"idfree {idfree.__version__}\n")
