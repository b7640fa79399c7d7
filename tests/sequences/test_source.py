"""What a user may give as SOURCE."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.sequences import open_source
from idfree.show.video_writer import VideoWriter


def film(path, frames=3):
    with VideoWriter(path, 25, (16, 16)) as video:
        for _ in range(frames):
            video.write(np.zeros((16, 16, 3), np.uint8))


def image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((16, 16, 3), np.uint8))


def names(source):
    return [sequence.name for sequence in open_source(source)]


def test_a_video_and_a_folder_of_videos(tmp_path):
    for name in ("b10.mp4", "b9.mp4", "a.MP4"):
        film(tmp_path / name)
    assert names(tmp_path / "a.MP4") == ["a"]
    assert names(str(tmp_path)) == ["a", "b9", "b10"]
    image(tmp_path / "poster.jpg")
    with pytest.raises(UserError, match=r"holds both images and videos, 4 files .*: name a video"):
        open_source(tmp_path)


def test_a_folder_of_images_and_one_image(tmp_path):
    for number in (1, 2):
        image(tmp_path / "walk" / f"{number}.png")
    (sequence,) = open_source(tmp_path / "walk")
    assert (sequence.name, sequence.length, sequence.folder) == ("walk", 2, None)
    (still,) = open_source(tmp_path / "walk" / "1.png")
    assert (still.length, len(list(still)), still.size_hw) == (1, 1, (16, 16))


def test_a_sequence_folder_and_a_folder_of_them(tmp_path):
    image(tmp_path / "seq2" / "img1" / "000001.png")
    (tmp_path / "seq10" / "det").mkdir(parents=True)
    (tmp_path / "seq10" / "det" / "det.txt").write_text("7,-1,1,1,2,2,1\n")
    (tmp_path / "notes").mkdir()
    assert names(tmp_path / "seq2") == ["seq2"]
    sequences = open_source(tmp_path)
    assert [(s.name, s.length, s.folder) for s in sequences] == [
        ("seq2", 1, tmp_path / "seq2"),
        ("seq10", 7, tmp_path / "seq10"),
    ]


def test_a_folder_named_from_within_itself(tmp_path, monkeypatch):
    image(tmp_path / "seq2" / "img1" / "000001.png")
    monkeypatch.chdir(tmp_path / "seq2")
    assert names(".") == ["seq2"]


def test_cameras_and_streams_are_not_opened_yet():
    for source, name in (
        (0, "camera0"),
        ("1", "camera1"),
        ("rtsp://user:secret@host/live", "host-live"),
        ("http://host/stream", "host-stream"),
        ("udp://239.0.0.1:1234", "239-0-0-1"),
    ):
        (sequence,) = open_source(source)
        assert (sequence.name, sequence.length) == (name, None)


def test_the_address_of_a_video_is_a_video():
    with pytest.raises(UserError, match=r"cannot open http://127.0.0.1:9/a.mp4"):
        open_source("http://127.0.0.1:9/a.mp4")
    with pytest.raises(UserError, match=r"cannot read gopher://, known are rtsp"):
        open_source("gopher://host/a.mp4")


def test_what_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"^no such file or folder: nothing\.mp4$"):
        open_source("nothing.mp4")
    (tmp_path / "a.doc").touch()
    with pytest.raises(UserError) as caught:
        open_source(tmp_path)
    for part in ("MOTChallenge", "images", "videos", ".mp4", ".jpg", "found 1 file (a.doc)"):
        assert part in str(caught.value)


def test_the_package_is_light_to_import():
    code = (
        "import sys, idfree.sequences, idfree.sequences.motchallenge, idfree.sequences.tables, idfree.sequences.camera"
    )
    code += "; print([name for name in ('av', 'cv2', 'pyarrow', 'scipy') if name in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_real_sources(shared):
    assert names(shared / "data/MOT15/train") == ["KITTI-17", "PETS09-S2L1", "TUD-Campus"]
    assert names(shared / "data/videos") == ["KITTI-17", "MOT17-04", "MOT17-09", "PETS09-S2L1", "TUD-Campus"]
