"""`idfree tune` and `idfree track --settings`, run as commands."""

import json
import logging
import shutil
import sys
from pathlib import Path

import pytest

from idfree.cli import main
from idfree.commands.tune import advice
from idfree.pipelines import tune
from idfree.pipelines.tuning import settings_search
from idfree.sequences.motchallenge import write_ground_truth, write_results
from idfree.show.tables import ratio_column
from idfree.synthetic.scene import make_street


@pytest.fixture(autouse=True)
def quiet_log():
    yield
    logging.getLogger().handlers.clear()


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two synthetic streets as MOTChallenge folders without images, the first also under another name."""
    folder = tmp_path_factory.mktemp("streets")
    for name, seed in (("one", 0), ("two", 1)):
        made = make_street(seed, people=10, frames=60, size_hw=(270, 480))
        write_ground_truth(folder / name / "gt" / "gt.txt", made.truth)
        write_results(folder / name / "det" / "det.txt", made.detections)
        (folder / name / "seqinfo.ini").write_text(
            f"[Sequence]\nname={name}\nframeRate=20\nseqLength=60\nimWidth=480\nimHeight=270\n"
        )
    shutil.copytree(folder / "one", folder / "one-SDP")
    (folder / "blind" / "det").mkdir(parents=True)
    (folder / "blind" / "det" / "det.txt").write_text("1,-1,10,20,30,60,0.9\n")
    return folder


def tuned(streets: Path, *arguments: object, tracker: str = "sort", trials: int = 8) -> int:
    command = ["tune", streets / "one", "--detector", "det", "--tracker", tracker, "--trials", trials, *arguments]
    return main([str(a) for a in command])


def fails(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    try:
        status = main([str(a) for a in arguments])
    except SystemExit as end:  # argparse
        status = end.code
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert len(err.strip().splitlines()) <= 2
    return err


@pytest.fixture(autouse=True)
def needs_optuna(request: pytest.FixtureRequest):
    if request.node.name != "test_without_optuna":
        pytest.importorskip("optuna", reason="the search needs optuna")


def test_track_with_the_settings_file_has_the_metrics_of_the_search(streets, tmp_path, capsys):
    """Tracks with the settings file, scored by `idfree eval`, have the metrics that the search recorded."""
    path = tmp_path / "made" / "sort.json"
    assert tuned(streets, "-o", path, "--json") == 0
    outcome = json.loads(capsys.readouterr().out)
    record = json.loads(path.read_text())
    assert list(record) == [
        *("tracker", "settings", "tuned_on", "metric", "value", "default_value", "trials"),
        *("seed", "half", "detector", "idfree"),
    ]
    assert (record["tracker"], record["tuned_on"], record["metric"]) == ("sort", ["one"], "HOTA")
    assert (record["trials"], record["seed"]) == (8, 0)
    assert record["value"] > record["default_value"] + 0.02
    assert outcome == {"file": str(path), **record, "metrics": outcome["metrics"]}
    assert outcome["metrics"]["tuned_on"]["tuned"]["HOTA"] == record["value"]
    for options, value in (([], record["default_value"]), (["--settings", path], record["value"])):
        tracker = [] if options else ["--tracker", "sort"]
        command = ["track", streets / "one", "--detector", "det", "-q", *tracker, *options, "-o", tmp_path / "out"]
        assert main([str(a) for a in command]) == 0
        capsys.readouterr()
        assert main(["eval", str(tmp_path / "out"), str(streets / "one"), "--json"]) == 0
        figures = json.loads(capsys.readouterr().out)["COMBINED"]
        assert figures["HOTA"] == pytest.approx(value, abs=1e-9)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())["sequences"][0]
    assert (summary["tracker"], summary["settings"]) == ("Sort", record["settings"])


def test_same_seed_same_file(streets, tmp_path):
    for name in ("a", "b"):
        assert tuned(streets, "-q", "--seed", 5, "-o", tmp_path / name) == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_set_overrides_the_settings_file(streets, tmp_path, capsys):
    """--set overrides the file; --tracker must agree with it."""
    path = tmp_path / "mine.json"
    path.write_text('{"tracker": "sort", "settings": {"patience": 0.25, "min_hits": 1}}')
    command = ["track", streets / "one", "--detector", "det", "-q", "-o", tmp_path / "out", "--settings", path]
    assert main([str(a) for a in (*command, "--set", "patience=0.3", "--tracker", "sort")]) == 0
    settings = json.loads((tmp_path / "out" / "summary.json").read_text())["sequences"][0]["settings"]
    assert (settings["patience"], settings["min_hits"], settings["min_iou"]) == (0.3, 1, 0.3)
    assert f"--tracker iou: {path} is for sort" in fails(capsys, *command, "--tracker", "iou")
    path.write_text('{"tracker": "sort", "settings": {"age": 7}}')
    assert "mine.json: age=7: SortSettings has no setting 'age'" in fails(capsys, *command)


def test_a_table_and_a_warning(streets, tmp_path, capsys):
    assert tuned(streets, "--metric", "idf1", "-o", tmp_path / "a.json") == 0
    out, err = capsys.readouterr()
    assert err == "idfree: this IDF1 is of the sequences it was tuned on: --judge others to see what it is worth\n"
    assert "tuned on one" in out
    assert f"{tmp_path / 'a.json'}: sort with the best IDF1 of 8 trials" in out


@pytest.mark.parametrize(
    ("tuned_on", "judged_on", "expected"),
    [
        ((0.5, 0.5), None, "nothing is gained"),
        ((0.5, 0.6), None, "--judge"),
        ((0.5, 0.6), (0.7, 0.7), "keep those"),
        ((0.5, 0.6), (0.6, 0.7), ""),
    ],
)
def test_the_last_line_says_whether_to_use_the_settings(tuned_on, judged_on, expected):
    parts = {"tuned_on": tuned_on, "judged_on": judged_on}
    metrics = {
        part: {"defaults": {"IDF1": pair[0]}, "tuned": {"IDF1": pair[1]}} for part, pair in parts.items() if pair
    }
    result = tune.TuningResult(Path("a.json"), {}, [], [], metrics, ratio_column("IDF1"))
    assert expected in advice(result)
    assert bool(expected) == bool(advice(result))


def test_judged_on_another_street(streets, tmp_path, capsys):
    path = tmp_path / "a.json"
    assert tuned(streets, "--judge", streets / "two", "-o", path) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert [line.split()[:3] for line in out.splitlines() if " on " in line] == [
        ["tuned", "on", "one"],
        ["judged", "on", "two"],
    ]
    assert tuned(streets, "--judge", streets / "two", "-o", path, "--json") == 0
    judged = json.loads(capsys.readouterr().out)["metrics"]["judged_on"]
    command = ["track", streets / "two", "--detector", "det", "-q", "--settings", path, "-o", tmp_path / "out"]
    assert main([str(a) for a in command]) == 0
    capsys.readouterr()
    assert main(["eval", str(tmp_path / "out"), str(streets / "two"), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["COMBINED"]
    assert judged["tuned"]["IDF1"] == pytest.approx(figures["IDF1"], abs=1e-9)
    assert judged["defaults"]["HOTA"] != judged["tuned"]["HOTA"]


def test_judged_on_the_other_half(streets, tmp_path, capsys):
    arguments = ("--half", "train", "--judge", "half", "-o", tmp_path / "a.json")
    assert tuned(streets, *arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "tuned on one, train half" in out
    assert "judged on one, val half" in out
    assert json.loads((tmp_path / "a.json").read_text())["half"] == "train"
    assert tuned(streets, *arguments, "--json") == 0
    figures = json.loads(capsys.readouterr().out)["metrics"]
    assert [figures[part]["tuned"]["Frames"] for part in ("tuned_on", "judged_on")] == [31, 29]


@pytest.mark.parametrize("judge", ["one", "one-SDP"])
def test_warning_if_judged_on_the_footage_tuned_on(streets, tmp_path, capsys, judge):
    """By its name, one-SDP is the same footage as one."""
    assert tuned(streets, "--judge", streets / judge, "-o", tmp_path / "a.json", trials=2) == 0
    assert capsys.readouterr().err == f"idfree: judged on what it was tuned on, the same footage: {judge}\n"


def test_fixed_settings_stay(streets, tmp_path):
    assert tuned(streets, "-q", "--set", "patience=0.1", "--set", "min_hits=2", "-o", tmp_path / "a.json") == 0
    settings = json.loads((tmp_path / "a.json").read_text())["settings"]
    assert (settings["patience"], settings["min_hits"]) == (0.1, 2)


def test_the_detector_runs_once_per_frame(streets, tmp_path, monkeypatch):
    from idfree.detectors import PrecomputedDetector

    numbers = []
    detect = PrecomputedDetector.__call__
    monkeypatch.setattr(
        PrecomputedDetector, "__call__", lambda self, frame: numbers.append(frame.number) or detect(self, frame)
    )
    assert tuned(streets, "-q", "--half", "train", "--judge", "half", "-o", tmp_path / "a.json", trials=4) == 0
    assert numbers == list(range(1, 61))


def test_interrupted(streets, tmp_path, capsys, monkeypatch):
    """Ctrl-C in the fourth trial: the best settings of the first three are written."""
    measure, times = settings_search.measure, []

    def interrupted(*arguments):
        times.append(1)
        if len(times) == 4:
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(settings_search, "measure", interrupted)
    path = tmp_path / "a.json"
    assert tuned(streets, "--judge", streets / "two", "-o", path) == 130
    assert f"idfree: interrupted: {path} has the best of 3 trials" in capsys.readouterr().err
    assert json.loads(path.read_text())["trials"] == 3
    times[:] = [1] * 3
    assert tuned(streets, "-o", tmp_path / "b.json") == 130
    assert not (tmp_path / "b.json").exists()


def test_user_errors(streets, tmp_path, capsys, monkeypatch):
    """All are reported before the detector runs, which may take an hour."""
    monkeypatch.setattr(tune, "record_detections", None)
    command = ("tune", streets / "one", "--detector", "det", "-o", tmp_path / "a.json", "--trials", 2)
    assert "blind: has no gt/gt.txt" in fails(capsys, "tune", streets / "blind", *command[2:])
    assert "blind: has no gt/gt.txt" in fails(capsys, *command, "--judge", streets / "blind")
    assert "no such file or folder" in fails(capsys, *command, "--judge", streets / "nothing")
    assert "--metric HATO: there are HOTA, DetA" in fails(capsys, *command, "--metric", "HATO")
    assert "--metric PT" in fails(capsys, *command, "--metric", "PT")
    assert "unknown tracker 'best'" in fails(capsys, *command, "--tracker", "best")
    assert "--trials 0" in fails(capsys, *command, "--trials", 0)
    assert "--seed: '-1' is no seed" in fails(capsys, *command, "--seed", -1)
    assert "--judge half: say with --half" in fails(capsys, *command, "--judge", "half")
    assert "has no setting 'age'" in fails(capsys, *command, "--set", "age=1")
    assert "it is a folder" in fails(capsys, *command, "-o", tmp_path)
    assert "required: --detector" in fails(capsys, "tune", streets / "one")
    assert not (tmp_path / "a.json").exists()


def test_without_optuna(streets, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    message = fails(capsys, "tune", streets / "one", "--detector", "det", "-o", tmp_path / "a.json")
    assert "pip install 'idfree[tune]'" in message
