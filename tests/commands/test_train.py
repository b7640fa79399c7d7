"""`idfree train` and `idfree export`, run as commands on synthetic streets."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("onnxscript")

from idfree.cli import main
from idfree.core.files import write_text
from idfree.learn.methods import one_shot
from idfree.pipelines.training import training_data
from idfree.sequences.motchallenge import read_ground_truth, read_results, write_ground_truth
from idfree.sequences.rows import to_columns
from idfree.show.video_writer import VideoWriter
from idfree.synthetic.scene import make_street

SIZE_HW = (192, 320)
SMALL = ("--backbone", "narrow", "--size", "320x192", "--batch", "4", "--set", "threads=1", "--device", "cpu")
STILL = ("flip=0", "rotation=0", "shift=0", "smallest=1", "largest=1", "shear=0", "saturation=0", "value=0")


@pytest.fixture(autouse=True)
def quiet_log(narrow):
    yield
    logging.getLogger().handlers.clear()


def written(folder: Path, seed: int, frames: int) -> Path:
    """A synthetic street as a MOTChallenge sequence with a video; hidden people are not labelled."""
    made = make_street(seed, people=8, frames=frames, size_hw=SIZE_HW)
    folder.mkdir(parents=True)
    with VideoWriter(folder / "video.mp4", 20, SIZE_HW) as video:
        for frame in made.sequence:
            video.write(frame.image)
    write_ground_truth(folder / "gt" / "gt.txt", made.truth[made.truth.visibility > 0.2])
    write_text(folder / "seqinfo.ini", f"[Sequence]\nname={folder.name}\nframeRate=20\nseqLength={frames}\n")
    return folder


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streets")
    for seed, frames in ((3, 20), (4, 6)):
        written(folder / f"street-{seed}", seed, frames)
    return folder


@pytest.fixture
def unexported(monkeypatch):
    """Skip the export, which takes seconds."""
    monkeypatch.setattr(one_shot, "export", lambda *arguments: None)


FAIRMOT = ("--tracker", "fairmot")  # which counts the matches by appearance


def idfree(*words: object) -> int:
    return main([str(word) for word in words])


def metrics(run: Path) -> list:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_model_overfits_twenty_frames_and_tracks_them(streets, tmp_path, capsys):
    """Training, validation, best.pt, export with its parity check, tracking with both files, evaluation."""
    run, video = tmp_path / "run", streets / "street-3"
    learnt = (*SMALL, "--epochs", 20, "--lr", 5e-3, "--set", "schedule=one-cycle", "--val", video, "--val-every", 10)
    still = [word for change in STILL for word in ("--set", f"augmentation.{change}")]
    assert idfree("train", "fairmot", video, "-o", run, *learnt, *still, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == str(run / "model.onnx")
    assert report["metrics"]["MOTA"] > 0.9
    assert report["metrics"]["IDF1"] > 0.9
    for name in ("model.onnx", "best.pt"):
        words = ("--detector", run / name, "--device", "cpu", "-o", tmp_path / name, "-q", *FAIRMOT)
        assert idfree("track", video, *words) == 0
        summary = json.loads((tmp_path / name / "summary.json").read_text())["sequences"][0]
        assert summary["matches"]["appearance"] > 0
    capsys.readouterr()
    assert idfree("eval", tmp_path / "model.onnx", video, "--json") == 0
    metrics_of_model = json.loads(capsys.readouterr().out)["COMBINED"]
    assert metrics_of_model["MOTA"] > 0.9
    one, two = (read_results(tmp_path / name / "street-3.txt") for name in ("model.onnx", "best.pt"))
    np.testing.assert_array_equal(one.id, two.id)
    np.testing.assert_allclose(one.xyxy, two.xyxy, atol=0.1)


def test_identities_from_motion_do_not_use_annotated_ones(streets, tmp_path, unexported):
    """Training is the same on a street with other identities in each frame."""
    renamed = tmp_path / "renamed" / "street-3"
    copytree(streets / "street-3", renamed)
    truth = read_ground_truth(renamed / "gt" / "gt.txt")
    _, first, count = np.unique(truth.frame, return_index=True, return_counts=True)
    nth = np.arange(len(truth)) - np.repeat(first, count)
    write_ground_truth(renamed / "gt" / "gt.txt", replace(truth, id=nth + 1))
    runs = tmp_path / "one", tmp_path / "two"
    for data, run in zip((streets / "street-3", renamed), runs, strict=True):
        words = ("train", "fairmot", data, "-o", run, *SMALL, "--epochs", 1, "--identities", "tracklets", "-q")
        assert idfree(*words) == 0
    one, two = ([line["identity"] for line in metrics(run)] for run in runs)
    assert one == two
    assert min(one) > 0


def test_a_tracker_from_raw_video(streets, tmp_path, unexported, capsys):
    """`label`, then `train`; there is a warning if only boxes of tracklets are labelled."""
    made = make_street(3, people=8, frames=20, size_hw=SIZE_HW)
    columns = to_columns(made.detections)
    rows = np.column_stack([columns[name] for name in ("frame", "id", "x", "y", "w", "h", "score")])
    np.savetxt(tmp_path / "boxes.txt", rows, delimiter=",")
    video = streets / "street-3" / "video.mp4"
    for name, options, warned in (("some", (), True), ("all", ("--everybody",), False)):
        labels, fit = tmp_path / name, ("--set", "min_boxes=4", "--set", "min_height=8")
        assert idfree("label", video, "--detector", tmp_path / "boxes.txt", "-o", labels, "-q", *fit, *options) == 0
        words = ("train", "fairmot", labels / "video", "-o", tmp_path / f"run-{name}", *SMALL, "--epochs", 1, "-q")
        assert idfree(*words) == 0
        assert ("has boxes of tracklets alone" in capsys.readouterr().err) == warned
        assert len(metrics(tmp_path / f"run-{name}")) == 5


def test_halves_cached_frames_and_resuming(streets, tmp_path, capsys, unexported):
    """Video frames are cached once; the second halves are validated on; a finished run is not repeated."""
    words = ("train", "fairmot", streets, "--half", "train", "-o", tmp_path, *SMALL, "--epochs", 1, "--workers", 2)
    assert idfree(*words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("HOTA 0.0 MOTA")
    assert lines[1].startswith(f"{tmp_path / 'model.onnx'}, the network of iteration 4: HOTA")
    assert len(list(tmp_path.glob("frames/*/*.jpg"))) == 11 + 4
    (validation,) = [line["validation"] for line in metrics(tmp_path) if "validation" in line]
    assert validation["CLR_FN"] > 0
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings["trained_on"] == "street-3, street-4; terms of that footage apply"
    assert settings["data"].startswith("15 pictures of 2 footages")
    before = (tmp_path / "metrics.jsonl").read_text()
    assert idfree(*words) == 2
    assert "--resume" in capsys.readouterr().err
    assert idfree(*words, "--resume", "-q") == 0
    assert (tmp_path / "metrics.jsonl").read_text() == before


def test_without_validation_the_best_is_the_last(streets, tmp_path, capsys, unexported):
    words = (
        "train",
        "fairmot",
        streets / "street-4",
        "-o",
        tmp_path,
        *SMALL,
        "--epochs",
        1,
        "--cache",
        tmp_path / "kept",
    )
    assert idfree(*words, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "model": str(tmp_path / "model.onnx"),
        "iteration": 2,
        "metrics": {},
    }
    assert not (tmp_path / "frames").exists()
    assert len(list(tmp_path.glob("kept/*/*.jpg"))) == 6


def test_fine_tuning_takes_over_the_run_and_names_its_data(streets, tmp_path, capsys, unexported):
    base, tuned = tmp_path / "base", tmp_path / "tuned"
    small = ("--backbone", "narrow", "--size", "96x64", "--batch", 3, "--lr", 1e-3, "--set", "clip=20")
    assert idfree("train", "fairmot", streets / "street-3", "-o", base, *small, "--epochs", 1, "-q") == 0
    words = ("train", "outrack", streets / "street-4", "-o", tuned, "--fine-tune", base / "best.pt", "-q")
    assert idfree(*words, "--init", "x.pt") == 2
    assert "leave --init x.pt out" in capsys.readouterr().err
    words = (*words, "--batch", 3, "--set", "freeze=backbone", "--set", "accumulate=2")
    assert idfree(*words, "--epochs", 2) == 0
    settings = json.loads((tuned / "settings.json").read_text())
    taken = {"backbone": "narrow", "size": "96x64", "lr": 1e-5, "init": str(base / "best.pt"), "clip": 35.0}
    assert {name: settings[name] for name in taken} == pytest.approx(taken)
    assert settings["trained_on"] == "street-3, then street-4; terms of that footage apply"
    assert len(metrics(tuned)) == 2  # of six frames
    assert idfree(*words, "--epochs", 3, "--resume") == 0
    assert len(metrics(tuned)) == 3
    assert "epochs was 2, now 3" in capsys.readouterr().err


def test_all_classes_are_learnt(streets, tmp_path, unexported):
    street = tmp_path / "street-4"
    copytree(streets / "street-4", street)
    truth = read_ground_truth(street / "gt" / "gt.txt")
    write_ground_truth(street / "gt" / "gt.txt", replace(truth, class_id=1 + truth.id % 3))
    words = ("train", "clmot", street, "-o", tmp_path / "run", *SMALL, "--epochs", 1, "-q", "--val", street)
    assert idfree(*words, "--set", "data.classes=all") == 0
    assert json.loads((tmp_path / "run" / "settings.json").read_text())["classes"] == ["1", "2", "3"]


def test_a_run_cannot_be_fine_tuned_into_itself(streets, tmp_path, capsys, unexported):
    words = ("train", "fairmot", streets / "street-4", "-o", tmp_path, *SMALL, "--epochs", 1, "-q")
    assert idfree(*words) == 0
    assert idfree(*words[:5], "--fine-tune", tmp_path / "best.pt") == 2
    assert str(tmp_path / "best.pt") in capsys.readouterr().err


def test_export_of_any_checkpoint(streets, tmp_path, capsys, unexported, monkeypatch):
    words = ("train", "fairmot", streets / "street-4", "-o", tmp_path, *SMALL, "--epochs", 1, "-q")
    assert idfree(*words) == 0
    monkeypatch.undo()
    assert idfree("export", tmp_path / "last.pt", "-o", tmp_path / "x.onnx") == 0
    assert capsys.readouterr().out.endswith(f"does of {tmp_path / 'last.pt'}\n")
    assert idfree("track", streets / "street-4", "--detector", tmp_path / "x.onnx", "-o", tmp_path / "out", "-q") == 0
    for out in ((), ("-o", tmp_path / "y.onnx")):
        assert idfree("export", tmp_path / "x.onnx", *out) == 2
        assert "x.onnx: is exported already; expected the checkpoint of a training" in capsys.readouterr().err


def test_an_encoder_from_crops_of_identities(streets, tmp_path, capsys):
    words = (
        "train",
        "simplereid",
        streets,
        "-o",
        tmp_path,
        "--device",
        "cpu",
        "--json",
        "--set",
        "label.min_height=16",
    )
    little = ("iterations=2", "tracklets=4", "group=2", "threads=1", "label.min_clean=3")
    little = [word for change in little for word in ("--set", change)]
    assert idfree(*words, *little, "--set", "identities=true") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == str(tmp_path / "appearance.onnx")
    assert report["tracklets"] > 8  # of both streets
    assert idfree("export", tmp_path / "last.pt", "-o", tmp_path / "again.onnx", "-q") == 0
    capsys.readouterr()
    assert idfree("track", streets / "street-4", "--detector", tmp_path / "again.onnx", "-o", tmp_path / "out") == 2
    assert "is a model of appearance" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--backbone", "vgg"), "backbone vgg: unknown, expected one of dla34"),
        (("--size", "300x200"), "expected multiples of 32"),
        (("--set", "learning=1"), "has no setting 'learning'"),
        (("--set", "augmentation.twist=1"), "has no setting 'twist'"),
        (("--set", "data.min_visibility=2"), "must lie in 0…1"),
        (("--val-every", "0"), "--val-every 0: expected 1 or more"),
        (("--tracker", "tracktor", "--half", "train"), "--tracker tracktor: cannot validate"),
        (("--workers", "-1"), "--workers -1: expected 0 or more"),
        (("--val", "nowhere"), "no such file or folder: nowhere"),
        (("--init", "nowhere.pt"), "no such file: nowhere.pt"),
        (("--device", "openvino"), "--device openvino"),
    ],
)
def test_user_errors(streets, tmp_path, capsys, words, message):
    assert idfree("train", "fairmot", streets / "street-4", "-o", tmp_path, *SMALL, "--epochs", 1, *words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("fairmot", *SMALL, "--backbone", "vgg"), "backbone vgg: unknown"),
        (("fairmot", *SMALL, "--set", "freeze=tail"), "freeze=tail: the network has no such part"),
        (("fairmot", *SMALL, "--init", "weights.pt"), "weights.pt: "),
        (("fairmot", *SMALL), "last.pt is there already"),
        (("tdt",), "tdt distils a teacher: name a crop Re-ID network (--teacher MODEL.onnx)"),
        (("simplereid", "--init", "weights.pt"), "weights.pt: "),
        (("simplereid",), "last.pt is there already"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_data_are_read(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    for name in ("weights.pt", "earlier/last.pt"):
        write_text(tmp_path / name, "")
    monkeypatch.setattr(training_data, "open_all", lambda *arguments: pytest.fail("the data are read"))
    assert idfree("train", *words, tmp_path, "-o", tmp_path / "earlier") == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--val", "x"), "simplereid is not validated by tracking"),
        (("--stride", "4"), "has no setting 'stride'"),
        (("--set", "augmentation.flip=0"), "simplereid has no such setting"),
        (("--set", "label.min_height=1000"), "nobody to learn from in street-3, street-4: no id has 4 boxes"),
    ],
)
def test_user_errors_with_crops(streets, tmp_path, capsys, words, message):
    assert idfree("train", "simplereid", streets, "-o", tmp_path, *words) == 2
    assert message in capsys.readouterr().err
