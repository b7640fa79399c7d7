"""Pipes without a file, as of `<(command)`, in place of files: read as files are, or refused before any work."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from idfree.cli import main
from idfree.show.video_writer import VideoWriter

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /dev/fd of Linux")

ROWS = "".join(f"{frame},{id},{40 * id + frame},20,30,60,1,1,-1,-1\n" for frame in (1, 2, 3) for id in (1, 2))


@pytest.fixture
def pipe() -> Iterator[Callable[[bytes], str]]:
    """pipe(content) → the path of a pipe with this content, of at most 64 KiB."""
    opened = []

    def make(content: bytes) -> str:
        reader, writer = os.pipe()
        opened.append(reader)
        os.write(writer, content)
        os.close(writer)
        return f"/dev/fd/{reader}"

    yield make
    for reader in opened:
        os.close(reader)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the videos one.mp4 and two.mp4, one.txt and set/one/gt/gt.txt."""
    for name in ("one", "two"):
        with VideoWriter(tmp_path / f"{name}.mp4", 10, (96, 128)) as writer:
            for _ in range(3):
                writer.write(np.full((96, 128, 3), 90, np.uint8))
    (tmp_path / "one.txt").write_text(ROWS)
    (tmp_path / "set/one/gt").mkdir(parents=True)
    (tmp_path / "set/one/gt/gt.txt").write_text(ROWS.replace("-1,-1\n", "1\n"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "eval {rows} set/one",
        "eval one.txt {rows}",
        "eval-detections {rows} set/one",
        "show {rows} {video} -o out.mp4",
        "view {rows} one.mp4 -o out.html",
        "refine {rows} one.mp4 -o out",
        "count {rows} {video} --line 0,0,9,9 -o out",
        "track {video} --detector {rows} -o out",
        "track one.mp4 --detector one.txt --public {rows} -o out",
        "detect {video} --detector {rows} -o out",
        "label {video} --detector {rows} -o out",
    ],
)
def test_pipes_are_read_as_files_are(home, capsys, pipe, command):
    rows, video = pipe(ROWS.encode()), pipe((home / "one.mp4").read_bytes())
    status = main([*command.format(rows=rows, video=video).split(), "-q"])
    said = capsys.readouterr().err
    assert status == 0, said
    assert "names differ" not in said


def test_boxes_of_several_videos(home, capsys, pipe):
    """The second video had none."""
    assert main(["track", "one.mp4", "two.mp4", "--detector", pipe(ROWS.encode()), "-q", "-o", "out"]) == 2
    assert "is a pipe, for 2 videos: write the boxes into files first" in capsys.readouterr().err
    assert not (home / "out").exists()


def test_refined_results_have_a_suffix(home, pipe):
    path = pipe(ROWS.encode())
    assert main(["refine", path, "-q", "-o", "out"]) == 0
    assert sorted(os.listdir("out")) == sorted([f"{Path(path).name}.txt", "summary.json"])


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("adapt {} --detector one.txt -o out", "is a pipe: the video is read more than once: write it into a file"),
        ("detect {} two.mp4 --workers 2 --detector people -o out", "is a pipe: other processes cannot read it: leave"),
    ],
)
def test_videos_that_are_read_twice(home, capsys, pipe, command, said):
    assert main([*command.format(pipe((home / "one.mp4").read_bytes())).split(), "-q"]) == 2
    assert said in capsys.readouterr().err
    assert not Path("out").exists()


def test_devices(home, capsys):
    """/dev/zero, which never ends, took all memory."""
    assert main(["eval", os.devnull, "set/one", "-q", "--metrics", "FN", "--csv"]) == 0
    assert capsys.readouterr().out == "Sequence,CLR_FN\none,6\n"
    (home / "zero.txt").symlink_to("/dev/zero")
    assert main(["track", "one.mp4", "--detector", "zero.txt", "-q", "-o", "out"]) == 2
    assert capsys.readouterr().err.endswith("zero.txt is a device, expected a file\n")


def test_ground_truth_in_the_working_folder(home, capsys, monkeypatch):
    """It had no name."""
    monkeypatch.chdir(home / "set/one/gt")
    assert main(["eval", "../../../one.txt", "gt.txt", "-q", "--metrics", "HOTA", "--csv"]) == 0
    assert capsys.readouterr().out == "Sequence,HOTA\none,1.0\n"
