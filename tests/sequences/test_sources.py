"""open_source for files, folders, cameras and addresses."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.sequences import open_source
from idfree.show.video_writer import VideoWriter


def write_video(path, frames=3):
    with VideoWriter(path, 25, (16, 16)) as video:
        for _ in range(frames):
            video.write(np.zeros((16, 16, 3), np.uint8))


def write_image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((16, 16, 3), np.uint8))


def names(source):
    return [sequence.name for sequence in open_source(source)]


def test_video_and_folder_of_videos(tmp_path):
    for name in ("b10.mp4", "b9.mp4", "a.MP4"):
        write_video(tmp_path / name)
    assert names(tmp_path / "a.MP4") == ["a"]
    assert names(str(tmp_path)) == ["a", "b9", "b10"]
    write_image(tmp_path / "poster.jpg")
    with pytest.raises(UserError, match=r"holds both images and videos, 4 files .*: name a video"):
        open_source(tmp_path)


def test_folder_of_images_and_single_image(tmp_path):
    for number in (1, 2):
        write_image(tmp_path / "walk" / f"{number}.png")
    (sequence,) = open_source(tmp_path / "walk")
    assert (sequence.name, sequence.length, sequence.folder) == ("walk", 2, None)
    (still,) = open_source(tmp_path / "walk" / "1.png")
    assert (still.length, len(list(still)), still.size_hw) == (1, 1, (16, 16))


def test_motchallenge_sequence_and_folder_of_sequences(tmp_path):
    write_image(tmp_path / "seq2" / "img1" / "000001.png")
    (tmp_path / "seq10" / "det").mkdir(parents=True)
    (tmp_path / "seq10" / "det" / "det.txt").write_text("7,-1,1,1,2,2,1\n")
    (tmp_path / "notes").mkdir()
    assert names(tmp_path / "seq2") == ["seq2"]
    sequences = open_source(tmp_path)
    assert [(s.name, s.length, s.folder) for s in sequences] == [
        ("seq2", 1, tmp_path / "seq2"),
        ("seq10", 7, tmp_path / "seq10"),
    ]


def test_the_current_folder(tmp_path, monkeypatch):
    write_image(tmp_path / "seq2" / "img1" / "000001.png")
    monkeypatch.chdir(tmp_path / "seq2")
    assert names(".") == ["seq2"]


def test_cameras_and_streams_are_opened_lazily():
    for source, name in (
        (0, "camera0"),
        ("1", "camera1"),
        ("rtsp://user:secret@host/live", "host-live"),
        ("http://host/stream", "host-stream"),
        ("udp://239.0.0.1:1234", "239-0-0-1"),
    ):
        (sequence,) = open_source(source)
        assert (sequence.name, sequence.length) == (name, None)


def test_what_exists_is_no_camera_and_no_address(tmp_path, monkeypatch, caplog):
    """KITTI calls its folders 0000, 0001 …"""
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        write_image(Path("0001") / f"{number:06}.png")
    write_video("7.mp4")
    Path("7.mp4").rename("7")
    (folder,) = open_source("0001")
    assert (folder.name, folder.length) == ("0001", 2)
    (video,) = open_source("7")
    assert (video.name, video.length) == ("7", 3)
    assert "0001 is taken for the folder of that name, not for a camera" in caplog.text
    assert "7 is taken for the file of that name, not for a camera" in caplog.text
    assert names(7) == ["camera7"]
    assert names("0002") == ["camera2"]
    write_image(Path("rtsp:") / "host" / "1.png")
    assert names("rtsp://host") == ["host"]


def test_images_whose_names_are_patterns_to_ffmpeg(tmp_path):
    """FFmpeg reads a%d.png as a1.png, a2.png …"""
    for name in ("a%d.png", "2024-05-01T10:32:07.png", "a*.png"):
        write_image(tmp_path / name)
        (still,) = open_source(tmp_path / name)
        assert (still.name, still.length, [frame.number for frame in still]) == (name[:-4], 1, [1])
    assert len(list(open_source(tmp_path)[0])) == 3


def test_addresses_of_videos():
    with pytest.raises(UserError, match=r"cannot open http://127.0.0.1:9/a.mp4"):
        open_source("http://127.0.0.1:9/a.mp4")
    with pytest.raises(UserError, match=r"cannot read gopher://, known are rtsp"):
        open_source("gopher://host/a.mp4")


def test_video_devices():
    if not Path("/dev/video0").exists():
        pytest.skip("no camera here")
    assert names("/dev/video0") == ["camera0"]


def test_missing_and_unsupported_sources(tmp_path):
    with pytest.raises(UserError, match=r"^no such file or folder: nothing\.mp4$"):
        open_source("nothing.mp4")
    (tmp_path / "a.doc").touch()
    with pytest.raises(UserError) as caught:
        open_source(tmp_path)
    for part in ("MOTChallenge", "images", "videos", ".mp4", ".jpg", "found 1 file (a.doc)"):
        assert part in str(caught.value)


def test_importing_the_package_imports_no_optional_packages():
    code = (
        "import sys, idfree.sequences, idfree.sequences.motchallenge, idfree.sequences.tables, idfree.sequences.camera"
    )
    code += "; print([name for name in ('av', 'cv2', 'pyarrow', 'scipy') if name in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert process.stdout.strip() == "[]"


def test_real_sources(shared):
    assert names(shared / "data/MOT15/train") == ["KITTI-17", "PETS09-S2L1", "TUD-Campus"]
    assert names(shared / "data/videos") == ["KITTI-17", "MOT17-04", "MOT17-09", "PETS09-S2L1", "TUD-Campus"]
