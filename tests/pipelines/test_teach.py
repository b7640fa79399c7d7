"""`idfree teach` on a made-up detector of coloured blocks, run as a command and as a function."""

import json
import logging

import numpy as np
import pytest

from idfree.cli import main
from idfree.core.errors import UserError
from idfree.core.types import Frame
from idfree.pipelines.detection.open_detector import DetectorConfig
from idfree.pipelines.teach import teach
from idfree.pipelines.teaching.taught_file import NO_VIDEO
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_results

EASY = ("label.min_height=16", "label.min_iou=0.3", "label.min_boxes=4", "detector.min_score=0.4")


@pytest.fixture(autouse=True)
def quiet_log():
    yield
    logging.getLogger().handlers.clear()


@pytest.fixture(scope="module")
def world(made_up_detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    return made_up_detector.write_detector(folder / "blocks.onnx"), made_up_detector.write_pictures(folder / "blocks")


@pytest.fixture(scope="module")
def taught(world, tmp_path_factory):
    """The run folder and its report."""
    out = tmp_path_factory.mktemp("taught")
    return out, teach(*world, out, set=EASY)


def open_taught(path, *assignments):
    return DetectorConfig(str(path), assignments=assignments).open()(NO_VIDEO)


def frames_of(pictures):
    (sequence,) = open_source(pictures)
    return list(sequence)


def test_the_boxes_stay_and_get_embeddings(world, taught):
    detector, pictures = world
    out, report = taught
    assert report["identical"] is True
    assert report["embedding_error"] < 1e-4
    plain, model = open_taught(detector, "min_score=0.4"), open_taught(out / "taught.onnx")
    alone = open_taught(out / "taught.onnx", "colour=false")
    for frame in frames_of(pictures)[::10]:
        expected, view = plain(frame).detections, model(frame)
        assert len(expected) == 6
        for name in ("xyxy", "score", "class_id"):
            assert np.array_equal(getattr(expected, name), getattr(view.detections, name))
        np.testing.assert_allclose(np.linalg.norm(view.detections.embedding, axis=1), 1, rtol=1e-4)
        assert alone(frame).detections.embedding.shape == (6, 32)
    assert set(expected.class_id) == {0, 1}
    assert model.names == {0: "upper", 1: "lower"}
    assert 0 < view.match_threshold <= view.upper_threshold


def test_embeddings_tell_blocks_apart(world, taught):
    model = open_taught(taught[0] / "taught.onnx", "colour=false")
    first, later = (model(frame).detections for frame in np.array(frames_of(world[1]), dtype=object)[[2, 30]])
    order = [np.lexsort((each.xyxy[:, 0], each.xyxy[:, 1])) for each in (first, later)]
    cosine = first.embedding[order[0]] @ later.embedding[order[1]].T
    assert (cosine.argmax(axis=1) == np.arange(6)).all()
    assert 1 - np.diag(cosine).mean() < model.match_threshold


def test_the_report_says_what_was_done(taught):
    out, report = taught
    assert json.loads((out / "report.json").read_text()) == report
    assert [each["stride"] for each in report["maps"]] == [4, 8]
    assert report["tracklets"] >= 6
    assert report["head"]["d_prime"] > 1
    page = (out / "report.html").read_text()
    assert report["verdict"] in page.replace("&#x27;", "'")
    assert "Only 40 frames" in report["advice"][0]


def test_a_taught_file_needs_nothing_else(world, taught, tmp_path):
    out, _ = taught
    arguments = ["track", str(world[1]), "--detector", str(out / "taught.onnx"), "-o", str(tmp_path), "-q"]
    assert main(arguments) == 0
    tracks = read_results(tmp_path / "blocks.txt")
    assert len(np.unique(tracks.id)) == 6
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert "memory" in json.dumps(summary)  # a setting of `fused`, the default with embeddings, not of `bytetrack`


def test_finished_work_is_not_repeated(world, taught, monkeypatch):
    from idfree.pipelines.labelling import videos as labelling

    def refuse(*_, **__):
        pytest.fail("labelled again")

    before = (taught[0] / "taught.onnx").read_bytes()
    monkeypatch.setattr(labelling, "label_sequence", refuse)
    teach(*world, taught[0], set=EASY)
    assert (taught[0] / "taught.onnx").read_bytes() == before


def test_a_teacher_is_imitated(world, tmp_path):
    report = teach(*world, tmp_path, teacher="colour", set=(*EASY, "dimension=8"), colour=0)
    assert report["teacher"] == "colour"
    assert report["head"]["error"] < 0.05
    model = open_taught(tmp_path / "taught.onnx")
    assert model(frames_of(world[1])[0]).detections.embedding.shape == (6, 8)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [(0, "nothing was detected in 40 frames"), (1, "tracklets worth learning from: 1, expected 4")],
)
def test_too_little_is_a_sentence(world, made_up_detector, tmp_path, blocks, message):
    pictures = made_up_detector.write_pictures(tmp_path / "few", blocks)
    with pytest.raises(UserError, match=message):
        teach(world[0], pictures, tmp_path / "run", set=EASY)


def test_an_openvino_file_is_taught_too(world, tmp_path):
    openvino = pytest.importorskip("openvino")
    detector, pictures = tmp_path / "blocks.xml", world[1]
    openvino.save_model(openvino.Core().read_model(str(world[0])), str(detector), compress_to_fp16=False)
    report = teach(detector, pictures, tmp_path / "run", set=EASY)
    assert report["model"] == str(tmp_path / "run" / "taught.xml")
    assert (report["identical"], report["tracklets"]) == (True, 6)
    model = open_taught(report["model"])
    assert model.names == {0: "upper", 1: "lower"}
    assert model(frames_of(pictures)[0]).detections.embedding.shape[0] == 6
    with pytest.raises(UserError, match="has embeddings already"):
        teach(report["model"], pictures, tmp_path / "again", set=EASY)


def test_mistakes(world, taught, made_up_detector, tmp_path, capsys):
    detector, pictures = world
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "taught.onnx").write_bytes(b"a teacher")
    for arguments, message in (
        ((taught[0] / "taught.onnx", pictures), "has embeddings already"),
        (("people", pictures), "people: only MODEL.onnx and MODEL.xml"),
        ((detector, pictures, "--colour", "1"), "--colour 1.0: expected a share"),
        ((detector, pictures, "--set", "maps=z"), "maps=z: no feature map; among them are"),
        ((detector, pictures, "--classes", "cat"), "--classes cat: unknown; it knows upper, lower"),
        ((tmp_path / "none.onnx", pictures), "no such file"),
        ((detector, pictures, "--teacher", tmp_path / "run" / "taught.onnx"), "taught.onnx, which is read"),
    ):
        assert main(["teach", *map(str, arguments), "-o", str(tmp_path / "run"), "-q"]) == 2
        assert message in capsys.readouterr().err
    coarse = made_up_detector.write_detector(tmp_path / "coarse.onnx", fine=False)
    report = teach(coarse, pictures, tmp_path / "coarse", set=EASY)
    assert [each["stride"] for each in report["maps"]] == [32]
    assert open_taught(tmp_path / "coarse" / "taught.onnx")(Frame(1, frames_of(pictures)[0].image)).detections


def test_without_onnx_the_extra_is_named(world, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(UserError, match=r"teaching an ONNX file needs the package onnx: pip install 'idfree\[teach\]'"):
        teach(*world, tmp_path)
