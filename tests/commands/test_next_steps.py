"""The commands that results are followed by: each of them runs as it stands."""

import re
import shlex
import sys
from unittest.mock import patch

import pytest

from idfree.cli import main, parser
from idfree.commands.train import track_options

STEP = re.compile(r"^To [^:]+: idfree (.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a MOTChallenge sequence, scene/street-0, and its video."""
    folder = tmp_path_factory.mktemp("made")
    words = ["data", "synth", "--frames", "30", "--people", "6", "--width", "320", "--height", "240"]
    assert main([*words, "-q", "-o", str(folder / "my scene")]) == 0
    return folder


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my scene").symlink_to(made / "my scene")
    return tmp_path


def steps(capsys, *words):
    """The commands that a command names below its results."""
    capsys.readouterr()
    with patch.object(sys.stdout, "isatty", return_value=True):  # elsewhere, `eval` prints its table alone
        assert main([str(word) for word in words]) == 0
    return [shlex.split(step) for step in STEP.findall(capsys.readouterr().out)]


def test_from_detections_to_mistakes(place, capsys):
    (track,) = steps(capsys, "detect", "my scene/street-0", "--detector", "det", "-o", "kept", "--every", 2)
    assert track == ["track", "my scene/street-0", "--detector", "kept", "--every", "2", "--video"]
    view, evaluate = steps(capsys, *track, "-o", "out")
    assert view == ["view", "out/street-0.txt", "my scene/street-0"]
    assert evaluate == ["eval", "out", "my scene/street-0", "--every", "2"]
    (mistakes,) = steps(capsys, *evaluate)
    assert mistakes == [*view, "--truth", "my scene/street-0"]
    (show,) = steps(capsys, *view)
    assert show == ["show", "SAVED.txt", "my scene/street-0"]
    assert steps(capsys, *mistakes) == [show]
    assert steps(capsys, "refine", *view[1:], "-o", "refined") == [["view", "refined/street-0.txt", view[2]]]


def test_of_several_sequences_one_is_named(place, capsys):
    view, evaluate = steps(capsys, "track", "my scene", "--detector", "det", "--format", "csv", "-o", "out")
    assert view == ["view", "out/street-0.csv", "my scene/street-0"]
    assert evaluate == ["eval", "out", "my scene"]
    (mistakes,) = steps(capsys, *evaluate)
    assert mistakes == [*view, "--truth", "my scene/street-0"]


def test_a_truth_without_images_is_not_named_as_the_video(place, capsys):
    (place / "truth/street-0").mkdir(parents=True)
    (place / "truth/street-0/gt").symlink_to(place / "my scene/street-0/gt")
    steps(capsys, "track", "my scene/street-0", "--detector", "det", "-o", "out")
    (mistakes,) = steps(capsys, "eval", "out/street-0.txt", "truth/street-0")
    assert mistakes == ["view", "out/street-0.txt", "--truth", "truth/street-0"]


def test_of_a_part_of_the_frames_nothing_is_evaluated(place, capsys):
    options = ("--detector", "det", "--frames", 9, "-o", "out")
    assert [step[0] for step in steps(capsys, "track", "my scene", *options)] == ["view"]


@pytest.mark.parametrize(("everybody", "method"), [([], "simplereid"), (["--everybody"], "fairmot")])
def test_labels_are_checked_and_trained_on(place, capsys, everybody, method):
    settings = ("--set", "min_height=8", "--set", "min_boxes=4", "--set", "min_iou=0.3")
    check, train = steps(capsys, "label", "my scene", "--detector", "det", "-o", "labels", *settings, *everybody)
    assert check == ["data", "check", "labels"]
    assert train[:3] == ["train", method, "labels"]
    assert main(check) == 0
    assert method in capsys.readouterr().out


def test_the_video_that_was_written_is_named(place, capsys):
    assert main(["track", "my scene", "--detector", "det", "--video", "-o", "out"]) == 0
    assert "out/street-0.mp4: the video with the tracks drawn in" in capsys.readouterr().out


def test_nothing_is_named_where_nothing_was_found(place, capsys):
    assert steps(capsys, "track", "my scene", "--detector", "det", "--min-score", 2, "-o", "out") == []
    assert steps(capsys, "detect", "my scene", "--detector", "det", "--min-score", 2, "-o", "kept") == []


@pytest.mark.parametrize("option", ["-q", "--json"])
def test_quiet_and_json_name_nothing(place, capsys, option):
    assert steps(capsys, "track", "my scene", "--detector", "det", "-o", "out", option) == []
    assert steps(capsys, "view", "out/street-0.txt", "-o", "page.html", option) == []
    assert steps(capsys, "detect", "my scene", "--detector", "det", "-o", "kept", option) == []
    assert steps(capsys, "eval", "out", "my scene", option) == []


@pytest.mark.parametrize(
    ("method", "with_colour", "options"),
    [
        ("simplereid", False, ["--appearance", "m.onnx"]),
        ("outrack", False, ["--detector", "m.onnx"]),
        ("outrack", True, ["--detector", "m.onnx", "--appearance", "colour"]),
        ("centertrack", False, ["--detector", "m.onnx", "--tracker", "centertrack"]),
        ("fasterrcnn", False, ["--detector", "m.onnx", "--tracker", "tracktor"]),
    ],
)
def test_a_trained_model_is_tracked_with_as_its_method_needs(method, with_colour, options):
    assert track_options(method, "m.onnx", with_colour) == options
    parser().parse_args(["track", "VIDEO", *options])  # these options exist
