"""Whether a file of boxes belongs to a video, by name and frame numbers, and that all commands check it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from idfree import cli
from idfree.core.errors import UserError
from idfree.core.messages import warn_once
from idfree.core.types import Sequence
from idfree.sequences.motchallenge import read_results
from idfree.sequences.same_video import match_frames, video_name, warn_of_other_name
from idfree.show.video_writer import VideoWriter

GT = "".join(f"{frame},1,{5 + frame},5,10,20,1,1,1\n" for frame in (1, 2, 3))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sequences set/one and set/two with the same boxes, results/one.txt with features, and the video two.mp4."""
    for name in ("one", "two"):
        for file, text in (("gt/gt.txt", GT), ("det/det.txt", GT.replace(",1,1,1", ",0.9").replace(",1,", ",-1,"))):
            (tmp_path / "set" / name / file).parent.mkdir(parents=True)
            (tmp_path / "set" / name / file).write_text(text)
        info = f"[Sequence]\nname={name}\nframeRate=10\nseqLength=3\nimWidth=60\nimHeight=40\n"
        (tmp_path / "set" / name / "seqinfo.ini").write_text(info)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/one.txt").write_text(GT)
    columns = [[frame, -1, 5 + frame, 5, 10, 20, 1, frame % 2, 1] for frame in (1, 2, 3)]
    np.save(tmp_path / "results/one.npy", np.array(columns, dtype=np.float32))
    with VideoWriter(tmp_path / "two.mp4", 10, (40, 60)) as writer:
        for _ in range(3):
            writer.write(np.full((40, 60, 3), 90, np.uint8))
    monkeypatch.chdir(tmp_path)
    warn_once.cache_clear()  # the same relative paths in each test
    return tmp_path


COMMANDS = (  # with {} the sequence, or its video
    *("eval results/one.txt set/{}", "eval results/one.txt set/{}/gt/gt.txt"),
    *("eval-detections set/one/det/det.txt set/{}", "eval-appearance results/one.npy set/{}"),
    *("track set/{} --detector set/one/det/det.txt --tracker sort -o out", "refine results/one.txt set/{} -o out"),
    *("show results/one.txt {}.mp4 -o out", "show results/one.txt {}.mp4 --plot trails -o out"),
    *("view results/one.txt -o out/one.html --truth set/{}", "count results/one.txt set/{} --line 0,0,9,9 -o out"),
    "view results/one.txt -o out/one.html --appearance results/{}.npy",
    "data convert results/one.txt --to coco --images {}.mp4 -o out",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_of_another_name(home, capsys, command):
    (home / "two.mp4").with_name("one.mp4").write_bytes((home / "two.mp4").read_bytes())
    (home / "results/two.npy").write_bytes((home / "results/one.npy").read_bytes())
    assert cli.main([*command.format("two").split(), "-q"]) == 0
    said = capsys.readouterr().err
    assert "The names differ: found one, expected two" in said or "The names differ: found two, expected one" in said
    assert len(said.splitlines()) == 1
    assert cli.main([*command.format("one").split(), "-q"]) == 0
    assert "names differ" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("set/one/gt/gt.txt", "one"),
        ("set/one/det/det.txt", "one"),
        ("results/one.txt", "one"),
        ("footage/gt.txt", None),
        ("boxes.txt", None),
    ],
)
def test_names_of_files(path, expected):
    assert video_name(Path(path)) == expected


@pytest.mark.parametrize(("file", "video"), [("MOT17-04", "MOT17-04-SDP"), ("street-corrected", "street"), ("a", None)])
def test_names_that_may_belong_together(tmp_path, caplog, file, video):
    warn_of_other_name(tmp_path / f"{file}.txt", video)
    assert not caplog.text


def test_frames(tmp_path, caplog):
    path = tmp_path / "one.txt"
    path.write_text(GT)
    boxes, sequence = read_results(path), Sequence("one", lambda: iter(()), length=3)
    assert match_frames(boxes, path, sequence).frame.tolist() == [1, 2, 3]
    with pytest.raises(UserError, match=r"one.txt: has boxes in frame 3, but one has 2 frames: are they of another v"):
        match_frames(boxes, path, replace(sequence, length=2))
    assert match_frames(boxes, path, replace(sequence, length=None)).frame.tolist() == [1, 2, 3]
    assert not caplog.text
    assert match_frames(boxes, path, replace(sequence, first=101, length=103)).frame.tolist() == [101, 102, 103]
    assert "one.txt: counts the images of one from 1: its frame 1 is 101" in caplog.text
    with pytest.raises(UserError, match="its boxes end with frame 3, but one begins with frame 101"):
        match_frames(boxes, path, replace(sequence, first=101, length=102))
    assert len(match_frames(boxes[:0], path, replace(sequence, length=0))) == 0
