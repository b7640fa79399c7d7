"""Stored detections, and calibration of the match threshold of their embeddings without labels."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from idfree.cli import main
from idfree.core.errors import UserError
from idfree.core.types import Annotation, Frame, Sequence
from idfree.detectors import PrecomputedDetector
from idfree.pipelines.detection.detect_sequence import detect_sequence, write_detections
from idfree.pipelines.detection.stored_detections import load_detections, read_stored_detections
from idfree.pipelines.labelling.motion_tracklets import calibrate_on_motion, find_rows
from idfree.pipelines.manifest import checksum_of_detector
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.selection import Selection
from idfree.sequences import open_source
from idfree.sequences.motchallenge import write_results
from idfree.synthetic.scene import make_street

SIZE = (240, 426)
REPORT = {"detections": 4, "detector": "x", "every": 1, "score_range": None, "appearance": None}


def annotation(frame, xyxy, embedding=None, class_id=0):
    count = len(frame)
    return Annotation(
        frame=np.array(frame),
        id=np.full(count, -1),
        xyxy=np.array(xyxy, dtype=float).reshape(-1, 4),
        score=np.linspace(1 / 3, 1, count),
        class_id=np.full(count, class_id),
        visibility=np.ones(count),
        embedding=embedding,
    )


@pytest.mark.parametrize("embedding", [None, np.ones((4, 2))])
def test_displacements_are_stored_beside(tmp_path, embedding):
    boxes = annotation([1, 1, 2, 4], 4 * [[0, 0, 9, 9]], embedding)
    moved = np.arange(8.0).reshape(4, 2)
    write_detections(tmp_path, "a", replace(boxes, displacement=moved))
    (tmp_path / "a.json").write_text(json.dumps({"complete": True, "report": REPORT}))
    detector = load_detections(str(tmp_path), Sequence("a", iter, length=9))
    np.testing.assert_array_equal(detector(Frame(1)).detections.displacement, moved[:2])
    np.testing.assert_array_equal(detector(Frame(2)).detections.displacement, moved[2:3])
    np.save(tmp_path / "a.displacement.npy", moved[:3])
    with pytest.raises(UserError, match="displacements for 4 boxes"):
        load_detections(str(tmp_path), Sequence("a", iter, length=9))
    for wrong in (np.nan, np.inf, 1e30):
        np.save(tmp_path / "a.displacement.npy", moved + wrong)
        with pytest.raises(UserError, match="has NaN or more than"):
            load_detections(str(tmp_path), Sequence("a", iter, length=9))
    write_detections(tmp_path, "a", boxes)
    assert not (tmp_path / "a.displacement.npy").exists()


def test_find_rows_by_frame_and_box():
    whole = annotation([1, 1, 2, 2], [[0, 0, 1, 1], [5, 5, 9, 9], [0, 0, 1, 1], [5, 5, 9, 9.5]])
    assert find_rows(whole[[3, 0, 2]], whole).tolist() == [3, 0, 2]
    assert find_rows(whole[[]], whole).tolist() == []
    assert find_rows(whole[[]], whole[[]]).tolist() == []


@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
def test_written_detections_are_read_again(tmp_path, dtype):
    random = np.random.default_rng(0)
    frame = np.sort(random.integers(1, 20, 50))
    xyxy = np.cumsum(random.uniform(0, 999, (50, 2, 2)), axis=1).reshape(50, 4)
    embedding = None if dtype is None else random.normal(size=(50, 5)).astype(dtype)
    boxes = annotation(frame, xyxy, embedding, class_id=2)
    path = write_detections(tmp_path, "a.b", boxes)
    back = load_detections(str(tmp_path), Sequence("a.b", iter, length=20)).annotation
    assert path.name == ("a.b.npy" if dtype else "a.b.txt")
    for name in ("frame", "id", "score"):
        np.testing.assert_array_equal(getattr(back, name), getattr(boxes, name))
    np.testing.assert_allclose(back.xyxy, xyxy, rtol=1e-15)  # x + (x2 − x) may be a last bit off
    assert (back.embedding is None) == (dtype is None)
    assert back.displacement is None
    if dtype:
        np.testing.assert_array_equal(back.embedding.astype(dtype), embedding)


def test_invalid_boxes_are_dropped():
    boxes = annotation([1, 1, 2], [[0, 0, 9, 9], [5, 5, 5, 9], [900, 0, 909, 9]])
    found = detect_sequence(Sequence("x", iter, length=3), PrecomputedDetector(boxes, SIZE))
    assert (found.frame_count, found.dropped, found.boxes.frame.tolist(), found.match_threshold) == (3, 2, [1], None)


def test_calibration_separates_same_from_different_identities():
    """Embeddings are noisy copies of a vector per person; tracklets come from the boxes alone."""
    made = make_street(0, people=10, frames=60, size_hw=SIZE)
    found = calibrate_on_motion(made.sequence, PrecomputedDetector(made.detections, SIZE))
    assert found.equal_error_rate < 0.05
    alone = made.detections[made.detections.frame == 1]
    with pytest.raises(UserError, match="nothing to calibrate on"):
        calibrate_on_motion(made.sequence, PrecomputedDetector(alone, SIZE))


@pytest.mark.parametrize("name", ["FRCNN", "SDP"])
def test_calibrated_threshold_improves_tracking_with_real_embeddings(shared, name, tmp_path, capsys):
    """Fairmot at every fifth frame of MOT17-09: its published threshold is for another encoder, and lowers IDF1."""
    folder = shared / f"data/MOT17/train/MOT17-09-{name}"
    (sequence,) = open_source(folder)
    boxes = read_stored_detections(str(shared / "data/features"), sequence)
    limit = calibrate_on_motion(sequence, PrecomputedDetector(boxes, frames=range(1, 526, 5))).match_threshold
    assert 0.2 < limit < 0.3

    def idf1(limit):
        run = make_tracking_run(
            sequence,
            PrecomputedDetector(boxes, match_threshold=limit),
            "fairmot",
            (),
            Selection(every=5),
            images=False,
        )
        write_results(tmp_path / f"{folder.name}.txt", run.track_all())
        assert main(["eval", str(tmp_path), str(folder), "--every", "5", "--json"]) == 0
        return json.loads(capsys.readouterr().out)[folder.name]["IDF1"]

    assert idf1(limit) > idf1(None) + 0.02


def test_boxes_outside_the_images_are_told(tmp_path, caplog):
    (tmp_path / "det.txt").write_text("1,-1,100,10,20,20,0.9\n1,-1,10,10,20,20,0.9\n")
    assert len(read_stored_detections(str(tmp_path / "det.txt"), Sequence("x", iter, length=1, size_hw=(96, 128)))) == 2
    assert not caplog.text
    read_stored_detections(str(tmp_path / "det.txt"), Sequence("x", iter, length=1, size_hw=(50, 50)))
    assert "det.txt: 1 of 2 boxes lie outside the images of x, which are 50×50 as the first one is" in caplog.text


def test_detections_that_count_the_images_from_1(tmp_path, caplog):
    (tmp_path / "det.txt").write_text("1,-1,100,10,20,20,0.9\n10,-1,100,10,20,20,0.9\n")
    boxes = read_stored_detections(str(tmp_path / "det.txt"), Sequence("x", iter, length=110, first=101))
    assert boxes.frame.tolist() == [101, 110]
    assert "det.txt: counts the images of x from 1: its frame 1 is 101" in caplog.text
    with pytest.raises(UserError, match="its boxes end with frame 10, but x begins with frame 101"):
        read_stored_detections(str(tmp_path / "det.txt"), Sequence("x", iter, length=109, first=101))


def test_copies_are_left_out_and_told(tmp_path, caplog):
    """Of two equal rows one stays; other scores, classes and boxes in another frame are no copies."""
    rows = ["1,-1,5,6,20,20,0.9,0", "1,-1,5,6,20,20,0.8,0", "1,-1,5,6,20,20,0.9,2", "2,-1,5,6,20,20,0.9,0"]
    sequence = Sequence("x", iter, length=2, size_hw=(96, 128))
    (tmp_path / "x.txt").write_text("\n".join(rows))
    once = load_detections(str(tmp_path), sequence).annotation
    assert not caplog.text
    (tmp_path / "x.txt").write_text("\n".join([*rows, *rows[::-1], rows[0]]))
    twice = load_detections(str(tmp_path), sequence).annotation
    assert "x.txt: 5 detections of 9 left out, of the same frame, box, score and class as another" in caplog.text
    assert (len(once), len(twice)) == (4, 4)
    for each in (once, twice):
        assert {*zip(each.frame.tolist(), each.score.tolist(), each.class_id.tolist(), strict=True)} == {
            *((1, 0.9, 0), (1, 0.8, 0), (1, 0.9, 2), (2, 0.9, 0))
        }


def test_copies_are_left_out_with_what_lies_beside(tmp_path):
    """Embeddings, classes and displacements, which are matched by row."""
    rows = [[1, -1, 5, 6, 20, 20, 0.9, 1, 0], [1, -1, 5, 6, 20, 20, 0.9, 1, 0], [1, -1, 5, 6, 20, 20, 0.9, 0, 1]]
    np.save(tmp_path / "x.npy", np.array(rows))
    np.save(tmp_path / "x.displacement.npy", np.array([[1, 0], [2, 0], [3, 0]]))
    found = load_detections(str(tmp_path / "x.npy"), Sequence("x", iter, length=1)).annotation
    assert (found.embedding.tolist(), found.displacement.tolist()) == ([[1, 0]], [[1, 0]])


def run(*arguments, capsys):
    assert main([*map(str, arguments), "--json"]) == 0
    said = capsys.readouterr()
    return json.loads(said.out), said.err


@pytest.fixture
def walkers(tmp_path):
    """A folder of 30 images with a walker, det.txt of it, and a record of `idfree detect` in kept/."""
    (tmp_path / "walk").mkdir()
    for number in range(1, 31):
        image = np.full((120, 160, 3), 90, np.uint8)
        image[20:100, 20 + number : 50 + number] = (200, 30, 30)
        assert cv2.imwrite(str(tmp_path / "walk" / f"{number:03d}.png"), image)
    (tmp_path / "det.txt").write_text("".join(f"{n},-1,{20 + n},20,30,80,0.9\n" for n in range(1, 31)))
    return tmp_path / "walk"


def test_detections_of_replaced_images_are_made_again(walkers, tmp_path, capsys):
    options = ("--detector", tmp_path / "det.txt", "--appearance", "colour", "-o", tmp_path / "kept")
    assert not run("detect", walkers, *options, capsys=capsys)[0]["videos"]["walk"]["skipped"]
    assert run("detect", walkers, *options, capsys=capsys)[0]["videos"]["walk"]["skipped"]
    before = np.load(tmp_path / "kept" / "walk.npy")
    assert cv2.imwrite(str(walkers / "007.png"), np.zeros((120, 160, 3), np.uint8))
    summary, said = run("detect", walkers, *options, capsys=capsys)
    assert not summary["videos"]["walk"]["skipped"]
    assert "earlier results are made again, as these have changed: video" in said
    changed = (np.load(tmp_path / "kept" / "walk.npy") != before).any(axis=1)
    assert np.flatnonzero(changed).tolist() == [6]


def test_damaged_detections_are_made_again_or_refused(walkers, tmp_path, capsys):
    options = ("--detector", tmp_path / "det.txt", "--appearance", "colour", "-o", tmp_path / "kept")
    run("detect", walkers, *options, capsys=capsys)
    file = tmp_path / "kept" / "walk.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:-3] + b"abc")
    assert main(["track", str(walkers), "--detector", str(tmp_path / "kept"), "-o", str(tmp_path / "out"), "-q"]) == 2
    assert "walk.npy: is missing, damaged or changed since `idfree detect` wrote it" in capsys.readouterr().err
    summary, said = run("detect", walkers, *options, capsys=capsys)
    assert not summary["videos"]["walk"]["skipped"]
    assert "walk.npy is missing or damaged: it is made again" in said
    assert file.read_bytes() == whole


def test_checksums_of_detections_hold_embeddings_and_thresholds():
    plain, one, other = (annotation([1], [[0, 0, 5, 5]], e) for e in (None, np.ones((1, 2)), np.eye(1, 2)))
    checks = [checksum_of_detector(PrecomputedDetector(boxes), Path("none")) for boxes in (plain, one, other)]
    checks.append(checksum_of_detector(PrecomputedDetector(one, match_threshold=0.3), Path("none")))
    assert len({*checks}) == 4


def test_detections_kept_of_another_video_are_told(walkers, tmp_path, capsys):
    run("detect", walkers, "--detector", tmp_path / "det.txt", "-o", tmp_path / "kept", capsys=capsys)
    track = ("track", walkers, "--detector", tmp_path / "kept", "-o", tmp_path / "out", "-q")
    assert not run(*track, capsys=capsys)[1]
    assert cv2.imwrite(str(walkers / "030.png"), np.eye(160, 160, dtype=np.uint8) * 200)
    assert "`idfree detect` found these in another video than" in run(*track, capsys=capsys)[1]
