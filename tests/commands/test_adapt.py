"""`idfree adapt` as a user meets it, on made-up streets; how well it learns is measured elsewhere."""

import json
import logging
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs PyTorch")

from idfree.appearance.crop_network import CropNetwork
from idfree.cli import main, parser
from idfree.commands.adapt import collected
from idfree.core.cropset import CropSet
from idfree.core.errors import UserError
from idfree.core.settings import override
from idfree.detectors import PrecomputedDetector
from idfree.learn.training import Training
from idfree.pipelines.adapt import advice, crops_at, merged, split, tpr
from idfree.pipelines.label import LabelSettings
from idfree.sequences.motchallenge import read_results
from idfree.show.video_writer import VideoWriter
from idfree.synthetic.scene import street

LITTLE = "--iterations 6 --set threads=1 --set tracklets=4 --set group=2 --set save_every=2 -q".split()
EASY = ("min_height=16", "min_boxes=4")  # of the labels
SIZE = (240, 426)


@pytest.fixture(autouse=True)
def quiet_log():
    yield
    logging.getLogger().handlers.clear()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of 30 frames, and their detections in a folder."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "boxes").mkdir()
    for seed, name in enumerate(("one", "two")):
        made = street(seed, people=8, frames=30, size_hw=SIZE)
        with VideoWriter(folder / f"{name}.mp4", 20, SIZE) as video:
            for frame in made.sequence:
                video.write(frame.image)
        boxes = zip(made.detections.frame, made.detections.xyxy, made.detections.score, strict=True)
        rows = [f"{n},-1,{x:.1f},{y:.1f},{u - x:.1f},{v - y:.1f},{s:.2f}" for n, (x, y, u, v), s in boxes]
        (folder / "boxes" / f"{name}.txt").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def learnt(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What comes of both videos, uninterrupted."""
    out = tmp_path_factory.mktemp("learnt")
    assert adapt(films, out, films / "one.mp4", films / "two.mp4") == 0
    return out


def words(films: Path, out: Path, *options: object) -> list[str]:
    easy = [word for setting in EASY for word in ("--set", f"label.{setting}")]
    return [str(word) for word in ("adapt", "--detector", films / "boxes", "-o", out, *LITTLE, *easy, *options)]


def adapt(films: Path, out: Path, *options: object) -> int:
    return main(words(films, out, *options))


def collect(films: Path, out: Path, *options: object) -> dict[str, Path]:
    """Only the first half, the crops; gives where they are, by video."""
    said = parser().parse_args(words(films, out, *options))
    _, reports = collected(said, override(LabelSettings(), EASY), (64, 32))
    return {name: crops_at(out, name) for name in reports}


def test_from_video_to_a_model_that_tracks(films, learnt, tmp_path):
    report = json.loads((learnt / "report.json").read_text())
    assert set(report["videos"]) == {"one", "two"}
    assert report["tracklets"] >= 4
    assert 0 <= report["held_out"]["model"]["TPR@0.1"] <= 1
    page = (learnt / "report.html").read_text()
    assert "data:image/jpeg" in page
    assert "<svg" in page

    model = learnt / "appearance.onnx"
    command = ["track", films / "one.mp4", "--detector", films / "boxes", "--appearance", model, "-q", "-o", tmp_path]
    assert main([str(word) for word in command]) == 0
    assert len(read_results(tmp_path / "one.txt")) > 0
    summary = json.loads((tmp_path / "summary.json").read_text())["sequences"][0]
    assert summary["tracker"] == "Fused"
    assert summary["appearance"]["limit"] == pytest.approx(report["limit"])
    assert CropNetwork(model).upper_threshold >= report["limit"]
    assert summary["matches"]["appearance"] > 0


def test_what_is_finished_is_not_done_again(films, learnt, capsys):
    crops, log = learnt / "crops" / "one" / "crops.npz", learnt / "metrics.jsonl"
    before = crops.stat().st_mtime_ns, log.read_text()  # the log says how long each iteration took
    assert adapt(films, learnt, films / "one.mp4", films / "two.mp4", "--json") == 0
    assert (crops.stat().st_mtime_ns, log.read_text()) == before
    assert json.loads(capsys.readouterr().out) == json.loads((learnt / "report.json").read_text())


def test_interrupted_anywhere_it_goes_on_as_if_nothing_had_happened(films, learnt, tmp_path, capsys, monkeypatch):
    """By Ctrl-C, once in the middle of the second video, once in the middle of training, after iteration 3 of 6."""
    both = (films / "one.mp4", films / "two.mp4")
    with monkeypatch.context() as patch:
        patch.setattr(PrecomputedDetector, "__call__", interrupted(PrecomputedDetector.__call__, at=45))
        assert adapt(films, tmp_path, *both) == 130
    assert "interrupted: 1 of 2 videos are labelled and kept" in capsys.readouterr().err
    first = crops_at(tmp_path, "one").stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(Training, "learn", interrupted(Training.learn, at=4))
        assert adapt(films, tmp_path, *both) == 130
    assert crops_at(tmp_path, "one").stat().st_mtime_ns == first
    assert not (tmp_path / "appearance.onnx").exists()
    assert adapt(films, tmp_path, *both) == 0
    iterations = [json.loads(line)["iteration"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert iterations == [1, 2, 3, 4, 5, 6]
    assert (tmp_path / "appearance.onnx").read_bytes() == (learnt / "appearance.onnx").read_bytes()


def interrupted(function: Callable[..., Any], at: int) -> Callable[..., Any]:
    """The function, but its call of that number begins with Ctrl-C."""
    calls = count(1)

    def call(*arguments: Any) -> Any:
        if next(calls) == at:
            signal.raise_signal(signal.SIGINT)
        return function(*arguments)

    return call


@pytest.mark.parametrize("crew", [("--workers", "2"), "dask"], ids=["processes", "dask"])
def test_who_cuts_the_crops_makes_no_difference(films, tmp_path, crew, request):
    if crew == "dask":
        crew = ("--dask", request.getfixturevalue("cluster"))
    both = (films / "one.mp4", films / "two.mp4")
    alone, many = (collect(films, tmp_path / out, *both, *more) for out, more in (("alone", ()), ("many", crew)))
    assert list(alone) == list(many) == ["one", "two"]
    for name in alone:
        assert alone[name].read_bytes() == many[name].read_bytes()


def test_a_broken_video_does_not_cost_the_others(films, tmp_path, capsys):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes((films / "two.mp4").read_bytes()[:3000])
    assert list(collect(films, tmp_path / "run", films / "one.mp4", broken)) == ["one"]


def test_other_words_other_crops(films, tmp_path):
    """What is kept is right only while the same is asked for."""

    def crops(*options: object) -> int:
        return len(CropSet.load(collect(films, tmp_path, films / "one.mp4", *options)["one"]))

    every = crops()
    assert crops("--every", "2") < every == crops()
    assert crops("--classes", "7") == 0


WALK = [f"{n},-1,{10 + 2 * n},20,40,120,0.9" for n in range(1, 31)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "tracklets worth learning from: 0, expected 4 at the least: give more or longer videos, a better"),
        (["1,-1,5,5,10,40,0.9"], "tracklets worth learning from: 0"),
        (WALK, "tracklets worth learning from: 1"),
        ([*WALK, "99,-1,5,5,10,40,0.9"], "has detections of frame 99, but one has 30 frames: are they of another"),
        (["1,-1,5,5,10"], "line 1: 5 columns, expected 7"),
    ],
    ids=["nobody", "one box", "one person", "another video", "no detections"],
)
def test_videos_that_teach_nothing(films, tmp_path, capsys, rows, message):
    (tmp_path / "one.txt").write_text("\n".join(rows))
    command = ["adapt", films / "one.mp4", "--detector", tmp_path / "one.txt", "-o", tmp_path / "run", "-q"]
    assert main([str(word) for word in command]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) <= 2


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
    assert parts.held.coexisting().any()
    with pytest.raises(UserError, match="tracklets worth learning from: 3"):
        split(crop_set([(1, 5), (1, 5), (1, 5)]), seed=0)


def test_merging_keeps_videos_apart():
    both = merged([crop_set([(1, 5), (3, 8)]), crop_set([(1, 5)])])
    assert both.tracklets == 3
    assert both.video_of().tolist() == [0, 0, 1]
    assert both.coexisting().tolist() == [[False, True, False], [True, False, False], [False, False, False]]


def test_tpr_by_hand():
    different = np.arange(100) / 100
    assert tpr(np.array([0.05, 0.2]), different, 0.1) == 0.5
    assert tpr(np.array([0.0, 0.005]), different, 0.01) == 1.0


def test_advice():
    said = " ".join(advice(crop_set([(1, 5), (10, 15)]), {"a": {"largest": 0.6, "kept": 0.1}}))
    for hint in ("Only 2 tracklets", "under 50 px", "one tracklet holds 60 %", "90 % of the boxes", "No two tracklets"):
        assert hint in said
