"""A damaged image in a folder is skipped and counted, as an undecodable frame of a video is."""

import json

import cv2
import numpy as np
import pytest

from idfree.cli import main


@pytest.fixture
def folder(tmp_path):
    """A MOTChallenge folder of ten images, the first and the fifth damaged, with a box in each frame of det.txt."""
    images, det = tmp_path / "seq" / "img1", tmp_path / "seq" / "det"
    images.mkdir(parents=True)
    det.mkdir()
    for number in range(1, 11):
        cv2.imwrite(str(images / f"{number:06d}.jpg"), np.full((96, 128, 3), 20 * number, np.uint8))
    for number in (1, 5):
        (images / f"{number:06d}.jpg").write_bytes(b"\xff\xd8 cut off")
    (det / "det.txt").write_text("".join(f"{n},-1,{20 + 2 * n},10,20,60,0.9\n" for n in range(1, 11)))
    return tmp_path / "seq"


def run(*arguments, capsys):
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("layout", ["sequence", "images"])
def test_frames_lost_are_counted(folder, layout, tmp_path, capsys):
    source = folder if layout == "sequence" else folder / "img1"
    options = ("--detector", folder / "det" / "det.txt", "-q", "-o")
    track = ["track", source, *options, tmp_path / "tracks", "--appearance", "colour", "--json"]
    assert main([*map(str, track)]) == 0
    said = capsys.readouterr()
    summary = json.loads(said.out)
    (sequence,) = summary["sequences"]
    assert (sequence["frames"], sequence["frames_lost"]) == (8, 2)
    assert "2 of 10 images could not be read" in said.err
    for command, out in (("detect", "kept"), ("label", "labels")):
        images = ("--appearance", "colour") if command == "detect" else ("--images",)
        (report,) = run(command, source, *options, tmp_path / out, *images, capsys=capsys)["videos"].values()
        assert (report["frames"], report["frames_lost"]) == (8, 2)


def test_lost_frames_are_regions_to_ignore_in_the_labels_of_everybody(folder, tmp_path, capsys):
    arguments = ("--detector", "det", "--images", "--everybody", "-q", "-o", tmp_path / "labels")
    run("label", folder, *arguments, capsys=capsys)
    rows = np.loadtxt(tmp_path / "labels" / "seq" / "gt" / "gt.txt", delimiter=",")
    ignored = rows[rows[:, 6] == 0]
    assert ignored[:, [0, 1, 2, 3, 4, 5]].tolist() == [[1, -1, 0, 0, 128, 96], [5, -1, 0, 0, 128, 96]]


def test_training_and_evaluation_of_an_encoder_skip_damaged_images(folder, tmp_path, capsys):
    pytest.importorskip("torch", reason="training needs PyTorch")
    (folder / "gt").mkdir()
    rows = [f"{n},{i},{x + 2 * n},10,20,60,1,1,1\n" for n in range(1, 11) for i, x in ((1, 0), (2, 60))]
    (folder / "gt" / "gt.txt").write_text("".join(rows))
    settings = "iterations=2 threads=1 tracklets=2 group=2".split()
    options = [word for setting in settings for word in ("--set", setting)]
    assert run("train", "simplereid", folder, "-o", tmp_path / "run", *options, capsys=capsys)["crops"] == 16
    assert main(["eval-appearance", "colour", str(folder), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["seq"]["crops"] == 16
    assert "seq: 2 of 10 images could not be read" in said.err
