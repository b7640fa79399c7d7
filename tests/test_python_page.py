"""The examples of docs/python.md run, one after the other; `update` takes what it says; paths are str or Path."""

import inspect
import os
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import idfree
from idfree.show.video_writer import VideoWriter

PAGE = Path(__file__).resolve().parents[1] / "docs" / "python.md"
PATHS = {"source", "sources", "results", "truth", "out", "detector", "appearance", "camera", "public", "settings"}
PATHS |= {"videos", "data", "teacher", "fine_tune", "cache", "homography"}


@pytest.fixture
def street(tmp_path, monkeypatch):
    """street.mp4, a bright square that crosses a dark street, and its ground truth."""
    monkeypatch.chdir(tmp_path)
    rows = []
    with VideoWriter("street.mp4", 10, (120, 160)) as video:
        for number in range(1, 21):
            image = np.full((120, 160, 3), 60, dtype=np.uint8)
            image[50:90, 6 * number : 6 * number + 20] = 255
            video.write(image)
            rows.append(f"{number},1,{6 * number + 1},51,20,40,1,1,1")
    Path("truth/street/gt").mkdir(parents=True)
    Path("truth/street/gt/gt.txt").write_text("\n".join(rows) + "\n")
    Path("truth/street/seqinfo.ini").write_text("[Sequence]\nname=street\nframeRate=10\nseqLength=20\n")


def test_the_examples_run(street, capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 6
    names = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    printed = capsys.readouterr().out
    assert " people\n" in printed
    assert "nowhere.mp4" in printed
    assert Path("street.mp4").stat().st_size
    assert names["picture"] == {"street": os.path.join("runs", "street", "street-heat.png")}


def test_the_page_names_every_command():
    from idfree.cli import COMMANDS

    text = PAGE.read_text(encoding="utf-8")
    named = {name.replace("_", "-").split("-")[0] for name in COMMANDS} - {"version", "demo"}
    assert all(f"`{name}" in text for name in named)
    functions = re.findall(r"`(\w+)(?:`|\()", text.partition("| command |")[2].partition("\n\n")[0])
    assert all(hasattr(idfree, name) for name in functions if name not in COMMANDS and name not in ("data", "eval"))


BOXES = np.array([[10.0, 20, 50, 140], [200, 20, 240, 140]])
SCORES, CLASSES = np.array([0.9, 0.8]), np.array([0, 2])


def supervision_like():
    """An object with the attributes of supervision.Detections."""
    return SimpleNamespace(xyxy=BOXES.astype(np.float32), confidence=SCORES, class_id=CLASSES, mask=None, data={})


def torch_rows():
    torch = pytest.importorskip("torch")
    return torch.tensor(np.column_stack([BOXES, SCORES, CLASSES]), requires_grad=True)


def torch_dict():
    torch = pytest.importorskip("torch")
    return {"boxes": torch.tensor(BOXES), "scores": torch.tensor(SCORES), "labels": torch.tensor(CLASSES)}


@pytest.mark.parametrize(
    "make",
    [
        lambda: idfree.Detections(BOXES, SCORES, CLASSES),
        lambda: np.column_stack([BOXES, SCORES, CLASSES]),
        lambda: np.column_stack([BOXES, SCORES, CLASSES]).tolist(),
        supervision_like,
        torch_rows,
        torch_dict,
    ],
)
def test_update_takes_boxes_of_all_kinds(make):
    tracker = idfree.trackers.ByteTrack()
    tracks = tracker.update(make())
    assert tracks.xyxy.tolist() == BOXES.tolist()
    assert tracks.score.tolist() == SCORES.tolist()
    assert tracks.class_id.tolist() == CLASSES.tolist()
    assert len(tracker.update(None)) == 0


def test_detections_of_supervision_itself():
    supervision = pytest.importorskip("supervision", reason="Roboflow's supervision is not installed")
    given = supervision.Detections(xyxy=BOXES, confidence=SCORES, class_id=CLASSES)
    tracks = idfree.trackers.ByteTrack().update(given)
    assert tracks.to_supervision().xyxy.tolist() == BOXES.tolist()


@pytest.mark.parametrize("name", [name for name in idfree.__all__ if inspect.isfunction(getattr(idfree, name))])
def test_paths_may_be_str_or_path(name):
    for parameter in inspect.signature(getattr(idfree, name)).parameters.values():
        annotation = str(parameter.annotation)
        is_path = parameter.name in PATHS or ("Path" in annotation and "Callable" not in annotation)
        if is_path and "Any" not in annotation and "Literal" not in annotation:
            assert "str" in annotation, parameter
            assert "Path" in annotation, parameter


def test_classes_by_name(tmp_path):
    truth = tmp_path / "a" / "gt" / "gt.txt"
    truth.parent.mkdir(parents=True)
    truth.write_text("1,1,10,10,20,40,1,1,1\n1,2,100,10,60,40,1,3,1\n")
    (tmp_path / "a.txt").write_text("1,-1,100,10,60,40,0.9\n")
    found = {name: idfree.evaluate_detection(tmp_path / "a.txt", truth, class_id=name) for name in ("car", 3, "3", 1)}
    assert found["car"] == found[3] == found["3"]
    assert found["car"] != found[1]
    with pytest.raises(idfree.UserError, match=r"class 'bus': .* has the classes pedestrian, "):
        idfree.evaluate_detection(tmp_path / "a.txt", truth, class_id="bus")
