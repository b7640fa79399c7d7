"""`idfree adapt`, run as a command on synthetic streets; the quality of its models is not measured here."""

import json
import logging
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="training needs PyTorch")

from idfree.appearance.crop_network import CropNetwork
from idfree.cli import main
from idfree.core.cropset import CropSet
from idfree.core.settings import override
from idfree.detectors import PrecomputedDetector
from idfree.learn.training import Training
from idfree.pipelines.adaptation import crops as adapt_crops
from idfree.pipelines.adaptation.crops import collect_crops, crops_file
from idfree.pipelines.detection.open_detector import DetectorConfig
from idfree.pipelines.labelling.pseudolabels import LabelSettings
from idfree.pipelines.labelling.videos import Labelling
from idfree.pipelines.tracking.selection import Selection
from idfree.pipelines.video_jobs import make_jobs
from idfree.sequences.motchallenge import read_results
from idfree.show.video_writer import VideoWriter
from idfree.synthetic.scene import make_street

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
        made = make_street(seed, people=8, frames=30, size_hw=SIZE)
        with VideoWriter(folder / f"{name}.mp4", 20, SIZE) as video:
            for frame in made.sequence:
                video.write(frame.image)
        boxes = zip(made.detections.frame, made.detections.xyxy, made.detections.score, strict=True)
        rows = [f"{n},-1,{x:.1f},{y:.1f},{u - x:.1f},{v - y:.1f},{s:.2f}" for n, (x, y, u, v), s in boxes]
        (folder / "boxes" / f"{name}.txt").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def learnt(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder for both videos, without interruption."""
    out = tmp_path_factory.mktemp("learnt")
    assert adapt(films, out, films / "one.mp4", films / "two.mp4") == 0
    return out


def words(films: Path, out: Path, *options: object) -> list[str]:
    easy = [word for setting in EASY for word in ("--set", f"label.{setting}")]
    return [str(word) for word in ("adapt", "--detector", films / "boxes", "-o", out, *LITTLE, *easy, *options)]


def adapt(films: Path, out: Path, *options: object) -> int:
    return main(words(films, out, *options))


def collect(
    films: Path, out: Path, *videos: Path, workers: int = 1, dask: str | None = None, every: int = 1, classes: str = ""
) -> dict[str, Path]:
    """Only the first step: the files of crops, by video."""
    config = DetectorConfig(str(films / "boxes"), classes=classes)
    jobs, labels = make_jobs(videos, config, workers, dask), override(LabelSettings(), EASY)
    selection = Selection(every=every, classes=config.class_numbers(), appearance="none")
    _, reports = collect_crops(Labelling.prepare(jobs, out, config, selection, labels), (64, 32))
    return {name: crops_file(out, name) for name in reports}


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
    assert summary["matches"]["overlap"] > 0


def test_finished_work_is_not_repeated(films, learnt, capsys):
    crops, log = learnt / "crops" / "one" / "crops.npz", learnt / "metrics.jsonl"
    before = crops.stat().st_mtime_ns, log.read_text()  # the log says how long each iteration took
    assert adapt(films, learnt, films / "one.mp4", films / "two.mp4", "--json") == 0
    assert (crops.stat().st_mtime_ns, log.read_text()) == before
    assert json.loads(capsys.readouterr().out) == json.loads((learnt / "report.json").read_text())


def test_an_interrupted_run_resumes_with_the_same_result(films, learnt, tmp_path, capsys, monkeypatch):
    """Ctrl-C in the middle of the second video, then in the middle of training, after iteration 3 of 6."""
    both = (films / "one.mp4", films / "two.mp4")
    with monkeypatch.context() as patch:
        patch.setattr(PrecomputedDetector, "__call__", interrupted(PrecomputedDetector.__call__, at=45))
        assert adapt(films, tmp_path, *both) == 130
    assert "interrupted: 1 of 2 videos are labelled and kept" in capsys.readouterr().err
    first = crops_file(tmp_path, "one").stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(Training, "iterate", interrupted(Training.iterate, at=4))
        assert adapt(films, tmp_path, *both) == 130
    assert crops_file(tmp_path, "one").stat().st_mtime_ns == first
    assert not (tmp_path / "appearance.onnx").exists()
    assert adapt(films, tmp_path, *both) == 0
    iterations = [json.loads(line)["iteration"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert iterations == [1, 2, 3, 4, 5, 6]
    assert (tmp_path / "appearance.onnx").read_bytes() == (learnt / "appearance.onnx").read_bytes()


def interrupted(function: Callable[..., Any], at: int) -> Callable[..., Any]:
    """The function, with Ctrl-C at the start of its n-th call."""
    calls = count(1)

    def call(*arguments: Any) -> Any:
        if next(calls) == at:
            signal.raise_signal(signal.SIGINT)
        return function(*arguments)

    return call


@pytest.mark.parametrize("pool", ["workers", "dask"])
def test_crops_are_the_same_from_other_processes(films, tmp_path, pool, request):
    options = {"workers": 2} if pool == "workers" else {"dask": request.getfixturevalue("cluster")}
    both = (films / "one.mp4", films / "two.mp4")
    alone, many = collect(films, tmp_path / "alone", *both), collect(films, tmp_path / "many", *both, **options)
    assert list(alone) == list(many) == ["one", "two"]
    for name in alone:
        assert alone[name].read_bytes() == many[name].read_bytes()


def test_a_broken_video_does_not_stop_the_others(films, tmp_path, capsys):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes((films / "two.mp4").read_bytes()[:3000])
    assert list(collect(films, tmp_path / "run", films / "one.mp4", broken)) == ["one"]
    assert adapt(films, tmp_path / "run", films / "one.mp4", broken, "--iterations", "0") == 0
    (command,) = json.loads((tmp_path / "run" / "report.json").read_text())["next"]
    assert str(films / "one.mp4") in command
    assert str(broken) not in command


def test_a_candidate_of_an_earlier_run_is_not_overwritten_while_it_teaches(films, learnt, capsys):
    teacher = learnt / "candidates" / "people.onnx"
    before = teacher.read_bytes()
    assert adapt(films, learnt, films / "one.mp4", "--iterations", "0", "--teacher", teacher) == 2
    assert f"{teacher} would overwrite {teacher}, which is read" in capsys.readouterr().err
    assert teacher.read_bytes() == before


def test_reports_of_earlier_versions_name_no_classes(films, tmp_path, monkeypatch):
    """What the detector may have found stands in for what it did."""
    monkeypatch.setattr(adapt_crops, "reported_class_names", lambda detector: {0: "car", 1: "dog"})
    config, labels = DetectorConfig(str(films / "boxes")), override(LabelSettings(), EASY)
    jobs, selection = make_jobs([films / "one.mp4"], config), Selection(appearance="none")
    arguments = Labelling.prepare(jobs, tmp_path, config, selection, labels), (64, 32)
    _, reports = collect_crops(*arguments)
    assert set(reports["one"]["class_names"]) < {"car", "dog"}
    manifest = crops_file(tmp_path, "one").with_name("settings.json")
    entries = json.loads(manifest.read_text())
    del entries["report"]["class_names"], entries["checksum"]
    manifest.write_text(json.dumps(entries))
    before = crops_file(tmp_path, "one").stat().st_mtime_ns
    _, reports = collect_crops(*arguments)
    assert reports["one"]["class_names"] == ["car", "dog"]
    assert crops_file(tmp_path, "one").stat().st_mtime_ns == before


def test_other_options_give_other_crops(films, tmp_path):
    """Existing crops are used only if they are from the same inputs."""

    def count_crops(**options: Any) -> int:
        return len(CropSet.load(collect(films, tmp_path, films / "one.mp4", **options)["one"]))

    total = count_crops()
    assert count_crops(every=2) < total == count_crops()
    assert count_crops(classes="7") == 0


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-1000], lambda content: content[:9000] + b"?" + content[9001:]]
)
def test_damaged_crops_are_made_again(films, tmp_path, caplog, damage):
    file = collect(films, tmp_path, films / "one.mp4")["one"]
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    collect(films, tmp_path, films / "one.mp4")
    assert "crops.npz is missing or damaged: it is made again" in caplog.text
    assert file.read_bytes() == whole


def test_damaged_crops_of_earlier_versions_are_made_again(films, tmp_path, caplog):
    """Their manifests have no checksums."""
    file = collect(films, tmp_path, films / "one.mp4")["one"]
    whole, manifest = file.read_bytes(), file.with_name("settings.json")
    entries = {
        key: value for key, value in json.loads(manifest.read_text()).items() if key not in ("files", "checksum")
    }
    for content in (b"", whole[:-1000]):
        manifest.write_text(json.dumps(entries))
        file.write_bytes(content)
        collect(films, tmp_path, films / "one.mp4")
        assert "crops.npz is missing or damaged: it is made again" in caplog.text
        caplog.clear()
        assert file.read_bytes() == whole


def test_crops_of_a_replaced_video_are_made_again(films, tmp_path, caplog):
    video = tmp_path / "one.mp4"
    video.write_bytes((films / "one.mp4").read_bytes())
    before = collect(films, tmp_path, video)["one"].read_bytes()
    video.write_bytes((films / "two.mp4").read_bytes())
    assert collect(films, tmp_path, video)["one"].read_bytes() != before
    assert "earlier results are made again, as these have changed: video" in caplog.text


WALK = [f"{n},-1,{10 + 2 * n},20,40,120,0.9" for n in range(1, 31)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "tracklets worth learning from: 0, expected 4 at the least: give more or longer videos, a better"),
        (["1,-1,5,5,10,40,0.9"], "tracklets worth learning from: 0"),
        (WALK, "tracklets worth learning from: 1"),
        ([*WALK, "99,-1,5,5,10,40,0.9"], "has boxes in frame 99, but one has 30 frames: are they of another"),
        (["1,-1,5,5,10"], "line 1: 5 columns, expected 7"),
    ],
    ids=["nobody", "one box", "one person", "another video", "no detections"],
)
def test_videos_without_usable_tracklets(films, tmp_path, capsys, rows, message):
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
def test_user_errors(films, tmp_path, capsys, options, message):
    assert adapt(films, tmp_path, films / "one.mp4", *options) == 2
    assert message in capsys.readouterr().err
