"""Market-1501 and MSMT17 from the command line: check, train an encoder, evaluate it across cameras."""

import json

import cv2
import numpy as np
import pytest

from idfree.cli import main
from idfree.core.errors import UserError
from idfree.datasets.open_footage import open_footage
from idfree.datasets.reid_crops import is_reid, reid_parts
from idfree.pipelines.labelling.crop_writer import CropWriter
from idfree.pipelines.training.reid_data import load_reid_crops

COLOURS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40), (40, 200, 200)]


def draw(path, person, seed):
    """A crop of 64×32 in two colours of a person, with noise."""
    image = np.zeros((64, 32, 3))
    image[:32], image[32:] = COLOURS[person % 5], COLOURS[(person + 1 + person // 5) % 5]
    noise = np.random.default_rng(seed).normal(0, 20, image.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.clip(image + noise, 0, 255).astype(np.uint8))


@pytest.fixture
def market(tmp_path):
    """Five people by two cameras in each part, a distractor and a junk crop in the gallery."""
    for part, people in (
        ("bounding_box_train", range(1, 6)),
        ("query", range(6, 11)),
        ("bounding_box_test", range(6, 11)),
    ):
        for person in people:
            for camera in (1, 2):
                for frame in range(1 if part == "query" else 4):
                    name = f"{person:04d}_c{camera}s1_{100 * person + 10 * frame:06d}_01.jpg"
                    draw(tmp_path / "market" / part / name, person - 1, 100 * person + 10 * camera + frame)
    draw(tmp_path / "market" / "bounding_box_test" / "0000_c1s1_000001_00.jpg", 3, 1)
    draw(tmp_path / "market" / "bounding_box_test" / "-1_c1s1_000001_00.jpg", 3, 2)
    return tmp_path / "market"


def run(*arguments, capsys):
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_crops_for_training(market, tmp_path):
    with CropWriter(tmp_path / "crops", (32, 16)) as writer:
        crops = load_reid_crops(market, writer)
        assert crops.crops[3].shape == (32, 16, 3)
    assert (crops.crops.shape, crops.tracklet_count, crops.identities) == ((40, 32, 16, 3), 5, True)
    assert len(np.unique(crops.video)) == 2
    assert crops.xyxy[0].tolist() == [0, 0, 32, 64]


def test_train_and_evaluate(market, tmp_path, capsys):
    pytest.importorskip("torch", reason="training needs PyTorch")
    settings = "iterations=3 threads=1 tracklets=4 group=2".split()
    options = [word for setting in settings for word in ("--set", setting)]
    trained = run("train", "simplereid", market, "-o", tmp_path / "run", *options, capsys=capsys)
    assert (trained["crops"], trained["tracklets"]) == (40, 5)
    for model in (tmp_path / "run" / "appearance.onnx", "colour"):
        figures = run("eval-appearance", model, market, capsys=capsys)["market"]
        assert (figures["queries"], figures["crops"], figures["people"]) == (10, 51, 6)
    assert figures["R1"] == 1  # by colour
    assert main(["eval-appearance", "colour", str(market)]) == 0
    assert "mAP" in capsys.readouterr().out


def test_check(market, capsys):
    reports = run("data", "check", market, capsys=capsys)["sources"]
    assert [(r["name"], r["kind"], r["feeds"]) for r in reports] == [
        ("market train", "crops", ["simplereid"]),
        ("market query", "crops", []),
        ("market gallery", "crops", []),
    ]
    assert [r["statistics"]["images"] for r in reports] == [40, 10, 42]
    assert [r["statistics"]["identities"] for r in reports] == [5, 5, 5]
    assert reports[2]["statistics"]["ignored"] == 2
    assert not any(r["warnings"] for r in reports)


def test_check_names_damaged_crops(market, capsys):
    damaged = market / "bounding_box_train" / "0001_c1s1_000100_01.jpg"
    damaged.write_bytes(b"no image")
    (report, *_) = run("data", "check", market, "--all", capsys=capsys)["sources"]
    assert report["statistics"]["unreadable"] == 1
    assert damaged.name in report["warnings"][0]


def test_msmt17_layout(tmp_path, capsys):
    for part, file, people in (
        ("train", "list_train.txt", 3),
        ("test", "list_query.txt", 2),
        ("test", "list_gallery.txt", 2),
    ):
        lines = []
        for person in range(people):
            for camera in (1, 2):
                crop = f"{person:04d}/{person:04d}_00{camera}_0{camera}_0303{file[5]}morning_00{camera}5_0.jpg"
                draw(tmp_path / part / crop, person, person)
                lines.append(f"{crop} {person}\n")
        (tmp_path / file).write_text("".join(lines))
    assert (is_reid(tmp_path), reid_parts(tmp_path)) == (True, ["train", "query", "gallery"])
    with CropWriter(tmp_path / "crops", (32, 16)) as writer:
        assert load_reid_crops(tmp_path, writer).tracklet_count == 3  # identity 0 is a person
    figures = run("eval-appearance", "colour", tmp_path, capsys=capsys)[tmp_path.name]
    assert (figures["people"], figures["R1"]) == (2, 1)


def test_mistakes(market, tmp_path, capsys):
    with pytest.raises(UserError, match=r"has crops \(Market-1501, MSMT17, VeRi-776\), no images with boxes; `idfree"):
        open_footage(market)
    for command, said in (
        (("train", "fairmot", market, "-o", tmp_path / "a"), "has crops (Market-1501, MSMT17, VeRi-776)"),
        (
            ("train", "simplereid", market, "--identities", "tracklets", "-o", tmp_path / "a"),
            "no video to link tracklets",
        ),
        (("eval-appearance", tmp_path, market), "has crops, for which a model is needed"),
        (("eval-appearance", "colour", market / "query"), "has no query and no gallery part"),
    ):
        assert main([*map(str, command), "-q"]) == 2
        assert said in capsys.readouterr().err
    assert not is_reid(tmp_path / "none")
