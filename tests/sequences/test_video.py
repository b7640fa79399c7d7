"""Decoding of videos: order, damaged files, rotation, containers, errors."""

import logging
from itertools import islice

import av
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.sequences.video import open_video
from idfree.show.video_writer import VideoWriter, VideoWriterSettings

LOGGER = "idfree"


def grey(number: int) -> np.ndarray:
    return np.full((48, 64, 3), 2 * number, np.uint8)


PRECISE = VideoWriterSettings(crf=18, preset="veryfast")  # frames are told apart by two grey levels


@pytest.fixture
def video_file(tmp_path):
    """Video of 100 frames: the left half of frame n has grey level 2n, the right half is noise (a larger file)."""
    random = np.random.default_rng(0)
    with VideoWriter(tmp_path / "film.mp4", 25, (48, 64), PRECISE) as video:
        for number in range(1, 101):
            image = grey(number)
            image[:, 32:] = random.integers(0, 255, (48, 32, 3))
            video.write(image)
    return tmp_path / "film.mp4"


def levels(frames) -> list[int]:
    """Number of each frame, from its grey level."""
    return [round(float(frame.image[:, :24].mean()) / 2) for frame in frames]


def test_frames_are_in_order_with_number_and_time(video_file):
    sequence = open_video(video_file)
    assert (sequence.name, sequence.length, sequence.frame_rate, sequence.size_hw) == ("film", 100, 25.0, (48, 64))
    frames = list(sequence)
    assert [frame.number for frame in frames] == list(range(1, 101))
    assert np.abs(np.array(levels(frames)) - range(1, 101)).max() <= 1
    assert np.allclose([frame.time for frame in frames], np.arange(100) / 25)
    image = frames[0].image
    assert (image.shape, image.dtype, image.flags.c_contiguous) == ((48, 64, 3), np.uint8, True)
    assert len(list(sequence)) == 100  # a second iteration


def test_stopping_early(video_file, caplog):
    frames = iter(open_video(video_file))
    assert [frame.number for frame in islice(frames, 3)] == [1, 2, 3]
    frames.close()
    assert not caplog.records


def test_truncated_video_yields_the_decodable_frames_and_warns(video_file, caplog):
    data = video_file.read_bytes()
    cut = video_file.with_name("cut.mp4")
    cut.write_bytes(data[: len(data) // 2])
    sequence = open_video(cut)
    with caplog.at_level(logging.WARNING, LOGGER):
        frames = list(sequence)
    assert sequence.length == 100
    assert 30 < len(frames) < 70
    assert [frame.number for frame in frames] == list(range(1, len(frames) + 1))
    assert np.allclose([frame.time for frame in frames], np.arange(len(frames)) / 25)
    assert np.abs(np.array(levels(frames[:-1])) - range(1, len(frames))).max() <= 1  # the last may be damaged
    assert [record.getMessage() for record in caplog.records] == [
        f"cut.mp4: {100 - len(frames)} of 100 frames could not be decoded"
    ]


def test_damaged_frames_are_skipped_with_their_numbers(video_file, caplog):
    data = bytearray(video_file.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 10] = bytes(len(data) // 10)
    video_file.write_bytes(data)
    with caplog.at_level(logging.WARNING, LOGGER):
        frames = list(open_video(video_file))
    numbers = [frame.number for frame in frames]
    assert len(frames) < 100
    assert numbers == sorted(set(numbers))
    assert (numbers[0], numbers[-1]) == (1, 100)
    assert frames[-1].time == pytest.approx(99 / 25)
    assert [record.getMessage() for record in caplog.records] == [
        f"film.mp4: {100 - len(frames)} of 100 frames could not be decoded"
    ]


def encode(path, codec, count=30, rotation=None):
    """Write a small video whose upper left quarter is white; the suffix determines the container."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if rotation is not None:
            stream.set_display_rotation(rotation)
        image = np.zeros((48, 64, 3), np.uint8)
        image[:24, :32] = 255
        for _ in range(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.mov", "libx264"), ("a.ts", "mpeg2video"), ("a.webm", "libvpx")],
)
def test_containers(tmp_path, caplog, name, codec):
    sequence = open_video(encode(tmp_path / name, codec))
    frames = list(sequence)
    assert (sequence.length, len(frames), sequence.frame_rate) == (30, 30, 25)
    assert np.allclose([frame.time for frame in frames], np.arange(30) / 25, atol=1e-3)
    assert not caplog.records


@pytest.mark.skipif(not hasattr(av.VideoStream, "set_display_rotation"), reason="this PyAV cannot write a rotation")
@pytest.mark.parametrize(
    ("degrees", "size", "white"),
    [(0, (48, 64), (0, 0)), (90, (64, 48), (-1, 0)), (-90, (64, 48), (0, -1)), (180, (48, 64), (-1, -1))],
)
def test_rotation_metadata_is_applied(tmp_path, degrees, size, white):
    sequence = open_video(encode(tmp_path / "a.mp4", "libx264", 2, degrees))
    assert sequence.size_hw == size
    image = next(iter(sequence)).image
    assert image.shape[:2] == size
    corners = {corner: int(image[corner].mean()) for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1))}
    assert corners.pop(white) > 200
    assert max(corners.values()) < 50


def test_frames_hidden_by_an_edit_list_are_not_reported_as_lost(video_file, caplog):
    """Cutting without re-encoding keeps earlier frames for decoding and marks them as hidden."""
    cut = video_file.with_name("cut.mp4")
    with av.open(str(video_file)) as source, av.open(str(cut), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                step = packet.duration
                packet.pts, packet.dts, packet.stream = packet.pts - 10 * step, packet.dts - 10 * step, stream
                target.mux(packet)
    sequence = open_video(cut)
    frames = list(sequence)
    if not hasattr(av.stream.Stream, "index_entries"):
        pytest.skip("this PyAV does not know which frames are hidden")
    assert len(frames) == sequence.length == 90
    assert abs(levels(frames)[0] - 11) <= 1
    assert frames[0].time == 0
    assert not caplog.records


def test_metadata_that_is_not_utf8(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        container.metadata["title"] = "Cafexx"
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="bgr24")))
        container.mux(stream.encode())
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.count(b"Cafexx") == 1
    (tmp_path / "a.mp4").write_bytes(data.replace(b"Cafexx", b"Caf\xe9 \xff"))
    assert len(list(open_video(tmp_path / "a.mp4"))) == 1


@pytest.mark.parametrize("content", [b"", b"hello world\n" * 50, b"\0" * 5000, np.random.default_rng(0).bytes(5000)])
@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a.avi"])
def test_files_that_are_not_videos_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=r"is not a video|no frame of it can be decoded"):
        open_video(tmp_path / name)


def test_audio_files_are_refused(tmp_path):
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(UserError, match="is not a video: it has no pictures"):
        open_video(tmp_path / "a.wav")


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(UserError, match="no such file: "):
        open_video(tmp_path / "none.mp4")
    with pytest.raises(UserError, match=r"cannot open .*: Is a directory"):
        open_video(tmp_path)


def test_error_messages_hide_passwords():
    with pytest.raises(UserError, match=r"cannot open rtsp://127.0.0.1:9/live: ") as caught:
        open_video("rtsp://user:secret@127.0.0.1:9/live")
    assert "secret" not in str(caught.value)


def test_a_real_video(shared, caplog):
    sequence = open_video(shared / "data/videos/TUD-Campus.mp4")
    assert (sequence.length, sequence.frame_rate, sequence.size_hw) == (71, 25.0, (480, 640))
    frames = list(sequence)
    assert [frame.number for frame in frames] == list(range(1, 72))
    assert {frame.image.shape for frame in frames} == {(480, 640, 3)}
    assert not caplog.records


def test_truncated_video_with_the_index_at_its_end(shared, tmp_path):
    """Without the index (unlike in files of VideoWriter, it is the last part) no frames can be found."""
    data = (shared / "data/videos/TUD-Campus.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"half\.mp4 is not a video, or was cut off before its index was written"):
        open_video(tmp_path / "half.mp4")
