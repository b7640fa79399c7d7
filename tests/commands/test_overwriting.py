"""An output is never an input, and a folder that is a source is never changed: refused before it begins."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from idfree.cli import main
from idfree.show.video_writer import VideoWriter

ROWS = "".join(f"{n},-1,{5 + n},5,10,20,0.9\n" for n in (1, 2, 3))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """street.mp4 and its detections street.txt, links to both, and a sequence M/SEQ whose img1 is a link."""
    images = [np.full((40, 60, 3), 50 * n, np.uint8) for n in (1, 2, 3)]
    with VideoWriter(tmp_path / "street.mp4", 10, (40, 60)) as writer:
        for image in images:
            writer.write(image)
    for name in ("M/SEQ/det", "M/SEQ/gt", "pictures", "links", "out"):
        (tmp_path / name).mkdir(parents=True)
    for number, image in enumerate(images, start=1):
        cv2.imwrite(str(tmp_path / "pictures" / f"{number:06d}.png"), image)
    (tmp_path / "M/SEQ/img1").symlink_to(tmp_path / "pictures")
    (tmp_path / "M/SEQ/seqinfo.ini").write_text("[Sequence]\nname=SEQ\nframeRate=7\nseqLength=3\nmine=1\n")
    (tmp_path / "M/SEQ/gt/gt.txt").write_text("".join(f"{n},1,{5 + n},5,10,20,1,1,1\n" for n in (1, 2, 3)))
    for name in ("street.txt", "M/SEQ/det/det.txt", "pictures/street.txt"):
        (tmp_path / name).write_text(ROWS)
    (tmp_path / "links/street.mp4").symlink_to(tmp_path / "street.mp4")
    (tmp_path / "links/street.txt").hardlink_to(tmp_path / "street.txt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """A checksum of each file, and where each link leads."""
    return {
        str(path): str(path.readlink()) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize(
    "command",
    [
        "track street.mp4 --detector street.txt --video -o .",
        "track street.mp4 --detector street.txt -o links",
        "track links/street.mp4 --detector pictures/street.txt --video -o M/..",
        "track street.mp4 --detector pictures --tracker sort -o pictures",
        "track M/SEQ --detector det -o M/SEQ",
        "track pictures --detector street.txt -o M/SEQ/img1",
        "show street.txt street.mp4",
        "show street.txt street.mp4 -o links/street.mp4",
        "show street.txt pictures -o pictures/film.mp4",
        "count street.txt pictures --line 0,0,9,9 -o pictures",
        "detect street.mp4 --detector street.txt -o links",
        "detect pictures --detector street.txt -o M/SEQ/img1",
        "label M/SEQ --detector det -o M",
        "label street.mp4 --detector street.txt -o ..",
        "adapt pictures --detector street.txt -o pictures",
        "tune M/SEQ --detector det --tracker sort -o M/SEQ/seqinfo.ini",
        "data convert M/SEQ --to coco -o M/SEQ",
        "data convert M/SEQ --to mot -o M",
        "train fairmot M/SEQ -o M/SEQ",
        "export street.txt -o links/street.txt",
    ],
)
def test_inputs_stay_as_they_are(home, capsys, command):
    if command.startswith("tune"):
        pytest.importorskip("optuna", reason="tune needs Optuna")
    if command.endswith("-o .."):  # the folder of the results would be the one that the video lies in
        command = command.replace("..", str(home.parent)).replace("street.mp4", f"{home}/{home.name}.mp4")
        (home / f"{home.name}.mp4").write_bytes((home / "street.mp4").read_bytes())
    before = contents(home)
    assert main([*command.split(), "-q"]) == 2
    error = capsys.readouterr().err
    assert contents(home) == before
    assert "-o" in error or "convert into another folder" in error
    assert len(error.splitlines()) <= 2


def test_neighbours_of_inputs_may_be_written(home):
    (home / "boxes").mkdir()
    (home / "boxes/street.csv").write_text("frame,x,y,w,h\n1,5,5,10,20\n")
    assert main("track street.mp4 --detector boxes/street.csv --tracker sort -q --format json -o .".split()) == 0
    assert main("track street.mp4 --detector street.txt -q -o M".split()) == 0
    assert main("label street.mp4 --detector street.txt -q -o .".split()) == 0
    assert main("label street.mp4 --detector street.txt -q -o . --force".split()) == 0


@pytest.mark.parametrize(
    ("command", "file"),
    [
        ("track summary.mp4 --detector det.txt --format json", "out/summary.json"),
        ("refine summary.json", "out/summary.json"),
        ("track a.mp4 a-zones.mp4 --detector det.txt --format csv --count --zone 0,0,9,0,9,9", "out/a-zones.csv"),
    ],
)
def test_results_of_two_kinds_in_one_file(tmp_path, monkeypatch, capsys, command, file):
    """The second replaced the first."""
    monkeypatch.chdir(tmp_path)
    for name in ("summary.mp4", "a.mp4", "a-zones.mp4"):
        with VideoWriter(Path(name), 10, (48, 64)) as video:
            video.write(np.zeros((48, 64, 3), np.uint8))
    Path("det.txt").write_text("1,-1,5,5,10,20,0.9\n")
    assert main(["track", "a.mp4", "--detector", "det.txt", "--format", "json", "-q", "-o", "first"]) == 0
    Path("first/a.json").rename("summary.json")
    assert main([*command.split(), "-q", "-o", "out"]) == 2
    assert f"{file} would be written twice, with different contents: rename the source" in capsys.readouterr().err
    assert not Path("out").exists()
