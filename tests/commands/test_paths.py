"""Paths that are no files: names that no file can have, loops of links, folders; in every command and option."""

from pathlib import Path

import pytest

from idfree import cli

GT = "1,1,10,20,30.5,40,1,1,0.5\n"


def make_sequence(folder: Path) -> Path:
    """A MOTChallenge sequence without images, and results; returns the results."""
    files = {"seq/seqinfo.ini": "[Sequence]\nseqLength=4\nimWidth=640\nimHeight=480\n", "seq/gt/gt.txt": GT}
    files |= {"seq/det/det.txt": "1,-1,10,20,30.5,40,0.9\n", "results/seq.txt": "1,1,10,20,30.5,40,0.9,1,-1,-1\n"}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder / "results" / "seq.txt"


NAMES = {
    "long": "a" * 300,
    "loop": "loop",
    "surrogate": "a\udcff",
    "folder": "folder",
    "missing": "none",
}
PATHS = (
    *("track {} --detector {seq}/det/det.txt", "track {seq} --detector {}", "track {seq} --detector det --camera {}"),
    *("track {seq} --detector det --settings {}", "track {seq} --detector det --appearance {}", "show {} {seq}"),
    *("show {seq}/det/det.txt {}", "show {} {seq} --plot heat", "count {} {seq} --line 0,0,9,9"),
    *("count {results} {} --line 0,0,9,9", "count {results} --homography {}"),
    *("detect {} --detector det", "label {} --detector det", "adapt {} --detector det"),
    *("eval {} {seq}", "eval {results} {}", "eval-detections {} {seq}", "eval-detections {results} {}"),
    *(
        "eval-appearance {} {seq}",
        "eval-appearance colour {}",
        "data check {}",
        "data convert {} --to coco",
        "data pack {}",
    ),
    *("train fairmot {}", "train simplereid {}", "export {}", "tune {} --detector det --tracker sort"),
)


@pytest.mark.parametrize("suffix", ["", ".txt", ".csv", ".npy", ".onnx", ".pt", ".json", ".mp4", ".odgt"])
@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_no_files(tmp_path, capfd, monkeypatch, name, suffix):
    monkeypatch.chdir(tmp_path)
    path = make_sequence(tmp_path)
    given = tmp_path / f"{NAMES[name]}{suffix}"
    if name == "loop":
        given.symlink_to(given)
    if name == "folder":
        given.mkdir()
    for command in PATHS:
        if suffix == ".pt" or command.startswith(("train", "export")):
            pytest.importorskip("torch")
        words = [word.format(given, seq=tmp_path / "seq", results=path) for word in command.split()]
        status = cli.main(
            [*words, "-o", str(tmp_path / "out")] if "eval" not in command and "check" not in command else words
        )
        said = capfd.readouterr().err
        assert status == 2, f"{command}: {said}"
        assert "Traceback" not in said, command
