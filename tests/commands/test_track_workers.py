"""`idfree track A B C --workers N`: the same results as by one process, whatever happens to some of the sequences."""

import json
import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from idfree.cli import main
from idfree.core.types import Sequence
from idfree.pipelines.tracking import track_tasks
from idfree.show.video_writer import VideoWriter

NAMES = ("one", "two", "three")
UNLIKE = ("seconds", "frames_per_second", "request")


@pytest.fixture(autouse=True)
def quiet_log():
    yield
    logging.getLogger().handlers.clear()  # the command line logs to this test's stderr, which is about to close


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """films/NAME.mp4 and boxes/NAME.txt."""
    for folder in ("films", "boxes"):
        (tmp_path / folder).mkdir()
    for shift, name in enumerate(NAMES, start=1):
        film(tmp_path / "films" / f"{name}.mp4", frames=12)
        rows = (f"{n},-1,{10 + shift * n},20,30,60,0.9\n{n},-1,{110 - n},20,30,60,0.8\n" for n in range(1, 13))
        (tmp_path / "boxes" / f"{name}.txt").write_text("".join(rows))
    return tmp_path


def film(path: Path, frames: int) -> Path:
    texture = np.random.default_rng(0).integers(0, 255, (96, 200, 3), dtype=np.uint8)
    with VideoWriter(path, 25, (96, 160)) as writer:
        for n in range(frames):
            writer.write(np.ascontiguousarray(texture[:, n % 40 : n % 40 + 160]))
    return path


def track(films: Path, out: str, *options: str) -> int:
    command = ["track", str(films / "films"), "--detector", str(films / "boxes"), "-o", str(films / out)]
    return main([*command, *options])


def contents(folder: Path) -> dict[str, object]:
    """The files of a folder: bytes; of the summary, all but measured times."""
    found: dict[str, object] = {path.name: path.read_bytes() for path in folder.iterdir()}
    summary = json.loads(found.pop("summary.json"))
    sequences = [{k: v for k, v in each.items() if k not in UNLIKE} for each in summary.pop("sequences")]
    return {**found, **summary, "sequences": sequences}


@pytest.mark.parametrize(
    "options", [["--video", "--camera", "flow"], ["--format=csv"], ["--format=json"], ["--format=parquet"]]
)
def test_results_are_those_of_one_process(films, options, capsys):
    if "--format=parquet" in options:
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    assert track(films, "alone", *options) == 0
    told = capsys.readouterr().out.replace("alone", "many")
    for motion in (films / "films").glob("*.camera-flow.txt"):
        motion.unlink()
    assert track(films, "many", "--workers", "2", *options) == 0
    alone, many = contents(films / "alone"), contents(films / "many")
    assert many == alone
    assert many["complete"] is True
    assert [each["name"] for each in many["sequences"]] == sorted(NAMES)
    counts = [
        sorted(line.partition(" frames")[0] for line in text.splitlines()) for text in (told, capsys.readouterr().out)
    ]
    assert counts[0] == counts[1]
    assert sum(" boxes in " in line for line in counts[0]) == 3


def test_what_is_complete_is_skipped(films):
    def skipped(*options: str) -> list[bool]:
        assert track(films, "out", "-q", *options) == 0
        return [each["skipped"] for each in json.loads((films / "out/summary.json").read_text())["sequences"]]

    assert skipped("--workers", "2") == [False] * 3
    assert skipped("--workers", "2") == [True] * 3
    assert skipped() == [True] * 3
    (films / "out/three.txt").unlink()
    assert skipped("--workers", "2") == [name != "three" for name in sorted(NAMES)]
    assert (films / "out/three.txt").is_file()


def test_one_that_fails_does_not_stop_the_others(films, capsys):
    right = (films / "boxes/three.txt").read_text()
    (films / "boxes/three.txt").write_text("1,-1,10,20,thirty,60,0.9\n")
    assert track(films, "out", "-q", "--workers", "2") == 2
    err = capsys.readouterr().err
    assert "idfree: 1 of 3 sequences could not be tracked: " in err
    assert "three.txt line 1" in err
    assert {path.name for path in (films / "out").iterdir()} == {"one.txt", "two.txt", "summary.json"}
    summary = json.loads((films / "out/summary.json").read_text())
    assert (summary["complete"], [each["complete"] for each in summary["sequences"]]) == (False, [True, True])
    (films / "boxes/three.txt").write_text(right)
    assert track(films, "out", "-q", "--workers", "2") == 0
    assert track(films, "alone", "-q") == 0
    assert [(films / out / "three.txt").read_bytes() for out in ("out", "alone")].count(b"") == 0
    assert (films / "out/three.txt").read_bytes() == (films / "alone/three.txt").read_bytes()


def test_cameras_and_windows_are_refused(films, capsys, monkeypatch):
    assert track(films, "out", "--workers", "2", "--show") == 2
    assert "other processes have no window" in capsys.readouterr().err
    assert track(films, "out", "--workers", "0") == 2
    assert "--workers 0: expected 1 or more" in capsys.readouterr().err
    monkeypatch.setattr(track_tasks, "open_source", lambda source: [Sequence("camera0", lambda: iter(()))])
    assert main(["track", "0", "--workers", "2", "-o", str(films / "out")]) == 2
    assert "--workers 2: camera0 is a camera, an address or a pipe" in capsys.readouterr().err
    assert not (films / "out").exists()


def test_a_cluster_does_it_too(films, cluster):
    assert track(films, "alone", "-q") == 0
    assert track(films, "many", "-q", "--dask", cluster) == 0
    assert contents(films / "many") == contents(films / "alone")


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_workers_keep_what_was_tracked_and_end(tmp_path, sent, status):
    (tmp_path / "films").mkdir()
    for name in ("one", "two"):
        film(tmp_path / "films" / f"{name}.mp4", frames=600)
    out = tmp_path / "out"
    command = ["track", str(tmp_path / "films"), "--workers", "2", "-o", str(out)]
    with subprocess.Popen([sys.executable, "-m", "idfree", *command], stderr=subprocess.PIPE, text=True) as process:
        partial = [out / f"{name}.txt.partial" for name in ("one", "two")]
        deadline = time.monotonic() + 300
        while not all(path.is_file() for path in partial) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(sent)
        _, err = process.communicate(timeout=300)
    assert process.returncode == status
    assert "idfree: interrupted: 0 of 2 sequences are tracked and kept" in err
    assert "Traceback" not in err
    summary = json.loads((out / "summary.json").read_text()) if (out / "summary.json").exists() else {"sequences": []}
    listed = {each["name"] for each in summary["sequences"]}
    assert not any(each["complete"] for each in summary["sequences"])
    assert {path.stem for path in out.glob("*.txt")} == listed  # what is there, is marked incomplete
    assert not list(out.glob("*.partial"))
