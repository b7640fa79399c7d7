"""A full disk: one sentence that names the file, exit status 2, and nothing half-written; whatever is written."""

import errno
import os
import pathlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from idfree.cli import main
from idfree.core.errors import UserError
from idfree.core.files import atomic_write, write_text
from idfree.core.growing_file import GrowingFile

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
ROWS = "".join(f"{n},-1,{5 + n},5,10,20,0.9\n" for n in (1, 2, 3))


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    """A MOTChallenge sequence without images."""
    home = tmp_path / "walk"
    for folder in ("det", "gt"):
        (home / folder).mkdir(parents=True)
    (home / "det/det.txt").write_text(ROWS)
    (home / "gt/gt.txt").write_text("".join(f"{n},1,{5 + n},5,10,20,1,1,1\n" for n in (1, 2, 3)))
    (home / "seqinfo.ini").write_text("[Sequence]\nname=walk\nframeRate=10\nseqLength=3\nimWidth=200\nimHeight=100\n")
    return home


def refuse(*_: object, **__: object) -> None:
    raise FULL


@pytest.mark.parametrize("format", ["mot", "csv", "json"])
def test_track(sequence, tmp_path, capsys, monkeypatch, format):
    monkeypatch.setattr(pathlib.Path, "write_bytes", refuse)
    monkeypatch.setattr("idfree.sequences.table_writer.format_table", refuse)
    if format == "mot":
        monkeypatch.setattr(GrowingFile, "append", lambda self, _: (_ for _ in ()).throw(full_file(self.path)))
    out = tmp_path / "out"
    assert main(["track", str(sequence), "--detector", "det", "--format", format, "-q", "-o", str(out)]) == 2
    error = capsys.readouterr().err
    assert "cannot write" in error
    assert "walk." in error
    assert "No space left" in error
    assert len(error.splitlines()) == 1
    assert not out.exists()


def full_file(path: Path) -> UserError:
    return UserError(f"cannot write {path}: {FULL.strerror}")


@pytest.mark.parametrize(
    "command",
    ["label {} --detector det -o {}", "data convert {} --to coco -o {}", "detect {} --detector det -o {}"],
)
def test_other_commands(sequence, tmp_path, capsys, monkeypatch, command):
    monkeypatch.setattr(pathlib.Path, "write_bytes", refuse)
    out = tmp_path / "out"
    assert main([*command.format(sequence, out).split(), "-q"]) == 2
    error = capsys.readouterr().err
    assert f"cannot write {out}" in error
    assert not [path for path in out.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "error",
    [FULL, OSError("7 requested and 0 written"), RuntimeError("[enforce fail] PytorchStreamWriter failed writing")],
)
def test_errors_of_libraries_get_the_name_of_the_file(tmp_path, error):
    def write() -> None:
        with atomic_write(tmp_path / "a.npy") as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(UserError, match=r"cannot write .*a\.npy") as caught:
        write()
    assert isinstance(error, RuntimeError) or re.search("No space left|is the disk full", str(caught.value))
    assert list(tmp_path.iterdir()) == []


def test_errors_of_other_files_are_not_explained_as_writing(tmp_path):
    with pytest.raises(RuntimeError, match="other"), atomic_write(tmp_path / "a"):
        raise RuntimeError("other")
    with pytest.raises(OSError, match="Input/output"), atomic_write(tmp_path / "a"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_dev_full(sequence):
    with pytest.raises(UserError, match="cannot write /dev/full"):
        write_text("/dev/full", "text")
    command = [sys.executable, "-m", "idfree", "eval", str(sequence / "gt/gt.txt"), str(sequence / "gt/gt.txt")]
    with open("/dev/full", "w") as full:
        done = subprocess.run([*command, "--json"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr.splitlines() == ["idfree: cannot write the standard output: No space left on device"]
    assert done.returncode == 2


def test_a_growing_file_keeps_whole_rows(tmp_path, monkeypatch):
    file = GrowingFile(tmp_path / "a.txt")
    file.append(b"1,2\n")

    class Full:
        closed = False

        def __init__(self, file):
            self.file = file

        def write(self, data):
            if len(data) < 4:
                raise FULL
            return self.file.write(data[:2])

        def __getattr__(self, name):
            return getattr(self.file, name)

    file.file = Full(file.file)
    with pytest.raises(UserError, match=r"cannot write .*a\.txt: No space"):
        file.append(b"3,4\n")
    file.finish()
    assert (tmp_path / "a.txt").read_bytes() == b"1,2\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_temporary_files_of_killed_processes_are_removed(sequence, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    for name in (f".film.{ended.pid}.partial.mp4", f".walk.{os.getppid()}.partial.txt", ".mine.partial.txt"):
        (out / name).write_bytes(bytes(10))
    (out / f".far.{ended.pid}-00000000.partial.npy").write_bytes(bytes(10))  # of another machine
    assert main(["track", str(sequence), "--detector", "det", "-q", "-o", str(out)]) == 0
    left = {path.name for path in out.iterdir()} - {"walk.txt", "summary.json"}
    assert left == {f".walk.{os.getppid()}.partial.txt", ".mine.partial.txt", f".far.{ended.pid}-00000000.partial.npy"}


def test_a_film_of_images_of_several_sizes(tmp_path, caplog):
    cv2 = pytest.importorskip("cv2")
    (tmp_path / "walk").mkdir()
    for number, (height, width) in enumerate([(40, 60), (40, 60), (80, 60), (20, 90)], start=1):
        cv2.imwrite(str(tmp_path / "walk" / f"{number}.png"), np.full((height, width, 3), 200, np.uint8))
    (tmp_path / "walk.txt").write_text(ROWS)
    command = ["track", str(tmp_path / "walk"), "--detector", str(tmp_path / "walk.txt"), "--video", "-q"]
    assert main([*command, "--camera", "flow", "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/walk.txt").read_text().count("\n") == 3
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "out/walk.mp4")) as film:
        images = [frame.to_ndarray(format="gray").astype(int) for frame in film.decode(video=0)]
    assert {image.shape for image in images} == {(40, 60)}
    assert images[2][20, [2, 30, 57]] == pytest.approx([0, 200, 0], abs=40)  # 60×80 becomes 30×40 in the middle
    assert images[3][[5, 20, 35], 55] == pytest.approx([0, 200, 0], abs=40)
