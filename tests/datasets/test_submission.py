"""Submissions: contents of the archive, and messages about faults."""

import zipfile
from pathlib import Path

import pytest

from idfree.core.errors import UserError
from idfree.datasets.submission import BENCHMARKS, LINES_NAMED, pack

ROWS = "1,1,10.5,20,30,60,0.9,1,-1,-1\n1,2,100,20,30,60,-1,-1,-1,-1\n2,1,11,20,30,60,1,-1,-1,-1\n"


def results(folder: Path, benchmark: str = "MOT20", text: str = ROWS) -> Path:
    """A folder with the same results for every sequence of a benchmark."""
    folder.mkdir(exist_ok=True)
    for name in BENCHMARKS[benchmark].lengths:
        (folder / f"{name}.txt").write_text(text)
    return folder


def faults(tmp_path: Path, text: str) -> list[str]:
    """The messages about a submission in which one file has this text."""
    folder = results(tmp_path / "results")
    (folder / "MOT20-04.txt").write_text(text)
    with pytest.raises(UserError) as error:
        pack(folder, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()
    head, *rest = str(error.value).splitlines()
    assert head == f"{folder} is not what the server of MOT20 takes:"
    return [line.strip() for line in rest]


def test_number_of_required_sequences_and_frames() -> None:
    assert {name: len(benchmark.lengths) for name, benchmark in BENCHMARKS.items()} == {
        "MOT15": 22,
        "MOT16": 14,
        "MOT17": 42,
        "MOT20": 8,
        "DanceTrack": 35,
    }
    totals = {name: sum(filter(None, benchmark.lengths.values())) for name, benchmark in BENCHMARKS.items()}
    assert totals["MOT16"] == 5316 + 5919  # frames of the training and the test set: Milan 2016
    assert totals["MOT17"] == 3 * totals["MOT16"]
    assert totals["MOT20"] == 8931 + 4479  # Dendorfer 2020


@pytest.mark.parametrize("benchmark", BENCHMARKS)
@pytest.mark.parametrize("named", [True, False])
def test_archive(tmp_path: Path, benchmark: str, named: bool) -> None:
    folder = results(tmp_path / "results", benchmark)
    (folder / "summary.json").write_text("{}")
    (folder / "PETS09-S2L9.txt").write_text("no benchmark's")
    packed = pack(folder, tmp_path / "new" / "out.zip", benchmark if named else "auto")
    assert packed == sorted(BENCHMARKS[benchmark].lengths)
    with zipfile.ZipFile(tmp_path / "new" / "out.zip") as archive:
        inside = "tracker/" if benchmark == "DanceTrack" else ""
        assert archive.namelist() == [f"{inside}{name}.txt" for name in packed]
        assert all(archive.read(name).decode() == ROWS for name in archive.namelist())
        assert archive.testzip() is None


def test_archives_are_reproducible(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pack(results(tmp_path / name), tmp_path / f"{name}.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_results_of_a_private_detector_are_used_for_all_public_detectors(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    for name in BENCHMARKS["MOT17"].lengths:
        (folder / f"{name.rpartition('-')[0]}.txt").write_text(ROWS)
    (folder / "MOT17-01-SDP.txt").write_text("")
    assert len(pack(folder, tmp_path / "out.zip")) == 42
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read("MOT17-01-SDP.txt") == b""  # an empty result is valid
        assert archive.read("MOT17-01-DPM.txt").decode() == ROWS


def test_windows_line_ends_and_byte_order_marks_are_removed(tmp_path: Path) -> None:
    folder = results(tmp_path / "results")
    (folder / "MOT20-04.txt").write_bytes(b"\xef\xbb\xbf" + ROWS.replace("\n", "\r\n").encode())
    pack(folder, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read("MOT20-04.txt").decode() == ROWS


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("1,1,10,20,30,60,1", "line 4: 7 columns separated by commas, expected 10"),
        ("1 3 10 20 30 60 1 -1 -1 -1", "line 4: 1 column separated by commas, expected 10"),
        ("1,a,10,20,30,60,1,-1,-1,-1", "line 4: not a number"),
        ("1,1_0,10,20,30,60,1,-1,-1,-1", "line 4: not a number"),
        ("1,3,nan,20,30,60,1,-1,-1,-1", "line 4: a number is not finite"),
        ("1.5,3,10,20,30,60,1,-1,-1,-1", "line 4: the frame is not a whole number"),
        ("1,3.5,10,20,30,60,1,-1,-1,-1", "line 4: the id is not a whole number"),
        ("0,3,10,20,30,60,1,-1,-1,-1", "line 4: the frame is below 1"),
        ("2081,3,10,20,30,60,1,-1,-1,-1", "line 4: the frame is beyond the last, 2080"),
        ("1,-1,10,20,30,60,1,-1,-1,-1", "line 4: the id is below 1"),
        ("1,3,10,20,0,60,1,-1,-1,-1", "line 4: the width or height is not above 0"),
        ("1,3,10,20,30,-6,1,-1,-1,-1", "line 4: the width or height is not above 0"),
        ("1,2,10,20,30,60,1,-1,-1,-1", "line 4: an id is in its frame already (id 2 in frame 1)"),
    ],
)
def test_faults_have_file_and_line(tmp_path: Path, row: str, fault: str) -> None:
    assert faults(tmp_path, ROWS + row + "\n") == [f"MOT20-04.txt: {fault}"]


def test_all_faults_are_listed(tmp_path: Path) -> None:
    folder = results(tmp_path / "results")
    wrong = "\n1,1,10,20,30\n\n1,5,10,20,30,60,1,-1,-1,x\n" + "".join(f"{f},0,1,1,1,1,1,1,1,1\n" for f in range(1, 9))
    (folder / "MOT20-04.txt").write_text(wrong)
    (folder / "MOT20-07.txt").write_text("1,1\n")
    (folder / "MOT20-08.txt").unlink()
    with pytest.raises(UserError) as error:
        pack(folder, tmp_path / "out.zip")
    assert LINES_NAMED == 3
    assert [line.strip() for line in str(error.value).splitlines()[1:]] == [
        "1 of the 8 sequences it asks for, training sequences too, is missing: MOT20-08",
        "MOT20-04.txt: line 2: 5 columns separated by commas, expected 10",
        "MOT20-04.txt: line 4: not a number",
        "MOT20-04.txt: lines 5, 6, 7 … (8 lines): the id is below 1",
        "MOT20-07.txt: line 1: 2 columns separated by commas, expected 10",
    ]


def test_folders_without_results(tmp_path: Path) -> None:
    (tmp_path / "mot20-01.txt").write_text(ROWS)
    with pytest.raises(UserError, match=r"has no results of MOT15, MOT16.*found 1 file \(mot20-01.txt\)"):
        pack(tmp_path, tmp_path / "out.zip")
    with pytest.raises(UserError, match="no such folder"):
        pack(tmp_path / "absent", tmp_path / "out.zip")
    with pytest.raises(UserError, match="is a file, expected a folder"):
        pack(tmp_path / "mot20-01.txt", tmp_path / "out.zip")
    with pytest.raises(UserError, match="no benchmark 'MOT18', expected auto or one of MOT15"):
        pack(tmp_path, tmp_path / "out.zip", "MOT18")
