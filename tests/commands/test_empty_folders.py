"""A command that ends with an error before it has written a file leaves no folder."""

from pathlib import Path

import numpy as np
import pytest

from idfree.cli import main
from idfree.core.files import empty_folders_removed, make_folder, write_text

GT = "1,1,5,5,10,20,1,1,1\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sequence without images and files that cannot be read."""
    for name, text in {
        "seq/gt/gt.txt": GT,
        "seq/det/det.txt": GT,
        "seq/seqinfo.ini": "[Sequence]\nname=seq\nframeRate=10\nseqLength=1\nimWidth=64\nimHeight=48\n",
        "bad.txt": "1,2,3\n",
        "bad.mp4": "x",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    np.save(tmp_path / "bad.npy", np.zeros((2, 3)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        *("track bad.mp4", "track seq --detector bad.txt", "track seq --detector det --video"),
        *("track seq --detector det --camera nowhere", "refine bad.txt", "refine seq/gt/gt.txt seq --camera nowhere"),
        *("show bad.txt bad.mp4", "show bad.txt seq --plot heat", "show embeddings bad.npy seq"),
        *("count bad.txt --line 0,0,9,9", "detect bad.mp4", "detect seq --detector bad.txt", "label bad.mp4"),
        *("label seq --detector bad.txt", "adapt bad.mp4", "data convert bad.txt --to coco", "demo --frames 0"),
    ],
)
def test_no_empty_folder_stays(home, capsys, command):
    before = set(home.rglob("*"))
    assert main([*command.split(), "-o", "new/out", "-q"]) == 2
    assert set(home.rglob("*")) == before
    (home / "new" / "out").mkdir(parents=True)
    assert main([*command.split(), "-o", "new/out", "-q"]) == 2
    assert (home / "new" / "out").is_dir()  # it was there before


def interrupted_run(folder: Path) -> None:
    """Make two folders and write a file into one; then end as Ctrl-C does."""
    with empty_folders_removed():
        make_folder(folder / "b")
        write_text(folder / "file", "text")
        raise KeyboardInterrupt


def test_folders_with_files_stay(home):
    with pytest.raises(KeyboardInterrupt):
        interrupted_run(home / "a")
    assert (home / "a" / "file").is_file()
    assert not (home / "a" / "b").exists()
