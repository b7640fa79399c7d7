"""`idfree refine` and `idfree track --offline`: files of any tracker, summaries, mistakes of users, films."""

import json

import cv2
import numpy as np
import pytest

import idfree
from idfree.cli import main
from idfree.core.errors import UserError
from idfree.core.types import Detections, Frame, Sequence, View
from idfree.pipelines.annotate import annotate
from idfree.pipelines.detection.callable_detector import CallableDetector
from idfree.pipelines.tracking.camera_motion import KeptCameraMotion, StoredCameraMotion
from idfree.pipelines.tracking.tracking_run import TrackingRun
from idfree.pipelines.tracking.write_tracks import Outputs, write_tracks
from idfree.sequences.tables import read_tracks
from idfree.trackers.registry import make_tracker

GAP = "".join(f"{frame},7,{10 * frame},50,40,100,0.9,-1,-1,-1\n" for frame in (1, 2, 3, 7, 8, 9))


@pytest.fixture
def results(tmp_path):
    file = tmp_path / "in" / "street.txt"
    file.parent.mkdir()
    file.write_text(GAP)
    return file


def test_gaps_are_filled_and_counted(results, tmp_path):
    summary = idfree.refine(results, out=tmp_path / "out")
    tracks = read_tracks(tmp_path / "out" / "street.txt")
    assert tracks.frame.tolist() == list(range(1, 10))
    assert (tracks.score == 0).tolist() == [False] * 3 + [True] * 3 + [False] * 3
    np.testing.assert_allclose(tracks.xyxy[:, 0], 10 * tracks.frame, atol=0.02)
    assert summary["sequences"][0] == {
        "name": "street",
        "tracks_before": 1,
        "tracks": 1,
        "boxes_before": 6,
        "boxes": 9,
        "filled": 3,
    }
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary


def test_pieces_are_linked(tmp_path):
    rows = [f"{f},{1 + (f > 30)},{3 * f},50,40,100,0.9\n" for f in range(1, 61) if not 28 < f < 33]
    rows += [f"{f},{i},{1000 * i},50,40,100,0.9\n" for i in (8, 9) for f in range(1, 61)]
    (tmp_path / "pieces.txt").write_text("".join(rows))
    summary = idfree.refine(tmp_path / "pieces.txt", out=tmp_path / "out")["sequences"][0]
    assert (summary["tracks_before"], summary["tracks"], summary["filled"]) == (4, 3, 4)


def test_refining_again_changes_little(results, tmp_path):
    idfree.refine(results, out=tmp_path / "once")
    again = idfree.refine(tmp_path / "once", out=tmp_path / "twice")["sequences"][0]
    assert again["filled"] == 3
    first, second = (read_tracks(tmp_path / name / "street.txt") for name in ("once", "twice"))
    np.testing.assert_allclose(first.xyxy, second.xyxy, atol=0.1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1,1,0,0,10,20,1\n1,1,5,5,10,20,1\n", "id 1 appears 2 times"),
        ("1,-1,0,0,10,20,1\n", "without an id"),
        ("1,1,0,0,0,20,1\n", "without area"),
        ("hello\n", "street.txt"),
    ],
)
def test_invalid_results_are_a_sentence(results, tmp_path, capsys, content, words):
    results.write_text(content)
    assert main(["refine", str(results), "-o", str(tmp_path / "out")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_inputs_are_not_overwritten(results, capsys):
    assert main(["refine", str(results), "-o", str(results.parent)]) == 2
    assert "overwrite" in capsys.readouterr().err
    assert results.read_text() == GAP


def test_other_mistakes(results, tmp_path, capsys):
    out = ["-o", str(tmp_path / "out")]
    assert main(["refine", str(tmp_path / "nothing"), *out]) == 2
    assert main(["refine", str(tmp_path), *out]) == 2
    assert main(["refine", str(results), "--fps", "0", *out]) == 2
    assert main(["refine", str(results), "--appearance", "colour", *out]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert [word in line for word, line in zip(("no such", "no results", "--fps", "images"), errors, strict=True)]
    assert len(errors) == 4


def test_empty_results(tmp_path):
    (tmp_path / "empty.txt").write_text("")
    assert idfree.refine(tmp_path / "empty.txt", out=tmp_path / "out")["sequences"][0]["boxes"] == 0


def test_csv_stays_csv(results, tmp_path):
    table = results.with_suffix(".csv")
    table.write_text("frame,id,x,y,w,h\n" + "".join(f"{f},1,{f},0,10,20\n" for f in (1, 2, 4, 5)))
    idfree.refine(table, out=tmp_path / "out")
    assert read_tracks(tmp_path / "out" / "street.csv").frame.tolist() == [1, 2, 3, 4, 5]


def test_golden_tracks_get_better(shared, tmp_path):
    truth = shared / "data" / "MOT15" / "train" / "PETS09-S2L1"
    idfree.refine(shared / "golden" / "sort_mot15" / "PETS09-S2L1.txt", truth, tmp_path / "out")
    before = idfree.evaluate(shared / "golden" / "sort_mot15" / "PETS09-S2L1.txt", truth)["COMBINED"]
    after = idfree.evaluate(tmp_path / "out", truth)["COMBINED"]
    assert after["HOTA"] > before["HOTA"] + 0.1
    assert after["IDF1"] > before["IDF1"] + 0.1


def test_track_offline(shared, tmp_path):
    sequence = str(shared / "data" / "MOT15" / "train" / "TUD-Campus")
    online, offline = (
        idfree.track_videos(sequence, tmp_path / name, detector="det", offline=name == "offline", format="csv")
        for name in ("online", "offline")
    )
    assert offline["sequences"][0]["filled"] > 0 == online["sequences"][0].get("filled", 0)
    text = (tmp_path / "offline" / "TUD-Campus.csv").read_text().splitlines()
    assert "time" in text[0].split(",")
    assert len(text) - 1 == offline["sequences"][0]["boxes"]


def test_track_with_a_lag(shared, tmp_path):
    """As long as the video, it gives what --offline gives; a short one gives every frame, filled, with its counts."""
    sequence = str(shared / "data" / "MOT15" / "train" / "TUD-Campus")
    runs = {"offline": {"offline": True}, "long": {"lag": 100}, "short": {"lag": 0.5}}
    for name, how in runs.items():
        idfree.track_videos(sequence, tmp_path / name, detector="det", **how)
    offline, long, short = (read_tracks(tmp_path / name / "TUD-Campus.txt") for name in runs)
    np.testing.assert_array_equal(offline.id, long.id)
    np.testing.assert_allclose(offline.xyxy, long.xyxy, atol=0.05)  # boxes in files are rounded
    summary = json.loads((tmp_path / "short" / "summary.json").read_text())["sequences"][0]
    assert summary["filled"] == (short.score == 0).sum() > 0
    assert (summary["boxes"], summary["lag"]) == (len(short), 0.5)
    assert summary["boxes_before"] == len(short) - summary["filled"]
    frames = [(frame.number, len(tracks)) for frame, tracks in idfree.track(sequence, "det", lag=0.5, images=False)]
    assert [number for number, _ in frames] == [*range(1, 72)]
    assert sum(count for _, count in frames) == len(short)


@pytest.mark.parametrize(("options", "word"), [(["--lag", "0"], "more than"), (["--lag", "2", "--offline"], "one of")])
def test_a_lag_that_cannot_be(options, word, tmp_path, capsys):
    assert main(["track", str(tmp_path), *options, "-o", str(tmp_path / "out")]) == 2
    assert word in capsys.readouterr().err


def run_that_ends(error, number=25):
    """A tracking run of somebody who stands, with a gap, which an error ends after `number` frames."""

    def frames():
        for n in range(1, number + 1):
            yield Frame(n, np.zeros((240, 320, 3), dtype=np.uint8))
        raise error

    def detect(frame):
        boxes = np.zeros((0, 6)) if 10 < frame.number < 14 else np.array([[50.0, 50, 90, 150, 0.9, 1]])
        return View(Detections.convert(boxes), frame)

    sequence = Sequence("camera", frames, None, 10.0, (240, 320))
    return TrackingRun(sequence, CallableDetector(detect), make_tracker("bytetrack", (), 10.0))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UserError("the stream broke")])
def test_what_waits_when_a_stream_ends_is_written(error, tmp_path):
    run = run_that_ends(error)
    summary, failure = write_tracks(run, Outputs(tmp_path, video=True, lag=2.0))
    assert (failure is None) == isinstance(error, KeyboardInterrupt)
    assert summary["frames"] == 25
    tracks = read_tracks(tmp_path / "camera.txt")
    assert tracks.frame.tolist() == [*range(int(tracks.frame[0]), 26)]
    assert summary["filled"] == (tracks.score == 0).sum() == 3


def test_the_camera_is_followed_where_the_source_has_images(tmp_path):
    """A wall that shakes by whole pixels, and a box on it with a gap."""
    rng = np.random.default_rng(3)
    wall = cv2.GaussianBlur(rng.integers(0, 255, (400, 700, 3), dtype=np.uint8), (0, 0), 2)
    wall = cv2.normalize(wall, None, 0, 255, cv2.NORM_MINMAX)
    shift = np.round(np.cumsum(rng.normal(0, 6, 40))).astype(int)
    shift = np.clip(shift - shift[0], -140, 140)
    (tmp_path / "wall").mkdir()
    lines = []
    for frame, x in enumerate(shift, start=1):
        cv2.imwrite(str(tmp_path / "wall" / f"{frame:06d}.png"), wall[:300, 200 - x : 500 - x])
        if not 18 <= frame <= 22:
            lines.append(f"{frame},4,{100 + x},100,40,100,0.9\n")
    (tmp_path / "wall.txt").write_text("".join(lines))
    errors = {}
    for camera in ("auto", "none"):
        idfree.refine(tmp_path / "wall.txt", tmp_path / "wall", tmp_path / camera, camera=camera)
        tracks = read_tracks(tmp_path / camera / "wall.txt")
        errors[camera] = np.abs(tracks.xyxy[:, 0] - 100 - shift[tracks.frame - 1])
        assert len(tracks) == 40
    assert errors["auto"].max() < 1.5 < 3 < errors["none"].max()


@pytest.mark.parametrize("shift", [4.0, 0.0])
def test_maps_of_the_camera_are_kept_by_frame_unless_it_stood_still(shift):
    maps = np.tile(np.eye(2, 3), (6, 1, 1))
    maps[1:, 0, 2] = shift
    sequence = Sequence("street", lambda: iter(()), 6, size_hw=(100, 200))
    kept = KeptCameraMotion(StoredCameraMotion("file", maps, sequence))
    for number in (1, 3, 5):  # every second frame
        kept(Frame(number), Detections(np.zeros((0, 4))))
    result = kept.all_maps()
    assert (result is None) == (shift == 0)
    assert result is None or result[:, 0, 2].tolist() == [0, 0, 2 * shift, 0, 2 * shift]


def two_videos(folder):
    """Two films of nine frames, street and square."""
    folder.mkdir()
    for name in ("street", "square"):
        writer = cv2.VideoWriter(str(folder / f"{name}.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 10, (320, 240))
        for _ in range(9):
            writer.write(np.zeros((240, 320, 3), dtype=np.uint8))
        writer.release()
    return folder


def test_videos_without_results_are_left_out(results, tmp_path, caplog):
    films = two_videos(tmp_path / "films")
    summary = idfree.refine(results.parent, films, tmp_path / "out")
    assert [one["name"] for one in summary["sequences"]] == ["street"]
    assert "for the sequence square: left out" in caplog.text
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="nothing for any of the 2 sequences"):
        idfree.refine(tmp_path / "empty", films, tmp_path / "none")


def test_a_video_of_another_name_is_told(results, tmp_path, caplog):
    films = two_videos(tmp_path / "films")
    idfree.refine(results, films / "street.mp4", tmp_path / "one")
    assert "names differ" not in caplog.text
    idfree.refine(results, films / "square.mp4", tmp_path / "two")
    assert "are these boxes of square? The names differ: found street, expected square" in caplog.text


def test_tracks_that_outlast_the_video_are_of_another_one(results, tmp_path):
    films = two_videos(tmp_path / "films")
    results.write_text("900,7,10,50,40,100,0.9\n")
    for command in (idfree.refine, annotate):
        with pytest.raises(UserError, match=r"street has \d+ frames: are they of another video\?"):
            command(results, films / "street.mp4", tmp_path / "out")
