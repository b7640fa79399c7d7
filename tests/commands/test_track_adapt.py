"""`idfree track --adapt`: adapt to the video, then track it with what won, from one command without PyTorch."""

import io
import json

import pytest

from idfree.cli import main
from idfree.pipelines.adaptation import trained_candidate as adapt_train
from idfree.sequences.motchallenge import read_results, write_results
from idfree.show.video_writer import VideoWriter
from idfree.synthetic.scene import make_street

SIZE = (240, 426)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A video of a street, and its detections."""
    folder = tmp_path_factory.mktemp("film")
    street = make_street(0, people=8, frames=60, size_hw=SIZE)
    with VideoWriter(folder / "one.mp4", 20, SIZE) as video:
        for frame in street.sequence:
            if frame.image is not None:
                video.write(frame.image)
    write_results(folder / "one.txt", street.detections)
    return folder


class Terminal(io.StringIO):
    def isatty(self):
        return True


def words(film, out, *options):
    return ["track", str(film / "one.mp4"), "--detector", str(film / "one.txt"), "--adapt", "-o", str(out), *options]


def test_one_command_adapts_and_tracks_without_pytorch(film, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(adapt_train, "find_spec", lambda name: None)
    monkeypatch.setattr("idfree.pipelines.adapt.can_train", lambda: False)
    assert main(words(film, tmp_path)) == 0
    told = capsys.readouterr().out
    assert "Selected: " in told
    assert "report.html" in told
    assert len(read_results(tmp_path / "one.txt")) > 0
    report = json.loads((tmp_path / "adapt" / "report.json").read_text())
    assert set(report["relinking"]["candidates"]) == {"nothing", "colour", "people", "adapted"}
    assert not any("PyTorch" in each for each in report["advice"])  # no network is trained by this command
    capsys.readouterr()
    assert main(words(film, tmp_path, "-q")) == 0
    assert capsys.readouterr().err == ""  # the same model, so that nothing is said to be replaced


def test_the_two_passes_have_bars_of_their_own(film, tmp_path, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert main(words(film, tmp_path)) == 0
    assert "one: labelling" in terminal.getvalue()
    assert "one: tracking" in terminal.getvalue()


def test_with_too_little_to_learn_from_it_is_plain_colour(film, tmp_path, capsys):
    assert main(words(film, tmp_path, "--frames", "9")) == 0
    told = capsys.readouterr().out
    assert "tracked with plain colour, as there is too little to learn from" in told
    assert "`idfree adapt` has these settings" in told


def test_what_an_earlier_run_chose_does_not_stay_where_it_is_not_used(film, tmp_path, capsys):
    (tmp_path / "adapt" / "candidates").mkdir(parents=True)
    earlier = [tmp_path / "adapt" / name for name in ("appearance.onnx", "report.html", "candidates/people.onnx")]
    for file in earlier:
        file.write_bytes(b"earlier")
    (tmp_path / "adapt" / "last.pt").write_bytes(b"of a training, which takes hours")
    assert main(words(film, tmp_path, "--frames", "9")) == 0
    assert "the model and the report of an earlier run, which are not used, are deleted" in capsys.readouterr().err
    assert not any(file.exists() for file in earlier)
    assert (tmp_path / "adapt" / "last.pt").exists()
    (summary,) = json.loads((tmp_path / "summary.json").read_text())["sequences"]
    assert summary["appearance"]["name"] == "colour"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--lag", "-1"], "--lag -1: expected seconds"),
        (["--tracker", "nonsense"], "unknown tracker 'nonsense'"),
        (["--set", "nonsense=3"], "has no setting 'nonsense'"),
        (["--video", "--video-height", "3"], "expected pixels, 16 or more"),
        (["--line", "1,1,1,1"], "two different points"),
        (["--camera", "nonsense"], "nonsense"),
        (["--public", "none.txt"], "none.txt"),
        (["--fps", "0"], "--fps 0"),
        (["--min-area", "nan"], "--min-area nan"),
        (["--settings", "none.json"], "none.json"),
    ],
)
def test_mistakes_are_told_before_anything_is_learnt(film, tmp_path, capsys, options, message):
    assert main(words(film, tmp_path / "out", *options)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_video_is_not_overwritten(film, capsys):
    assert main(words(film, film, "--video")) == 2
    assert "which is read" in capsys.readouterr().err
    assert not (film / "adapt").exists()


def test_two_choices_of_the_appearance_are_refused(film, tmp_path, capsys):
    assert main(words(film, tmp_path, "--appearance", "colour")) == 2
    assert "--adapt chooses the appearance itself" in capsys.readouterr().err
