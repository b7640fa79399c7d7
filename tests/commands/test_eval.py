"""`idfree eval`, `eval-detections` and `eval-appearance` from the command line."""

import json
import logging
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from idfree.appearance import open_encoder
from idfree.cli import main
from idfree.core.boxes import xyxy_to_xywh
from idfree.datasets.submission import MOT20
from idfree.sequences.motchallenge import read_ground_truth, write_ground_truth
from idfree.synthetic.scene import make_street


@pytest.fixture(autouse=True)
def quiet_log():
    yield
    logging.getLogger().handlers.clear()


def rows(frames: range, *walkers: tuple[int, float, float]) -> str:
    """Boxes of 20×50 that walk right by a pixel a frame: id, x, y of each."""
    return "".join(f"{f},{i},{x + f},{y},20,50,1,1,1\n" for f in frames for i, x, y in walkers)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Two sequences: "one" with two walkers in ten frames, "two" with one in six."""
    for name, length, text in (
        ("one", 10, rows(range(1, 11), (1, 0, 0), (2, 100, 0))),
        ("two", 6, rows(range(1, 7), (5, 50, 50))),
    ):
        home = tmp_path / "truth" / name
        (home / "gt").mkdir(parents=True)
        (home / "gt" / "gt.txt").write_text(text)
        (home / "seqinfo.ini").write_text(f"[Sequence]\nname={name}\nframeRate=10\nseqLength={length}\n")
    return tmp_path / "truth"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """In "one" the second walker changes its identity in frame 6; "two" is perfect."""
    folder = tmp_path / "results"
    folder.mkdir()
    second = rows(range(1, 6), (2, 100, 0)) + rows(range(6, 11), (3, 100, 0))
    (folder / "one.txt").write_text(rows(range(1, 11), (1, 0, 0)) + second)
    (folder / "two.txt").write_text(rows(range(1, 7), (9, 50, 50)))
    return folder


def scored(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    capsys.readouterr()
    assert main(["eval", *(str(a) for a in arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def message(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert main([str(a) for a in arguments]) == 2
    return capsys.readouterr().err


def test_metrics_by_hand(results, truth, capsys):
    figures = scored(capsys, results, truth)
    assert list(figures) == ["one", "two", "COMBINED"]
    assert figures["one"]["IDSW"] == 1
    assert figures["one"]["MOTA"] == pytest.approx(1 - 1 / 20)
    assert figures["one"]["IDF1"] == pytest.approx(2 * 15 / 40)
    assert figures["two"]["HOTA"] == pytest.approx(1)
    assert figures["COMBINED"]["MOTA"] == pytest.approx(1 - 1 / 26)
    assert figures["COMBINED"]["CLR_TP"] == 26


def test_table_in_the_terminal(results, truth, capsys):
    assert main(["eval", str(results), str(truth), "--metrics", "MOTA,idsw,HOTA"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip(" ─")]
    assert lines[0] == ["Sequence", "MOTA", "IDSW", "HOTA"]
    assert lines[1][:3] == ["one", "95.0", "1"]
    assert lines[-1][0] == "COMBINED"


@pytest.mark.parametrize(("style", "sign"), [("csv", "one,"), ("markdown", "| one |"), ("latex", r"\toprule")])
def test_table_formats(results, truth, capsys, style, sign):
    assert main(["eval", str(results), str(truth), f"--{style}"]) == 0
    assert sign in capsys.readouterr().out


def test_side_by_side(results, truth, tmp_path, capsys):
    better = tmp_path / "better"
    better.mkdir()
    for name in ("one", "two"):
        (better / f"{name}.txt").write_text((truth / name / "gt" / "gt.txt").read_text())
    figures = scored(capsys, results, better, truth)
    assert list(figures) == ["results", "better"]
    assert figures["better"]["COMBINED"]["HOTA"] == pytest.approx(1)
    assert main(["eval", str(results), str(better), str(truth), "--markdown", "--metrics", "IDSW"]) == 0
    assert "| better | **0** |" in capsys.readouterr().out


def test_halves(results, truth, capsys):
    """Of ten frames, six train and four validate; the switch in frame 6 falls into the first half."""
    train, val = (scored(capsys, results, truth, "--half", half) for half in ("train", "val"))
    assert (train["one"]["GT_Dets"], val["one"]["GT_Dets"]) == (12, 8)
    assert (train["one"]["IDSW"], val["one"]["IDSW"]) == (1, 0)
    assert val["one"]["IDs"] == 2


def test_every_nth_frame(results, truth, capsys):
    assert scored(capsys, results, truth, "--every", "3")["one"]["GT_Dets"] == 2 * 4


def test_the_images_win_over_a_length_that_is_too_short(results, truth, capsys):
    folder = truth / "one"
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=one\nframeRate=10\nseqLength=4\n")
    assert main(["eval", str(results), str(truth)]) == 2
    assert "frame 5 lies outside the sequence, whose frames are 1 to 4" in capsys.readouterr().err
    (folder / "img1").mkdir()
    for number in range(1, 11):
        cv2.imwrite(str(folder / "img1" / f"{number:06d}.png"), np.zeros((50, 200, 3), np.uint8))
    assert main(["eval", str(results), str(truth), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["one"]["Frames"] == 10
    assert "is of other images: it says 4 frames, there are 10 images; frames 1 to 10 are taken" in said.err


def test_classes_numbered_differently_are_told(results, truth, capsys):
    text = "".join(rows(range(1, 11), (i, x, 0)).replace(",1,1\n", f",{i},1\n") for i, x in ((1, 0), (2, 100)))
    (truth / "one" / "gt" / "gt.txt").write_text(text)
    (results / "one.txt").write_text(
        text.replace(",1,1\n", ",0,1\n").replace(",2,1\n", ",1,1\n").replace(",1\n", ",-1,-1\n")
    )
    assert main(["eval", str(results / "one.txt"), str(truth / "one"), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["one"]["HOTA"] == 0
    assert "of the classes, only the truth has 2, only the results have 0: are they numbered differently?" in said.err


def test_one_file_against_one_truth(results, truth, capsys):
    figures = scored(capsys, results / "two.txt", truth / "two" / "gt" / "gt.txt")
    assert figures["COMBINED"]["MOTA"] == 1


def test_missing_results_are_misses_and_unused_files_are_reported(results, truth, capsys):
    (results / "two.txt").rename(results / "three.txt")
    assert main(["eval", str(results), str(truth), "--json"]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)
    assert figures["two"]["CLR_FN"] == 6
    assert figures["COMBINED"]["CLR_FN"] == 6
    assert "nothing for two: all of it is missed" in err
    assert "no such sequence: three.txt" in err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,1,0,0,20,50,1\n1,1,9,0,20,50,1\n", "one.txt: frame 1: id 1 appears 2 times"),
        ("11,1,0,0,20,50,1\n", "one.txt: frame 11 lies outside the sequence, whose frames are 1 to 10"),
        ("1,1,0,0,20,50,1\n2 1 0 0 20 50 1\n", "one.txt line 2"),
        ("1,1,0,0\n", "one.txt line 1: 4 columns"),
        ("1.5,1,0,0,20,50,1\n", "one.txt line 1"),
    ],
)
def test_bad_results(results, truth, capsys, text, expected):
    (results / "one.txt").write_text(text)
    assert expected in message(capsys, "eval", results, truth)


def test_accepted_irregularities(results, truth, capsys):
    """A byte order mark, Windows line ends, rows in any order, an empty file."""
    straight = scored(capsys, results, truth)
    lines = (results / "one.txt").read_text().splitlines()
    (results / "one.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(reversed(lines)).encode() + b"\r\n\r\n")
    assert scored(capsys, results, truth) == straight
    (results / "one.txt").write_text("")
    assert scored(capsys, results, truth)["one"]["CLR_FN"] == 20


def test_invalid_arguments(results, truth, tmp_path, capsys):
    assert "no such file" in message(capsys, "eval", tmp_path / "nothing", truth)
    assert "no such folder" in message(capsys, "eval", results, tmp_path / "nothing")
    assert "expected one.txt, two.txt" in message(capsys, "eval", truth, truth)
    assert "--metrics HATO: there are HOTA, DetA" in message(capsys, "eval", results, truth, "--metrics", "HATO")
    assert "--every 0" in message(capsys, "eval", results, truth, "--every", "0")


def test_results_numbered_from_the_half(results, truth, capsys):
    (results / "one.txt").write_text(rows(range(1, 5), (1, 6, 0), (2, 106, 0)))
    assert "no box in the val half of one" in message(capsys, "eval", results, truth, "--half", "val")


def test_detections(results, truth, capsys):
    capsys.readouterr()
    assert main(["eval-detections", str(results), str(truth), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["COMBINED"]["AP"] == pytest.approx(1)
    assert figures["COMBINED"]["GT"] == 26
    assert main(["eval-detections", str(results), str(truth), "--half", "val", "--csv"]) == 0
    assert capsys.readouterr().out.count("\n") == 4


def test_appearance(truth, tmp_path, capsys):
    """Embeddings that separate the two walkers perfectly."""
    gt = np.loadtxt(truth / "one" / "gt" / "gt.txt", delimiter=",")
    look = np.where(gt[:, 1:2] == 1, [[1.0, 0.1]], [[0.1, 1.0]])
    (tmp_path / "features").mkdir()
    np.save(tmp_path / "features" / "one.npy", np.hstack([gt[:, :1], -np.ones((len(gt), 1)), gt[:, 2:7], look]))
    capsys.readouterr()
    assert main(["eval-appearance", str(tmp_path / "features"), str(truth), "--json"]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)
    assert list(figures) == ["one"]
    assert figures["one"]["TPR@0.1"] == figures["one"]["R1"] == figures["one"]["mAP"] == 1
    assert "nothing for two: left out" in err


def test_pack(tmp_path, capsys):
    folder = tmp_path / "mot20"
    folder.mkdir()
    for name in MOT20:
        (folder / f"MOT20-{name}.txt").write_text("1,1,5,5,10,20,1,-1,-1,-1\n")
    assert main(["data", "pack", str(folder)]) == 0
    assert "8 files" in capsys.readouterr().out
    assert len(zipfile.ZipFile(tmp_path / "mot20.zip").namelist()) == 8
    (folder / "MOT20-04.txt").write_text("0,1,5,5,10,20,1,-1,-1,-1\n")
    assert "MOT20-04.txt" in message(capsys, "data", "pack", folder)


@pytest.mark.parametrize("cut", [[], ["--every", "3"], ["--half", "val"]])
def test_appearance_of_a_model_on_ground_truth_boxes(tmp_path, capsys, cut):
    """The colour histogram on a synthetic street: the same metrics as from precomputed embeddings."""
    made = make_street(3, people=10, frames=30, size_hw=(240, 426))
    home = tmp_path / "sets" / "street"
    (home / "gt").mkdir(parents=True)
    write_ground_truth(home / "gt" / "gt.txt", made.truth)
    (home / "seqinfo.ini").write_text("[Sequence]\nname=street\nframeRate=20\nseqLength=30\n")
    (home / "img1").mkdir()
    truth, encoder = read_ground_truth(home / "gt" / "gt.txt"), open_encoder("colour")
    look = np.zeros((len(truth), encoder.dimension), dtype=np.float32)
    for frame in made.sequence:
        cv2.imwrite(str(home / "img1" / f"{frame.number:06d}.png"), frame.image)
        rows = truth.rows_at(frame.number)
        look[rows] = encoder(frame.image, truth.xyxy[rows])
    columns = [truth.frame, np.full(len(truth), -1), xyxy_to_xywh(truth.xyxy), truth.score, look]
    np.save(tmp_path / "street.npy", np.column_stack(columns))
    found = []
    for model in ("colour", str(tmp_path / "street.npy")):
        capsys.readouterr()
        assert main(["eval-appearance", model, str(tmp_path / "sets"), "--min-iou", "0.99", "--json", "-q", *cut]) == 0
        found.append(json.loads(capsys.readouterr().out)["street"])
    assert found[0]["crops"] == found[1]["crops"] > 50
    assert found[0]["TPR@0.1"] == pytest.approx(found[1]["TPR@0.1"], abs=1e-6)
    assert found[0]["mAP"] == pytest.approx(found[1]["mAP"], abs=1e-6)
    elsewhere = tmp_path / "pictures" / "street"
    elsewhere.parent.mkdir()
    (home / "img1").rename(elsewhere)
    where = ["--images", str(elsewhere.parent)]
    assert main(["eval-appearance", "colour", str(tmp_path / "sets"), "--json", "-q", *cut, *where]) == 0
    assert json.loads(capsys.readouterr().out)["street"] == found[0]
