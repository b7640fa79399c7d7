"""Evaluation called from Python."""

import json

import pytest

import idfree
from idfree.cli import main
from idfree.core.errors import UserError
from idfree.pipelines.evaluate import evaluate, evaluate_detection
from idfree.pipelines.evaluate_appearance import evaluate_appearance
from idfree.sequences.motchallenge import read_results
from idfree.sequences.table_writer import write_table

ROWS = "".join(f"{frame},1,{frame},0,20,50,1,1,1\n" for frame in range(1, 11))


@pytest.fixture
def folder(tmp_path):
    """truth/one/gt/gt.txt and results/one.txt, which is perfect but for a missed last frame."""
    (tmp_path / "truth" / "one" / "gt").mkdir(parents=True)
    (tmp_path / "truth" / "one" / "gt" / "gt.txt").write_text(ROWS)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "one.txt").write_text("".join(ROWS.splitlines(keepends=True)[:-1]))
    return tmp_path


def test_same_as_the_command(folder, capsys):
    results, truth = folder / "results", folder / "truth"
    for options, arguments in (((), {}), (("--half", "val", "--every", "2"), {"half": "val", "every": 2})):
        capsys.readouterr()
        assert main(["eval", str(results), str(truth), "--json", *options]) == 0
        assert evaluate(str(results), truth, **arguments) == json.loads(capsys.readouterr().out)
    assert idfree.evaluate is evaluate
    assert list(evaluate(results, truth)) == ["one", "COMBINED"]
    assert evaluate(results, truth)["one"]["MOTA"] == pytest.approx(0.9)


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_tables_of_results(folder, suffix):
    """A file in any format of `track --format` scores as the text; in a folder, csv and parquet are found."""
    expected = evaluate(folder / "results", folder / "truth")["one"]
    tables = folder / "tables"
    tables.mkdir()
    write_table(tables / f"one{suffix}", read_results(folder / "results" / "one.txt"), suffix[1:], {})
    for results in (tables / f"one{suffix}", *([tables] if suffix != ".json" else [])):
        assert evaluate(results, folder / "truth")["one"] == pytest.approx(expected, nan_ok=True)


def test_detections(folder):
    metrics = evaluate_detection(folder / "results", folder / "truth")
    assert metrics["one"]["GT"] == 10
    assert metrics["one"]["TP"] == 9


def test_results_of_the_first_frames(folder, caplog):
    """Frames after those that were tracked count as missed, which is said; `frames` leaves them out."""
    (folder / "results" / "one.txt").write_text("".join(ROWS.splitlines(keepends=True)[:4]))
    assert evaluate(folder / "results", folder / "truth")["one"]["CLR_FN"] == 6
    assert "no box after frame 4 of 10: the 6 true boxes there count as missed (--frames 4" in caplog.text
    caplog.clear()
    metrics = evaluate(folder / "results", folder / "truth", frames=4)["one"]
    assert (metrics["CLR_FN"], metrics["HOTA"]) == (0, 1)
    assert evaluate_detection(folder / "results", folder / "truth", frames=5)["one"]["GT"] == 5
    assert not caplog.text
    with pytest.raises(UserError, match="--frames 0: expected 1 or more"):
        evaluate(folder / "results", folder / "truth", frames=0)


@pytest.mark.parametrize("every", [0, -2])
def test_errors(folder, every):
    for score in (evaluate, evaluate_detection, evaluate_appearance):
        with pytest.raises(UserError, match=f"--every {every}: expected 1 or more"):
            score(folder / "results", folder / "truth", every=every)
    with pytest.raises(UserError, match="no such file"):
        evaluate(folder / "nothing", folder / "truth")


@pytest.mark.parametrize("min_iou", [0, -1, 1.5, float("nan")])
def test_an_overlap_that_cannot_be(folder, min_iou):
    with pytest.raises(UserError, match=r"--min-iou .*: expected more than 0 and at most 1"):
        evaluate_detection(folder / "results", folder / "truth", min_iou=min_iou)


def test_one_file_is_scored_against_the_sequence_of_its_name_alone(folder, caplog):
    other = folder / "truth" / "two" / "gt"
    other.mkdir(parents=True)
    (other / "gt.txt").write_text(ROWS)
    file = folder / "results" / "one.txt"
    alone = evaluate(file, folder / "truth")
    assert list(alone) == ["one", "COMBINED"]
    assert alone["COMBINED"]["MOTA"] == pytest.approx(0.9)
    assert "one.txt: one file: scored against one alone, of 2 sequences" in caplog.text
    assert "missed" not in caplog.text
    named_otherwise = file.rename(file.with_name("tracks.txt"))
    with pytest.raises(UserError, match=r"has 2 sequences \(one, two\), none called tracks; expected a folder"):
        evaluate(named_otherwise, folder / "truth")
    assert list(evaluate(named_otherwise, folder / "truth" / "one")) == ["one", "COMBINED"]


def test_a_folder_above_the_results_is_told_which_one_fits(folder):
    (folder / "runs" / "other").mkdir(parents=True)
    (folder / "results").rename(folder / "runs" / "mine")
    with pytest.raises(UserError, match=r"nothing for any of the sequences .*one.txt … Did you mean .*runs/mine\?"):
        evaluate(folder / "runs", folder / "truth")


def test_one_sequence_is_printed_once(folder, capsys):
    assert main(["eval", str(folder / "results"), str(folder / "truth")]) == 0
    assert "COMBINED" not in capsys.readouterr().out
    assert main(["eval", str(folder / "results"), str(folder / "truth"), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"one", "COMBINED"}
