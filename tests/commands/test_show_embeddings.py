"""`idfree show embeddings`: plots and statistics; its options are refused for `idfree show RESULTS SOURCE`."""

import json

import cv2
import numpy as np
import pytest

from idfree.cli import main

LENGTH, PEOPLE = 8, 3


@pytest.fixture
def street(tmp_path):
    """street/gt/gt.txt and features/street.npy: three people with distinct embeddings, one false box a frame."""
    random = np.random.default_rng(0)
    truth, rows = [], []
    for frame in range(1, LENGTH + 1):
        for person in range(PEOPLE):
            box = (40 * person + frame, 10, 20, 50)
            truth.append(",".join(map(str, (frame, person + 1, *box, 1, 1, 1))))
            rows.append([frame, -1, *box, 0.9, *(np.eye(4)[person] + 0.1 * random.normal(size=4))])
        rows.append([frame, -1, 200, 10, 20, 50, 0.9, *random.normal(size=4)])
    (tmp_path / "street" / "gt").mkdir(parents=True)
    (tmp_path / "street" / "gt" / "gt.txt").write_text("\n".join(truth) + "\n")
    (tmp_path / "features").mkdir()
    np.save(tmp_path / "features" / "street.npy", np.array(rows))
    return tmp_path


def test_plots_and_statistics(street, capsys):
    words = ["show", "embeddings", str(street / "features"), str(street / "street"), "-o", str(street / "out")]
    assert main([*words, "--gap", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["street"]
    assert (told["people"], told["crops"], told["R1"], told["matched"]) == (PEOPLE, PEOPLE * LENGTH, 1, 1)
    assert told["frames"] == [1, 4]
    assert told["similarity_same"] > 0.9 > 0.2 > told["similarity_other"]
    assert set(told["plots"]) == {"tsne", "distances", "matrix"}
    assert all(cv2.imread(path) is not None for path in told["plots"].values())
    assert main([*words, "--points", "4", "--half", "val"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("street: TPR@0.1 1.000")
    assert f"crops {PEOPLE * 3}" in said


@pytest.mark.parametrize(
    ("words", "mistake"),
    [
        ("show embeddings features street --points 0", "--points 0"),
        ("show embeddings features/nothing.npy street", "nothing.npy"),
        ("show results.txt features street", "expected show RESULTS SOURCE"),
        ("show results.txt street --half val", "--half: only for"),
        ("show results.txt street --points 9 --images street", "--points --images: only for"),
    ],
)
def test_mistakes(street, words, mistake, capsys, monkeypatch):
    monkeypatch.chdir(street)
    assert main(words.split()) == 2
    assert mistake in capsys.readouterr().err


def test_no_box_has_an_identity(street, capsys):
    file = street / "features" / "street.npy"
    np.save(file, np.load(file)[3::4])  # false boxes alone
    assert main(["show", "embeddings", str(file), str(street / "street")]) == 2
    assert "street: none of 8 boxes is somebody of whom the truth tells" in capsys.readouterr().err
