"""`idfree adapt` as a user meets it, on made-up streets; how well it learns is measured elsewhere."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs PyTorch")

from idfree.adapt import advice, merged, split, tpr
from idfree.appearance.cropset import CropSet
from idfree.cli import main
from idfree.errors import UserError
from idfree.sequences.h264 import H264Writer
from idfree.sequences.motchallenge import read_results
from idfree.sequences.synthetic import street

LITTLE = ("--iterations", "6", "--set", "threads=1", "--set", "tracklets=4", "--set", "group=2", "-q")
EASY = ("--set", "label.min_height=16", "--set", "label.min_boxes=4")


@pytest.fixture(autouse=True)
def quiet_log():
    yield
    logging.getLogger().handlers.clear()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short videos, and their detections in a folder."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "boxes").mkdir()
    for seed, name in enumerate(("one", "two")):
        made = street(seed, people=8, frames=40, size_hw=(240, 426))
        with H264Writer(folder / f"{name}.mp4", 20, (240, 426)) as video:
            for frame in made.sequence:
                video.write(frame.image)
        boxes = zip(made.detections.frame, made.detections.xyxy, made.detections.score, strict=True)
        rows = [f"{n},-1,{x:.1f},{y:.1f},{u - x:.1f},{v - y:.1f},{s:.2f}" for n, (x, y, u, v), s in boxes]
        (folder / "boxes" / f"{name}.txt").write_text("\n".join(rows))
    return folder


def adapt(films: Path, out: Path, *options: object) -> int:
    command = ["adapt", *options, "--detector", films / "boxes", "-o", out, *LITTLE, *EASY]
    return main([str(word) for word in command])


def test_from_video_to_a_model_that_tracks(films, tmp_path, capsys):
    out = tmp_path / "run"
    assert adapt(films, out, films / "one.mp4", films / "two.mp4", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((out / "report.json").read_text())
    assert set(report["videos"]) == {"one", "two"}
    assert report["tracklets"] >= 4
    assert 0 <= report["held_out"]["model"]["TPR@0.1"] <= 1
    page = (out / "report.html").read_text()
    assert "data:image/jpeg" in page
    assert "<svg" in page

    model = out / "appearance.onnx"
    command = ["track", films / "one.mp4", "--detector", films / "boxes", "--appearance", model, "-q", "-o", tmp_path]
    assert main([str(word) for word in command]) == 0
    assert len(read_results(tmp_path / "one.txt")) > 0
    summary = json.loads((tmp_path / "summary.json").read_text())["sequences"][0]
    assert summary["tracker"] == "FairMOT"
    assert summary["appearance"]["limit"] == pytest.approx(report["limit"])
    assert summary["matches"]["appearance"] > 0


def test_what_is_finished_is_not_done_again(films, tmp_path):
    assert adapt(films, tmp_path, films / "one.mp4") == 0
    crops, log = tmp_path / "crops" / "one" / "crops.npz", tmp_path / "metrics.jsonl"
    before = crops.stat().st_mtime_ns, log.read_text()  # the log says how long each iteration took
    assert adapt(films, tmp_path, films / "one.mp4") == 0
    assert (crops.stat().st_mtime_ns, log.read_text()) == before


def test_a_broken_video_does_not_cost_the_others(films, tmp_path, capsys):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes((films / "two.mp4").read_bytes()[:3000])
    assert adapt(films, tmp_path / "run", films / "one.mp4", broken) == 0
    assert "broken: left out" in capsys.readouterr().err
    assert list(json.loads((tmp_path / "run" / "report.json").read_text())["videos"]) == ["one"]


def test_nobody_to_learn_from(films, tmp_path, capsys):
    (tmp_path / "one.txt").write_text("1,-1,5,5,10,40,0.9\n")
    command = ["adapt", films / "one.mp4", "--detector", tmp_path / "one.txt", "-o", tmp_path / "run", "-q"]
    assert main([str(word) for word in command]) == 2
    assert "0 tracklets are worth learning from, expected 4 at the least" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--network", "vgg"), "expected 'striped' or"),
        (("--set", "label.min_boxs=3"), "has no setting 'min_boxs'"),
        (("--set", "lr=fast"), "expected float"),
    ],
)
def test_mistakes(films, tmp_path, capsys, options, message):
    assert adapt(films, tmp_path, films / "one.mp4", *options) == 2
    assert message in capsys.readouterr().err


def crop_set(spans: list[tuple[int, int]], video: int = 0) -> CropSet:
    """A tracklet for each span of frames, seen in each of them."""
    frame = np.concatenate([np.arange(first, last + 1) for first, last in spans])
    tracklet = np.repeat(np.arange(len(spans)), [last - first + 1 for first, last in spans])
    boxes = np.tile([0.0, 0, 20, 50], (len(frame), 1))
    return CropSet(np.zeros((len(frame), 8, 4, 3), np.uint8), tracklet, frame, np.full(len(frame), video), boxes)


def test_held_out_tracklets_are_in_pairs_and_nowhere_else():
    crops = crop_set([(1, 10), (5, 15), (20, 30), (25, 35), (40, 50), (45, 55)])
    parts = split(crops, seed=0, share=0.3)
    assert parts.train.tracklets + parts.held.tracklets == 6
    assert len(parts.train) + len(parts.held) == len(crops)
    assert parts.held.coexist().any()
    with pytest.raises(UserError, match="3 tracklets are worth learning from"):
        split(crop_set([(1, 5), (1, 5), (1, 5)]), seed=0)


def test_merging_keeps_videos_apart():
    both = merged([crop_set([(1, 5), (3, 8)]), crop_set([(1, 5)])])
    assert both.tracklets == 3
    assert both.video_of().tolist() == [0, 0, 1]
    assert both.coexist().tolist() == [[False, True, False], [True, False, False], [False, False, False]]


def test_tpr_by_hand():
    different = np.arange(100) / 100
    assert tpr(np.array([0.05, 0.2]), different, 0.1) == 0.5
    assert tpr(np.array([0.0, 0.005]), different, 0.01) == 1.0


def test_advice():
    said = " ".join(advice(crop_set([(1, 5), (10, 15)]), {"a": {"largest": 0.6, "kept": 0.1}}))
    for hint in ("Only 2 tracklets", "under 50 px", "one tracklet holds 60 %", "90 % of the boxes", "No two tracklets"):
        assert hint in said
