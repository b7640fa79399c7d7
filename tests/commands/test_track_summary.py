"""What is said on screen of a tracked sequence."""

import json
from pathlib import Path

import numpy as np
import pytest

from idfree.cli import main
from idfree.commands.track import describe_no_tracks, describe_rate, print_summary
from idfree.pipelines.tracking import track_sequence
from idfree.pipelines.tracking.write_tracks import write_tracks
from idfree.show.video_writer import VideoWriter


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (123.4, " (processed at 123 frames/s)"),
        (10.0, " (processed at 10 frames/s)"),
        (9.8, " (processed at 9.8 frames/s)"),
        (0.4, " (processed at 0.4 frames/s)"),
        (0.0, " (processed at under 0.1 frames/s)"),
        (None, ""),
    ],
)
def test_a_slow_speed_has_a_decimal(rate, text):
    assert describe_rate(rate) == text


@pytest.mark.parametrize(
    ("tracker", "min_score", "said"),
    [
        ("Sort", 0.4, ", scores from 0.4"),
        ("Sort", "-inf", ""),
        ("FairMOT", 0.4, ""),  # which has this threshold by default
    ],
)
def test_the_summary_on_screen(tracker, min_score, said, capsys, tmp_path):
    summary = {"tracks": 1, "boxes": 2, "frames": 3, "frames_per_second": {"all": 0.4}, "frames_lost": 0}
    summary |= {"tracker": tracker, "settings": {"min_score": min_score}, "skipped": False}
    print_summary(tmp_path / "a.txt", summary)
    assert capsys.readouterr().out.endswith(f"a.txt: 1 track, 2 boxes in 3 frames (processed at 0.4 frames/s){said}\n")


def test_without_detections_the_classes_are_named(capsys, tmp_path):
    (tmp_path / "walk" / "det").mkdir(parents=True)
    (tmp_path / "walk" / "det" / "det.txt").write_text("1,-1,10,20,30,60,0.9\n2,-1,12,20,30,60,0.6\n")
    for command in (["track"], ["detect"], ["label"]):
        arguments = [str(tmp_path / "walk"), "--detector", "det", "--classes", "7", "-o", str(tmp_path / command[0])]
        main([*command, *arguments])
        told = capsys.readouterr()
        assert "no detections of class 7" in told.out + told.err, command


def test_embeddings_of_the_detector(capsys, tmp_path):
    summary = {"tracks": 1, "boxes": 2, "frames": 3, "frames_per_second": {}, "frames_lost": 0, "tracker": "Sort"}
    summary |= {"settings": {}, "skipped": False, "appearance": {"name": "own"}}
    print_summary(tmp_path / "a.txt", summary)
    assert capsys.readouterr().out.endswith(", appearance: embeddings of the detector\n")


def track_walk(home: Path, *options: str) -> None:
    arguments = ["track", str(home / "walk"), "--detector", "det", "-q", "-o", str(home / "out"), *options]
    assert main(arguments) == 0


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """A folder with a MOTChallenge sequence of two frames without images, tracked into out/."""
    (tmp_path / "walk" / "det").mkdir(parents=True)
    (tmp_path / "walk" / "det" / "det.txt").write_text("1,-1,10,20,30,60,0.9\n2,-1,12,20,30,60,0.6\n")
    track_walk(tmp_path)
    (tmp_path / "out" / "walk.html").write_text("page")
    return tmp_path


def test_replaced_results_and_what_was_made_of_them_are_named_before_the_run(walk, capsys, monkeypatch):
    told = []

    def write(*arguments):
        told.append(capsys.readouterr().err)
        return write_tracks(*arguments)

    monkeypatch.setattr(track_sequence, "write_tracks", write)
    track_walk(walk, "--min-score", "0.8")
    assert "out/walk.txt: the results of an earlier run are replaced" in told[0]
    assert told[0].rstrip().endswith("these files beside it are of the earlier results, and stay: walk.html")
    assert capsys.readouterr().err == ""
    assert (walk / "out" / "walk.html").exists()


def test_the_video_beside_the_results_is_not_taken_for_an_earlier_result(walk, capsys):
    with VideoWriter(walk / "walk.mp4", 10, (64, 64)) as video:
        video.write(np.zeros((64, 64, 3), np.uint8))
    (walk / "boxes.txt").write_text("1,-1,10,20,30,60,0.9\n")
    assert main(["track", str(walk / "walk.mp4"), "--detector", str(walk / "boxes.txt"), "-q", "-o", str(walk)]) == 0
    assert capsys.readouterr().err == ""


def test_the_same_results_again_are_not_worth_a_word(walk, capsys):
    track_walk(walk)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("key", ["tracks", "frames_lost", "frames_per_second"])
def test_with_a_summary_that_lacks_what_is_shown_the_sequence_is_tracked_again(walk, key):
    file = walk / "out" / "summary.json"
    whole = json.loads(file.read_text())
    part = json.loads(file.read_text())
    del part["sequences"][0][key]
    file.write_text(json.dumps(part))
    assert main(["track", str(walk / "walk"), "--detector", "det", "-o", str(walk / "out")]) == 0
    assert json.loads(file.read_text())["sequences"][0].keys() == whole["sequences"][0].keys()


def test_results_in_another_format_are_named(walk, capsys):
    track_walk(walk, "--format", "csv")
    said = capsys.readouterr().err
    assert "out/walk.csv: beside it are files of earlier results, which stay: walk.txt, walk.html" in said


def test_refine_names_the_results_that_it_replaces(walk, capsys):
    refined = ["refine", str(walk / "out" / "walk.txt"), "-q", "-o", str(walk / "refined")]
    assert main(refined) == 0
    (walk / "refined" / "walk.mp4").write_bytes(b"video")
    assert capsys.readouterr().err == ""
    (walk / "out" / "walk.txt").write_text("1,1,10,20,30,60,0.9,1,-1,-1\n")
    assert main(refined) == 0
    assert "refined/walk.txt: the results of an earlier run are replaced; these files" in capsys.readouterr().err


def test_detections_none_of_which_starts_a_track_are_told():
    summary = {"tracks": 0, "detections": 15}
    assert "none of 15 detections starts a track" in describe_no_tracks(summary)
    assert not describe_no_tracks({**summary, "tracks": 1})
    assert not describe_no_tracks({**summary, "detections": 0})  # told otherwise
