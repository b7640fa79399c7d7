"""`idfree label` from the command line, with valid and invalid input."""

import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from idfree import cli
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_ground_truth
from idfree.show.video_writer import VideoWriter

WALK = [f"{n},-1,{10 + 2 * n},20,30,60,0.9\n{n},-1,{110 - n},20,30,60,0.8\n" for n in range(1, 13)]


@pytest.fixture(autouse=True)
def quiet_log():
    yield
    logging.getLogger().handlers.clear()  # the command line logs to this test's stderr, which is about to close


def run(*arguments: object) -> int:
    return cli.main(["label", *map(str, arguments)])


def film(path: Path, frames: int = 12) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, 25, (96, 160)) as writer:
        for n in range(frames):
            writer.write(np.full((96, 160, 3), 100 + n % 50, np.uint8))
    return path


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Two videos a/one.mp4 and a/two.mp4, and detections for each in boxes/."""
    for name in ("one", "two"):
        film(tmp_path / "a" / f"{name}.mp4")
        (tmp_path / "boxes").mkdir(exist_ok=True)
        (tmp_path / "boxes" / f"{name}.txt").write_text("".join(WALK))
    return tmp_path


def fails(capsys, *arguments: object) -> str:
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("idfree: ")
    return err


def test_a_video_becomes_a_sequence(films, capsys):
    out = films / "out"
    assert run(films / "a" / "one.mp4", "--detector", films / "boxes" / "one.txt", "-o", out) == 0
    told = capsys.readouterr()
    assert "2 tracklets in 1 video" in told.out
    assert told.err == ""
    sequence = open_source(out / "one")[0]
    assert (sequence.name, sequence.length, sequence.frame_rate, sequence.size_hw) == ("one", 12, 25.0, (96, 160))
    assert [frame.number for frame in sequence] == list(range(1, 13))
    assert (out / "one" / "one.mp4").is_symlink()
    truth = read_ground_truth(out / "one" / "gt" / "gt.txt")
    assert set(truth.id.tolist()) == {1, 2}
    assert set(truth.score.tolist()) == set(truth.class_id.tolist()) == {1}
    record = json.loads((out / "one" / "settings.json").read_text())
    assert record["complete"] is True
    assert record["report"]["boxes"] == len(truth)
    assert not list(out.glob("**/*partial*"))


def test_settings_and_scores_matter(films):
    """Of the two walkers, each 60 px high, one has scores of 0.8."""

    def boxes(*more):
        run(films / "a" / "one.mp4", "--detector", films / "boxes" / "one.txt", "-o", films / "out", *more)
        return len(read_ground_truth(films / "out" / "one" / "gt" / "gt.txt"))

    assert boxes() == 24
    assert boxes("--set", "min_score=0.85") == 12
    assert boxes("--set", "min_height=61") == 0
    assert boxes("--every", "2", "--set", "min_boxes=6") == 12
    assert boxes("--start", "2", "--frames", "9") == 18


def test_everybody(films, capsys):
    """Also boxes without a tracklet and uncertain ones; without them, data check refuses the folder for detectors."""
    source, out = films / "boxes" / "one.txt", films / "out"
    source.write_text(source.read_text() + "3,-1,70,20,20,50,0.9\n4,-1,70,20,20,50,0.3\n5,-1,70,20,20,50,0.05\n")
    words = (films / "a" / "one.mp4", "--detector", source, "-o", out)
    told = {}
    for option in ((), ("--everybody",)):
        assert run(*words, *option) == 0
        capsys.readouterr()
        assert cli.main(["data", "check", str(out / "one"), "--json"]) == 0
        (told[option],) = json.loads(capsys.readouterr().out)["sources"]
    assert (told[()]["feeds"], told[()]["statistics"]["boxes"]) == (["simplereid"], 24)
    assert "has boxes of tracklets alone" in told[()]["warnings"][0]
    everybody = told[("--everybody",)]
    assert everybody["feeds"] == ["fairmot", "clmot", "outrack", "centertrack", "tdt", "fasterrcnn", "simplereid"]
    assert [everybody["statistics"][name] for name in ("boxes", "ignored", "identities")] == [25, 1, 2]
    assert not everybody["warnings"]
    assert cli.main(["data", "convert", str(out), "--to", "mot", "-o", str(films / "mot")]) == 0
    assert run(*words, "--force") == 0
    assert cli.main(["data", "convert", str(out), "--to", "mot", "-o", str(films / "some")]) == 0
    assert ["some=1" in (films / name / "one/seqinfo.ini").read_text() for name in ("mot", "some")] == [False, True]


def test_frames_left_out_of_a_video_of_unknown_size(films, capsys, monkeypatch):
    known = open_source
    monkeypatch.setattr(
        "idfree.pipelines.label.open_source", lambda path: [replace(s, size_hw=None) for s in known(path)]
    )
    words = (films / "a" / "one.mp4", "--detector", films / "boxes" / "one.txt", "-o", films / "out", "--everybody")
    assert "its length or size is unknown; expected --everybody for all of its frames" in fails(
        capsys, *words, "--every", 2
    )
    assert run(*words) == 0


def test_many_videos_as_json(films, capsys):
    assert run(films / "a", "--detector", films / "boxes", "-o", films / "out", "--json") == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert list(found["videos"]) == ["one", "two"]
    assert found["failed"] == {}
    assert found["videos"]["one"]["tracklets"] == 2
    assert told.err == ""


def test_finished_work_is_skipped(films, capsys):
    def skipped(*more):
        run(films / "a", "--detector", films / "boxes", "-o", films / "out", "--json", *more)
        return [report["skipped"] for report in json.loads(capsys.readouterr().out)["videos"].values()]

    assert skipped() == [False, False]
    written = (films / "out" / "one" / "gt" / "gt.txt").stat().st_mtime_ns
    assert skipped() == [True, True]
    assert (films / "out" / "one" / "gt" / "gt.txt").stat().st_mtime_ns == written
    assert skipped("--force") == [False, False]
    assert skipped("--set", "min_boxes=9") == [False, False]
    assert skipped("--set", "min_boxes=9") == [True, True]
    (films / "boxes" / "one.txt").write_text("".join(WALK[:-1]))
    assert skipped("--set", "min_boxes=9") == [False, True]
    film(films / "a" / "two.mp4", 13)
    assert skipped("--set", "min_boxes=9") == [True, False]
    record = films / "out" / "one" / "settings.json"
    record.write_text(record.read_text().replace('"complete": true', '"complete": false'))
    assert skipped("--set", "min_boxes=9") == [False, True]


def test_skipped_videos_are_reported(films, capsys):
    run(films / "a", "--detector", films / "boxes", "-o", films / "out")
    run(films / "a", "--detector", films / "boxes", "-o", films / "out")
    assert "4 tracklets in 2 videos, 2 finished before" in capsys.readouterr().out


def test_one_bad_video_does_not_stop_the_others(films, capsys):
    (films / "a" / "broken.mp4").write_text("hello")
    assert run(films / "a", "--detector", films / "boxes", "-o", films / "out") == 0
    told = capsys.readouterr()
    assert "4 tracklets in 2 videos" in told.out
    assert "broken is left out" in told.err
    assert "not a video" in told.err
    assert not (films / "out" / "broken").exists()


def test_other_processes_give_the_same(films, capsys):
    (films / "a" / "broken.mp4").write_text("hello")
    run(films / "a", "--detector", films / "boxes", "-o", films / "alone")
    alone = capsys.readouterr()
    assert run(films / "a", "--detector", films / "boxes", "-o", films / "many", "--workers", "2") == 0
    many = capsys.readouterr()
    assert many.out == alone.out.replace("alone", "many")
    assert many.err == alone.err
    for name in ("one", "two"):
        texts = [(films / out / name / "gt" / "gt.txt").read_bytes() for out in ("alone", "many")]
        assert texts[0] == texts[1] != b""


def test_a_cluster_gives_the_same_from_relative_paths(films, capsys, monkeypatch, cluster):
    """Its workers have other working directories."""
    monkeypatch.chdir(films)
    (films / "a" / "broken.mp4").write_text("hello")
    run("a", "--detector", "boxes", "-o", "alone")
    alone = capsys.readouterr()
    assert run("a", "--detector", "boxes", "-o", "many", "--dask", cluster) == 0
    many = capsys.readouterr()
    assert many.out == alone.out.replace("alone", "many")
    assert "broken is left out: " in many.err
    for name in ("one", "two"):
        texts = [(films / out / name / "gt" / "gt.txt").read_bytes() for out in ("alone", "many")]
        assert texts[0] == texts[1] != b""
    run("a", "--detector", "boxes", "-o", "many")
    assert "2 finished before" in capsys.readouterr().out


def test_a_folder_of_images(films, capsys):
    """The image names count from 500, the names of the links from 1."""
    images = films / "shots"
    images.mkdir()
    for number in range(12):
        cv2.imwrite(str(images / f"{number + 500:04d}.png"), np.full((96, 160, 3), 10 * number, np.uint8))
    assert run(images, "--detector", films / "boxes" / "one.txt", "-o", films / "out") == 0
    frames = list(open_source(films / "out" / "shots")[0])
    assert [frame.number for frame in frames] == list(range(1, 13))
    assert [int(frame.image[0, 0, 0]) for frame in frames] == list(range(0, 120, 10))


def test_sequences_with_and_without_images(films, capsys):
    sets = films / "sets"
    for name in ("text", "pictures"):
        (sets / name / "det").mkdir(parents=True)
        (sets / name / "det" / "det.txt").write_text("".join(WALK))
        (sets / name / "seqinfo.ini").write_text("[Sequence]\nframeRate=25\nseqLength=12\nimWidth=160\nimHeight=96\n")
    (sets / "pictures" / "img1").mkdir()
    for number in range(1, 13):
        cv2.imwrite(str(sets / "pictures" / "img1" / f"{number:06d}.png"), np.full((96, 160, 3), number, np.uint8))
    assert run(sets, "--detector", "det", "-o", films / "out") == 0
    assert "4 tracklets in 2 videos" in capsys.readouterr().out
    assert [len(list(open_source(films / "out" / name)[0].without_images())) for name in ("text", "pictures")] == [
        12,
        12,
    ]
    assert int(next(iter(open_source(films / "out" / "pictures")[0])).image[0, 0, 0]) == 1
    assert sorted(path.name for path in (films / "out" / "text").iterdir()) == ["gt", "seqinfo.ini", "settings.json"]
    assert run(sets, "--detector", "det", "-o", films / "out", "--force") == 0  # links are made anew


def test_file_system_without_links(films, monkeypatch):
    def refuse(*_args, **_more):
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    for _ in range(2):
        run(films / "a" / "one.mp4", "--detector", films / "boxes" / "one.txt", "-o", films / "out", "--force")
        copy = films / "out" / "one" / "one.mp4"
        assert not copy.is_symlink()
        assert copy.read_bytes() == (films / "a" / "one.mp4").read_bytes()


def test_scene_cuts_on_request(films, capsys):
    run(films / "a" / "one.mp4", "--detector", films / "boxes", "-o", films / "out", "--json", "--images")
    assert json.loads(capsys.readouterr().out)["videos"]["one"]["scenes"] == 1
    run(films / "a" / "one.mp4", "--detector", films / "boxes", "-o", films / "out", "--json")
    assert json.loads(capsys.readouterr().out)["videos"]["one"]["scenes"] is None


def test_a_video_without_detections(films, capsys):
    (films / "boxes" / "one.txt").write_text("1,-1,10,20,30,60,0.9\n")
    assert run(films / "a", "--detector", films / "boxes", "-o", films / "out") == 0
    assert "one: of 1 detections no tracklet is good enough" in capsys.readouterr().err
    assert (films / "out" / "one" / "gt" / "gt.txt").read_text() == ""


# What goes wrong ----------------------------------------------------------------------------------------------------


def test_a_foreign_gt_txt_is_not_overwritten(films, capsys):
    home = films / "sets" / "one"
    (home / "gt").mkdir(parents=True)
    (home / "gt" / "gt.txt").write_text("1,1,10,20,30,60,1,1,1\n")
    message = fails(capsys, films / "a" / "one.mp4", "--detector", films / "boxes", "-o", films / "sets", "--force")
    assert "gt/gt.txt that idfree label did not write" in message
    assert (home / "gt" / "gt.txt").read_text() == "1,1,10,20,30,60,1,1,1\n"


def test_detections_of_another_video(films, capsys):
    (films / "boxes" / "one.txt").write_text("99,-1,10,20,30,60,0.9\n")
    video = films / "a" / "one.mp4"
    message = fails(capsys, video, "--detector", films / "boxes" / "one.txt", "-o", films / "out")
    assert "frame 99, but one has 12 frames" in message
    assert run(films / "a", "--detector", films / "boxes", "-o", films / "out") == 0
    assert "one is left out" in capsys.readouterr().err
    assert "one file for 2 videos" in fails(
        capsys, films / "a", "--detector", films / "boxes" / "two.txt", "-o", films / "out"
    )


def test_all_videos_fail(films, capsys):
    (films / "none").mkdir()
    message = fails(capsys, films / "a", "--detector", films / "none", "-o", films / "out")
    assert message.splitlines()[-1].startswith("idfree: none of the 2 videos could be labelled: ")
    assert "no file for one" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.mp4"], "no such file or folder: nothing.mp4"),
        (["0"], "0: only files and folders can be worked through"),
        (["rtsp://camera/1"], "only files and folders can be worked through"),
        (["a", "--set", "min_box=3"], "LabelSettings has no setting 'min_box'; it has: tracker=sort"),
        (["a", "--set", "tracker=best"], "expected 'sort' or 'iou' or 'bytetrack'"),
        (["a", "--set", "max_overlap=35"], "max_overlap=35.0 must lie in 0…1"),
        (["a", "--workers", "0"], "--workers 0: expected 1 or more"),
        (["a", "--every", "0"], "--every 0: expected 1 or more"),
        (["a", "--classes", "person"], "expected numbers"),
        (["a", "a/one.mp4"], "2 sources are called one"),
        (["a", "--detector", "nothing.onnx"], "nothing.onnx"),
        (["boxes"], "neither MOTChallenge sequences"),
    ],
)
def test_mistakes(films, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(films)
    if "--detector" not in arguments:
        arguments = [*arguments, "--detector", "boxes"]
    assert message in fails(capsys, *arguments, "-o", "out")


INTERRUPTING = """
import os, pathlib, signal, sys, time
from idfree import cli
from idfree.detectors import PrecomputedDetector

cli.COMMANDS = ("label",)
FIRST, WORKERS = pathlib.Path({first!r}), {workers}
detect = PrecomputedDetector.__call__

def interrupt_in_frame_20(detector, frame):
    if frame.number == 20:
        while not (FIRST.is_file() and '"complete": true' in FIRST.read_text()):
            time.sleep(0.01)
        os.kill(os.getpid() if WORKERS == 1 else os.getppid(), signal.SIGINT)
        while WORKERS > 1:
            time.sleep(0.01)
    return detect(detector, frame)

PrecomputedDetector.__call__ = interrupt_in_frame_20
if __name__ == "__main__":
    sys.exit(cli.main())
"""


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_interrupted(films, start, workers):
    """Finished videos stay; the one in progress is marked incomplete. It is interrupted by Ctrl-C in its frame 20."""
    film(films / "a" / "x0.mp4", 12)
    long = film(films / "a" / "x1.mp4", 60)
    for number in (2, 3):
        (films / "a" / f"x{number}.mp4").write_bytes(long.read_bytes())
    for number in range(4):
        (films / "boxes" / f"x{number}.txt").write_text("".join(WALK))
    script = films / "script.py"
    script.write_text(INTERRUPTING.format(first=str(films / "out" / "x0" / "settings.json"), workers=workers))
    videos = [films / "a" / f"x{number}.mp4" for number in range(4)]
    command = [sys.executable, script, "label", *videos, "--detector", films / "boxes", "-o", films / "out"]
    command += ["--workers", workers]
    process = start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert " of 4 videos are labelled and kept" in err
    assert "Traceback" not in err
    assert not (films / "out" / "x3" / "gt").exists()
