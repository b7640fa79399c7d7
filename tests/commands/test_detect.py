"""`idfree detect` from the command line: stored detections give the same tracks as the networks themselves."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from idfree import cli
from idfree.pipelines.detection.stored_detections import load_detections
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_results
from idfree.sequences.rows import to_columns
from idfree.show.video_writer import VideoWriter
from idfree.synthetic.scene import make_street

SIZE = (240, 426)


@pytest.fixture(autouse=True)
def quiet_log():
    yield
    logging.getLogger().handlers.clear()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short videos; their detections, of two classes, as text, and with embeddings; and two crop networks."""
    folder = tmp_path_factory.mktemp("films")
    for name in ("text", "arrays", "videos"):
        (folder / name).mkdir()
    for seed, name in enumerate(("one", "two")):
        made = make_street(seed, people=8, frames=30, size_hw=SIZE)
        with VideoWriter(folder / "videos" / f"{name}.mp4", 20, SIZE) as video:
            for frame in made.sequence:
                video.write(frame.image)
        found = made.detections
        columns = to_columns(found)
        rows = np.column_stack([columns[name] for name in ("frame", "id", "x", "y", "w", "h", "score")])
        np.save(folder / "arrays" / f"{name}.npy", np.hstack([rows, found.embedding]))
        kinds = (rows[:, 2] > SIZE[1] / 2).astype(int)  # to the right all are of another class
        lines = (f"{n:g},-1,{x:.3f},{y:.3f},{w:.3f},{h:.3f},{s:.3f}" for n, _, x, y, w, h, s in rows)
        text = "\n".join(f"{line},{kind}" for line, kind in zip(lines, kinds, strict=True))
        (folder / "text" / f"{name}.txt").write_text(text)
    write_model(
        folder / "ours.onnx", {"idfree.kind": "appearance", "limit": "0.05", "farthest": "0.07", "size": "16x8"}
    )
    write_model(folder / "foreign.onnx", {"idfree.kind": "appearance", "size": "16x8"})
    return folder


def write_model(path: Path, facts: dict[str, str]) -> None:
    """A crop network that returns the mean colour of each row of a crop; facts: its metadata."""
    onnx = pytest.importorskip("onnx")
    helper, kinds, array = onnx.helper, onnx.TensorProto, onnx.numpy_helper.from_array
    nodes = [
        helper.make_node("Cast", ["crops"], ["float"], to=kinds.FLOAT),
        helper.make_node("Sub", ["float", "grey"], ["shades"]),
        helper.make_node("ReduceMean", ["shades", "columns"], ["rows"], keepdims=0),
        helper.make_node("Reshape", ["rows", "flat"], ["embedding"]),
    ]
    given = [array(np.float32(110), "grey"), array(np.array([2]), "columns"), array(np.array([0, 48]), "flat")]
    crops = helper.make_tensor_value_info("crops", kinds.UINT8, ["N", 16, 8, 3])
    embedding = helper.make_tensor_value_info("embedding", kinds.FLOAT, ["N", 48])
    model = helper.make_model(
        helper.make_graph(nodes, "rows", [crops], [embedding], given),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=8,
    )
    helper.set_model_props(model, facts)
    onnx.save(model, path)


def run(*words: object) -> int:
    return cli.main([str(word) for word in words])


def detect(films: Path, out: Path, *options: object, detector: str = "text", source: str = "videos/one.mp4") -> int:
    return run("detect", films / source, "--detector", films / detector, "-o", out, *options)


def tracks(films: Path, out: Path, *options: object) -> bytes:
    assert run("track", films / "videos/one.mp4", "-o", out, "-q", *options) == 0
    return (out / "one.txt").read_bytes()


def fails(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    capsys.readouterr()
    assert run(*words) == 2
    err = capsys.readouterr().err
    assert err.startswith("idfree: ")
    return err


def known(out: Path, name: str = "one") -> dict:
    return json.loads((out / f"{name}.json").read_text())["report"]


@pytest.mark.parametrize("tracker", ["sort", "iou", "deepsort"])
def test_stored_detections_of_the_people_model_give_the_same_tracks(films, tmp_path, capsys, tracker):
    """Also the trackers that have no score threshold of their own get that of networks, and it is said."""
    assert run("detect", films / "videos/one.mp4", "-o", tmp_path / "kept", "--frames", 12) == 0
    assert known(tmp_path / "kept")["is_network"] is True
    options = ("--tracker", tracker, "--frames", 12, "--appearance", "none")  # live, it is colour by default
    direct = tracks(films, tmp_path, *options)
    assert tracks(films, tmp_path, *options, "--detector", tmp_path / "kept") == direct
    stored = load_detections(str(tmp_path / "kept"), open_source(films / "videos/one.mp4")[0])
    assert stored.is_network
    assert (stored.annotation.score < 0.4).any()
    capsys.readouterr()
    assert run("track", films / "videos/one.mp4", "-o", tmp_path, *options, "--detector", tmp_path / "kept") == 0
    assert "scores from 0.4" in capsys.readouterr().out
    manifest = json.loads((tmp_path / "kept/one.json").read_text())
    del manifest["report"]["is_network"]  # as earlier versions wrote it
    (tmp_path / "kept/one.json").write_text(json.dumps(manifest))
    assert load_detections(str(tmp_path / "kept"), open_source(films / "videos/one.mp4")[0]).is_network


@pytest.mark.parametrize("appearance", ["colour", "ours.onnx"])
def test_stored_embeddings_give_the_same_tracks_as_the_network(films, tmp_path, appearance):
    appearance = films / appearance if "." in appearance else appearance
    assert detect(films, tmp_path / "kept", "--appearance", appearance) == 0
    limit = known(tmp_path / "kept")["appearance"]["limit"]
    assert limit == load_detections(str(tmp_path / "kept"), open_source(films / "videos/one.mp4")[0]).match_threshold
    for tracker in ("fairmot", "deepsort", "botsort"):
        for every in (1, 2):
            said = ("--tracker", tracker, "--every", every)
            direct = tracks(films, tmp_path, "--detector", films / "text", "--appearance", appearance, *said)
            assert tracks(films, tmp_path, "--detector", tmp_path / "kept", *said) == direct != b""
    np.save(tmp_path / "kept" / "bare.npy", np.load(tmp_path / "kept" / "one.npy"))
    bare = ("--detector", tmp_path / "kept" / "bare.npy", "--tracker", "fairmot")
    assert tracks(films, tmp_path, *bare) != tracks(films, tmp_path, "--detector", tmp_path / "kept")  # no limit


def test_boxes_without_embeddings_are_stored_as_text(films, tmp_path):
    """With scores outside 0…1: the score range is kept if some detections are left out."""
    rows, boxes = np.loadtxt(films / "text" / "one.txt", delimiter=","), tmp_path / "boxes.txt"
    rows[:, 6] = 40 * rows[:, 6] - 15
    np.savetxt(boxes, rows, fmt="%.6g", delimiter=",")
    for options in ((), ("--min-score", 15), ("--classes", 1), ("--every", 3)):
        assert detect(films, tmp_path / "kept", *options, detector=boxes) == 0
        kept = tracks(films, tmp_path, "--detector", tmp_path / "kept", *(options if "--every" in options else ()))
        assert kept == tracks(films, tmp_path, "--detector", boxes, *options) != b""
    assert not list((tmp_path / "kept").glob("*.npy"))


def test_classes_are_stored_beside_embeddings(films, tmp_path, capsys):
    assert detect(films, tmp_path / "kept", "--appearance", "colour") == 0
    assert np.load(tmp_path / "kept" / "one.npy").shape[1] == 7 + 352
    tracks(films, tmp_path, "--detector", tmp_path / "kept", "--classes", 1)
    assert set(read_results(tmp_path / "one.txt").class_id.tolist()) == {1}
    np.save(tmp_path / "kept" / "one.classes.npy", np.ones(3))
    message = fails(capsys, "track", films / "videos/one.mp4", "--detector", tmp_path / "kept", "-o", tmp_path)
    assert "one.classes.npy: (3,) classes for" in message


def test_class_names_are_kept(made_up_detector, tmp_path):
    """Of the classes that were found; tracks of kept detections are named as those of the network."""
    pytest.importorskip("onnx")
    model, frames = made_up_detector.write_detector(tmp_path / "blocks.onnx"), tmp_path / "blocks"
    made_up_detector.write_pictures(frames)
    assert run("detect", frames, "--detector", model, "-o", tmp_path / "kept", "-q") == 0
    assert known(tmp_path / "kept", "blocks")["class_names"] == {"0": "upper", "1": "lower"}
    for detector, out in ((model, "direct"), (tmp_path / "kept", "again")):
        words = ("--detector", detector, "--format", "csv", "-o", tmp_path / out, "-q")
        assert run("track", frames, *words) == 0
    tables = [(tmp_path / out / "blocks.csv").read_text() for out in ("direct", "again")]
    assert tables[0] == tables[1]
    assert ",upper" in tables[0]


def test_missing_threshold_is_calibrated_on_the_boxes(films, tmp_path, capsys):
    """For a network without the metadata, and for embeddings from a file; without labels."""
    for detector, options in (("text", ("--appearance", films / "foreign.onnx")), ("arrays", ())):
        assert detect(films, tmp_path / detector, *options, detector=detector) == 0
        appearance = known(tmp_path / detector)["appearance"]
        assert appearance["limit_by"] == "tracklets"
        assert 0 < appearance["limit"] <= appearance["farthest"] < 2
        assert 0 <= appearance["error"] < 0.5
        assert f"{appearance['limit']:.3f} calibrated on tracklets of these boxes" in capsys.readouterr().out
    array = np.load(tmp_path / "arrays" / "one.npy")
    np.testing.assert_array_equal(array[:, 7:], np.load(films / "arrays" / "one.npy")[:, 7:])
    fairmot = ("--tracker", "fairmot")  # whose threshold the limit scales; to fused it is a prior alone
    raw = tracks(films, tmp_path, "--detector", films / "arrays", *fairmot)
    assert tracks(films, tmp_path, "--detector", tmp_path / "arrays", *fairmot) != raw
    assert detect(films, tmp_path / "as they are", "--limit", "none", detector="arrays") == 0
    assert tracks(films, tmp_path, "--detector", tmp_path / "as they are", *fairmot) == raw


def test_limit_option_and_copies_of_stored_detections(films, tmp_path):
    def limit(*options, **more):
        assert detect(films, tmp_path / "kept", *options, **more) == 0
        return known(tmp_path / "kept")["appearance"]["limit"]

    assert limit("--appearance", films / "ours.onnx", "--limit", "0.3") == 0.3
    assert limit("--appearance", films / "ours.onnx", "--limit", "none") is None
    measured = limit("--appearance", films / "ours.onnx", "--limit", "tracklets")
    assert measured not in (0.05, None)
    assert limit("--appearance", films / "ours.onnx") == 0.05
    assert detect(films, tmp_path / "copy", detector=tmp_path / "kept") == 0
    assert known(tmp_path / "copy")["appearance"]["limit"] == 0.05
    appearance = {name: known(tmp_path / name)["appearance"]["farthest"] for name in ("copy", "kept")}
    assert appearance == {"copy": 0.07, "kept": 0.07}
    assert (tmp_path / "copy" / "one.npy").read_bytes() == (tmp_path / "kept" / "one.npy").read_bytes()
    assert detect(films, tmp_path / "copy", "--appearance", "none", detector=tmp_path / "kept") == 0
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["one.json", "one.txt"]


def test_too_few_people_to_calibrate(films, tmp_path, capsys):
    np.save(tmp_path / "one.npy", np.array([[1, -1, 5, 5, 20, 60, 0.9, 1.0, 0.0]]))
    assert detect(films, tmp_path / "kept", detector=tmp_path / "one.npy") == 0
    told = capsys.readouterr()
    assert "one: the limit of its embeddings could not be measured: nothing to calibrate on" in told.err
    assert "embeddings of 2 numbers by own, match threshold unknown" in told.out


def test_no_detections(films, tmp_path):
    (tmp_path / "one.txt").write_text("")
    for options, kept in (((), "one.txt"), (("--appearance", "colour"), "one.npy")):
        assert detect(films, tmp_path / "kept", *options, detector=tmp_path / "one.txt") == 0
        assert known(tmp_path / "kept")["file"] == kept
        assert tracks(films, tmp_path, "--detector", tmp_path / "kept") == b""


def test_finished_work_is_skipped(films, tmp_path, capsys):
    def skipped(*options):
        assert detect(films, tmp_path, "--json", *options, source="videos") == 0
        return [report["skipped"] for report in json.loads(capsys.readouterr().out)["videos"].values()]

    assert skipped() == [False, False]
    assert skipped() == [True, True]
    assert skipped("--min-score", "0.5") == [False, False]
    (tmp_path / "one.txt").unlink()
    assert skipped("--min-score", "0.5") == [False, True]
    assert skipped("--min-score", "0.5", "--appearance", "colour") == [False, False]
    assert skipped("--min-score", "0.5", "--appearance", "colour", "--force") == [False, False]


@pytest.mark.parametrize("crew", ["processes", "dask"])
def test_other_processes_give_the_same_and_a_bad_video_is_left_out(films, tmp_path, capsys, crew, request):
    away = ("--workers", 2) if crew == "processes" else ("--dask", request.getfixturevalue("cluster"))
    for path in (films / "videos").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "broken.mp4").write_text("hello")
    for out, more in (("here", ()), ("there", away)):
        assert detect(films, tmp_path / out, "--appearance", "colour", *more, source=tmp_path) == 0
        assert "broken is left out: " in capsys.readouterr().err
    for name in ("one.npy", "two.npy", "one.classes.npy"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_frames_without_detections_are_refused(films, tmp_path, capsys):
    assert detect(films, tmp_path / "kept", "--every", 3) == 0
    command = ("track", films / "videos/one.mp4", "--detector", tmp_path / "kept", "-o", tmp_path, "-q")
    assert "only frames 1, 4, 7 … were processed: add --every 3" in fails(capsys, *command)
    assert run(*command, "--every", 6) == 0


def test_a_part_of_a_video(films, tmp_path, capsys):
    """The same tracks as from tracking that part directly; other frames are refused."""
    part = ("--start", 4, "--frames", 5, "--every", 2)
    assert detect(films, tmp_path / "kept", *part) == 0
    report = known(tmp_path / "kept")
    assert [report[name] for name in ("frames", "start", "every", "stop")] == [5, 4, 2, 13]
    at_once = tracks(films, tmp_path, "--detector", films / "text", *part)
    assert tracks(films, tmp_path, "--detector", tmp_path / "kept", *part) == at_once
    command = ("track", films / "videos/one.mp4", "--detector", tmp_path / "kept", "-o", tmp_path, "-q")
    assert "only frames 4, 6, 8 … 12 were processed: add --start 4 --every 2 --frames 5" in fails(capsys, *command)


def test_unfinished_or_changed_detections_are_refused(films, tmp_path, capsys):
    assert detect(films, tmp_path / "kept") == 0
    command = ("track", films / "videos/one.mp4", "--detector", tmp_path / "kept", "-o", tmp_path, "-q")
    boxes, record = tmp_path / "kept" / "one.txt", tmp_path / "kept" / "one.json"
    boxes.write_text("\n".join(boxes.read_text().splitlines()[1:]))
    assert "one.json tells of" in fails(capsys, *command)
    record.write_text(record.read_text().replace('"complete": true', '"complete": false'))
    assert "did not finish" in fails(capsys, *command)
    assert detect(films, tmp_path / "kept") == 0
    assert run(*command) == 0


def test_files_of_others_are_not_overwritten(films, tmp_path, capsys):
    words = ("detect", films / "videos/one.mp4", "-q", "--detector")
    assert "choose another folder" in fails(capsys, *words, films / "text", "-o", films / "text")
    assert "choose another folder" in fails(capsys, *words, films / "text/one.txt", "-o", films / "text")
    message = fails(capsys, *words, films / "text", "-o", films / "arrays")
    assert "one.npy is there, and idfree detect did not write it" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--limit", "far"), "--limit far: expected auto, tracklets, none or a cosine distance"),
        (("--limit", "0"), "--limit 0: expected"),
        (("--appearance", "good"), "--appearance good: expected none, own, colour, people or a file MODEL.onnx"),
        (("--appearance", "gone.onnx"), "gone.onnx: no such file"),
        (("--set", "min_iou=0.3"), "--set min_iou=0.3: expected detector.NAME=VALUE"),
        (("--classes", "person"), "expected numbers"),
        (("--workers", "2", "--dask", "tcp://x:1"), "say one"),
    ],
)
def test_mistakes(films, tmp_path, capsys, options, message):
    words = ("detect", films / "videos/one.mp4", "--detector", films / "text", "-o", tmp_path / "kept", "-q")
    assert message in fails(capsys, *words, *options)
