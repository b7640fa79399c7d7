"""`--camera`: estimated once, stored beside the video, read from files, and effective."""

import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from idfree.cli import main
from idfree.core.errors import UserError
from idfree.core.types import Frame
from idfree.pipelines.tracking.camera_motion import MotionCounts, open_camera_motion
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_results
from idfree.show.video_writer import VideoWriter
from idfree.trackers.camera_motion import read_motion, write_motion

JUMP = 16  # px that the camera pans in every fourth frame


@pytest.fixture
def panned(tmp_path: Path) -> Path:
    """Twenty frames of a textured wall, and one standing box, from a camera that pans by jumps; and its detections."""
    rng = np.random.default_rng(0)
    blobs = (
        cv2.GaussianBlur(rng.normal(size=(240, 480)), None, 5)
        + cv2.GaussianBlur(rng.normal(size=(240, 480)), None, 15) * 2
    )
    grey = cv2.normalize(blobs, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    wall = np.repeat(grey[:, :, None], 3, axis=2)
    rows = []
    with VideoWriter(tmp_path / "wall.mp4", 10, (240, 320)) as video:
        for number in range(1, 21):
            left = (number - 1) // 4 * JUMP
            video.write(np.ascontiguousarray(wall[:, left : left + 320]))
            rows.append(f"{number},-1,{250 - left},80,12,60,0.9")
    (tmp_path / "wall.txt").write_text("\n".join(rows))
    return tmp_path / "wall.mp4"


def ids(video: Path, *options: str) -> list[int]:
    out = video.parent / "out"
    detections = str(video.with_suffix(".txt"))
    assert (
        main(["track", str(video), "--detector", detections, "--tracker", "botsort", "-q", "-o", str(out), *options])
        == 0
    )
    return np.unique(read_results(out / "wall.txt").id).tolist()


def test_compensation_keeps_the_track_and_stores_the_motion(panned):
    assert len(ids(panned)) > 1
    for method in ("flow", "ecc"):
        assert ids(panned, "--camera", method) == [1]
        kept = panned.with_name(f"wall.camera-{method}.txt")
        maps = read_motion(kept)
        assert maps.shape == (20, 2, 3)
        assert maps[4] == pytest.approx(np.array([[1, 0, -JUMP], [0, 1, 0]]), abs=0.5)
        maps[:, 0, 2] *= -1  # wrong on purpose: the second run reads the file
        write_motion(kept, maps)
        assert len(ids(panned, "--camera", method)) > 1


def test_motion_of_a_part_is_not_stored(panned):
    ids(panned, "--camera", "flow", "--frames", "6")
    ids(panned, "--camera", "flow", "--every", "2")
    assert not panned.with_name("wall.camera-flow.txt").exists()


def test_stored_motion_needs_no_images(panned, tmp_path):
    maps = np.tile(np.eye(2, 3), (20, 1, 1))
    maps[4::4, 0, 2] = -JUMP
    (tmp_path / "gmc").mkdir()
    write_motion(tmp_path / "gmc" / "GMC-wall.txt", maps)
    (sequence,) = open_source(panned)
    assert open_camera_motion(str(tmp_path / "gmc"), sequence).needs_images is False
    assert ids(panned, "--camera", str(tmp_path / "gmc")) == [1]
    assert ids(panned, "--camera", str(tmp_path / "gmc" / "GMC-wall.txt"), "--every", "2") == [1]


def test_unknown_value(panned):
    (sequence,) = open_source(panned)
    with pytest.raises(UserError, match=r"--camera drone: expected auto, none, flow, ecc, a file"):
        open_camera_motion("drone", sequence)


def keep(video, shift=3.0):
    """Store a constant motion of all frames of a video; return its file."""
    (sequence,) = open_source(video)
    maps = np.tile(np.eye(2, 3), (sequence.length, 1, 1))
    maps[:, 0, 2] = shift
    measured = open_camera_motion("flow", sequence)
    measured.maps = [*maps]
    measured.finish()
    return measured.cache


def is_remembered(source):
    (sequence,) = open_source(source)
    return not open_camera_motion("flow", sequence).needs_images


def replace_text(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_motion_of_a_replaced_video_is_measured_again(panned, caplog):
    cache = keep(panned)
    assert is_remembered(panned)
    other = panned.with_name("other.mp4")
    with VideoWriter(other, 10, (240, 320)) as video:
        for _ in range(20):
            video.write(np.zeros((240, 320, 3), np.uint8))
    os.utime(other, ns=(0, panned.stat().st_mtime_ns - 10**9))  # replaced by an older one
    other.replace(panned)
    assert not is_remembered(panned)
    assert "wall.camera-flow.txt: is of another video that was called wall: the camera's motion is" in caplog.text
    assert keep(panned, shift=5.0) == cache
    assert is_remembered(panned)
    assert read_motion(cache)[0, 0, 2] == 5


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: replace_text(path, "3.0", "4.0"), "is damaged"),
        (lambda path: path.write_text(path.read_text()[:200]), "measured again: .*expected camera motion"),
        (lambda path: path.write_text(path.read_text().partition("#")[0][:-20]), "expected camera motion|of 19 frames"),
        (lambda path: path.write_text(path.read_text()[:-9]), "its last line is damaged"),
        (lambda path: path.write_bytes(b"\xff\0"), "is not a text file"),
        (lambda path: path.write_text(""), "is of 0 frames, wall has 20"),
    ],
)
def test_damaged_motion_is_measured_again(panned, caplog, damage, said):
    damage(keep(panned))
    assert not is_remembered(panned)
    assert re.search(said, caplog.text)


def test_motion_of_others_counts_until_the_video_is_newer(panned, caplog):
    cache = panned.with_name("wall.camera-flow.txt")
    write_motion(cache, np.tile(np.eye(2, 3), (20, 1, 1)))
    assert is_remembered(panned)
    os.utime(panned, ns=(0, cache.stat().st_mtime_ns + 10**9))
    assert not is_remembered(panned)
    assert "is older than wall" in caplog.text


def test_motion_of_a_folder_whose_images_change(tmp_path):
    for number in range(1, 5):
        cv2.imwrite(str(tmp_path / f"{number:06d}.png"), np.full((48, 64, 3), number, np.uint8))
    keep(tmp_path)
    assert is_remembered(tmp_path)
    cv2.imwrite(str(tmp_path / "000003.png"), np.zeros((48, 64, 3), np.uint8))
    assert not is_remembered(tmp_path)


def track_with_images(video: Path, *options: str) -> tuple[str, dict]:
    """The result file's text, and the summary, of a run that reads the images for a film."""
    out, detections = video.parent / "film", str(video.with_suffix(".txt"))
    assert main(["track", str(video), "--detector", detections, "--video", "-o", str(out), *options]) == 0
    return (out / f"{video.stem}.txt").read_text(), json.loads((out / "summary.json").read_text())["sequences"][0]


def test_by_default_the_camera_is_followed_where_images_are_read(panned, capsys):
    _, summary = track_with_images(panned, "--tracker", "botsort")
    assert (summary["tracks"], summary["camera"]["method"], summary["camera"]["moves"]) == (1, "auto", True)
    assert summary["camera"]["moved"] == 0.2  # of twenty frames, the camera jumps in four
    assert summary["camera"]["median"] == pytest.approx(JUMP, abs=0.5)
    assert "camera moves in 20% of the frames, median 1" in capsys.readouterr().out
    assert track_with_images(panned, "--tracker", "botsort", "--camera", "none")[1]["tracks"] > 1
    assert len(ids(panned)) > 1  # no image is read
    assert sorted(path.name for path in panned.parent.glob("wall*")) == ["wall.mp4", "wall.txt"]  # nothing beside it


def test_skipped_frames_are_followed_too(panned):
    _, summary = track_with_images(panned, "--tracker", "botsort", "--every", "3")
    assert (summary["tracks"], summary["camera"]["moves"]) == (1, True)


def test_a_camera_that_stands_still_changes_nothing(panned, capsys):
    still = panned.with_name("still.mp4")
    (sequence,) = open_source(panned)
    first = next(iter(sequence)).image
    with VideoWriter(still, 10, (240, 320)) as video:
        for n in range(20):
            picture = first.copy()
            picture[100:160, 10 + 5 * n : 22 + 5 * n] = 0
            video.write(picture)
    rows = (f"{n + 1},-1,{10 + 5 * n},100,12,60,0.9" for n in range(20))
    still.with_suffix(".txt").write_text("\n".join(rows))
    followed, summary = track_with_images(still)
    assert summary["camera"] == {"method": "auto", "moves": False, "moved": 0.0, "median": 0.0, "doubtful": 0}
    assert "camera static" in capsys.readouterr().out
    assert followed == track_with_images(still, "--camera", "none")[0]


def test_the_median_needs_no_memory_of_the_frames():
    counts = MotionCounts((100, 200))
    for n in range(1, 10):
        counts.add(np.array([[1, 0, float(n)], [0, 1, 0]]), Frame(n))
    counts.add(np.eye(2, 3), Frame(10))
    assert counts.describe() == {"moves": True, "moved": 0.9, "median": 5.0}
