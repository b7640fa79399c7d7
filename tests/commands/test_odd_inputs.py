"""Odd files of results in every command that reads them: read as they are meant, or refused with file and place."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from idfree.cli import main
from idfree.show.video_writer import VideoWriter

ROWS = [f"{frame},{id},{90 * id + frame},20,30,60,1,1,-1,-1" for frame in (1, 2, 3) for id in (1, 2)]
COMMANDS = (
    "eval {} set/one --metrics HOTA --csv",
    "eval-detections {} set/one --csv",
    "show {} set/one --plot trails -o out",
    "refine {} -o out",
    "count {} --line 0,0,9,9 -o out",
    "view {} -o out/page.html",
    "data check {}",
    "data convert {} --to cvat -o out",
    "track set/one --detector {} --tracker sort -o out",
)
LABELS = ("data check", "data convert")


def with_column(column: int, text: str) -> str:
    """The rows with a text in one column."""
    return "\n".join(",".join([*row.split(",")[:column], text, *row.split(",")[column + 1 :]]) for row in ROWS)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable:
    """run(command, content, suffix) writes one.SUFFIX and runs a command on it; its exit status, output and errors."""
    home = tmp_path / "set" / "one"
    (home / "gt").mkdir(parents=True)
    (home / "gt" / "gt.txt").write_text("".join(f"{row[: -len(',-1,-1')]},1\n" for row in ROWS))
    (home / "seqinfo.ini").write_text("[Sequence]\nname=one\nseqLength=3\nimWidth=640\nimHeight=480\nframeRate=10\n")
    monkeypatch.chdir(tmp_path)

    def run_command(command: str, content: str | bytes, suffix: str = "txt") -> tuple[int, str, str]:
        path = tmp_path / f"one.{suffix}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        status = main([*command.format(path.name).split(), "-q"])
        return status, *capsys.readouterr()

    return run_command


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "content",
    [
        "\r\n".join(ROWS),
        "\ufeff" + "\n".join(ROWS),
        "\n".join(row.replace(",", ".0,", 1) for row in ROWS),
        "\n".join(reversed(ROWS)) + "\n\n",
        "\n".join(ROWS).replace(",", "\t"),
        "\n".join(ROWS).replace(",", ";"),
    ],
    ids=["CRLF", "BOM", "floats", "reversed", "tabs", "semicolons"],
)
def test_other_spellings_are_read(run, command, content):
    assert run(command, content)[0] == 0
    assert run("eval {} set/one --metrics HOTA --csv", content)[1].splitlines()[1] == "one,1.0"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (with_column(0, "0"), "one.txt line 1: frame 0, expected 1 or more"),
        (with_column(0, "1.5"), "one.txt line 1: frame is 1.5, expected a whole number"),
        (with_column(0, "9" * 12), "one.txt line 1: frame 999999999999, expected at most"),
        (with_column(1, "1e30"), "one.txt line 1: id is 1e+30, expected a whole number"),
        (with_column(2, "1e300"), "one.txt line 1: x is 1e+300, expected at most"),
        (with_column(3, "nan"), "one.txt line 1: y is nan, expected a finite number"),
        ("\n".join([*ROWS, "4,1,5"]), "one.txt line 7: 3 columns, expected 10"),
        (b"\xff\xfe1\x00,\x00", "one.txt is not a text file (UTF-8)"),
    ],
    ids=["frame 0", "frame 1.5", "huge frame", "huge id", "huge x", "NaN", "cut off", "UTF-16"],
)
def test_what_cannot_be_meant_is_refused_with_its_place(run, command, content, said):
    status, out, err = run(command, content)
    assert (status, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert not Path("out").exists()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("content", ["", "\n \n"], ids=["empty", "blank"])
def test_empty_files(run, command, content):
    """No tracks, as a tracker without detections writes them; but nothing to convert or to train on."""
    status, _, err = run(command, content)
    assert status == (2 if command.startswith(LABELS) else 0)
    assert ("one.txt: has no line of text; expected a list of image paths (JDE), or tracking" in err) == bool(status)


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_columns(run, command):
    status, out, err = run(command, "\n".join(",".join(row.split(",")[:5]) for row in ROWS))
    assert (status, out) == (2, "")
    assert "one.txt line 1: 5 columns, expected 7" in err or "tracking results, rows frame,id,x,y,w,h" in err


@pytest.mark.parametrize("command", COMMANDS)
def test_boxes_without_area(run, command):
    """Each command says how many there are, or refuses them."""
    status, out, err = run(command, with_column(4, "-30"))
    refused = command.startswith(("show", "refine", "count", "view"))
    assert status == (2 if refused else 0)
    counted = "6 of 6 boxes have no positive width and height"
    assert ("a box without area" if refused else "has no area" if "check" in command else counted) in out + err
    assert "lie outside the images" not in err


def test_boxes_without_area_are_not_drawn(run, tmp_path):
    with VideoWriter(tmp_path / "one.mp4", 10, (48, 64)) as video:
        for _ in range(3):
            video.write(np.zeros((48, 64, 3), np.uint8))
    status, _, err = run("show {} one.mp4 -o out.mp4", with_column(4, "-30"))
    assert status == 0
    assert "one.txt: 6 of 6 boxes have no positive width and height, the first in frame 1: they are not drawn" in err
