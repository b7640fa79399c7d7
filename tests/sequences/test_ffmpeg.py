"""Names that look like protocols, servers that fall silent, videos through named pipes."""

import logging
import os
import socket
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.sequences import ffmpeg, open_source
from idfree.sequences.camera import CameraSettings, open_camera
from idfree.sequences.ffmpeg import ffmpeg_address, is_address
from idfree.sequences.video import open_video
from idfree.show.video_writer import VideoWriter

NAMES = ["2024-05-01T10:32:07.mp4", "http:a.mp4", "pipe:0.mp4", "100%d.mp4", "a b%20c?.mp4", "concat:a|b.mp4", "-i.mp4"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder: a path with a folder in front is no protocol to FFmpeg."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_video(path, frames=3, size=16):
    random = np.random.default_rng(0)
    with VideoWriter(path, 25, (size, size)) as video:
        for _ in range(frames):
            video.write(random.integers(0, 255, (size, size, 3)).astype(np.uint8))
    return path


@pytest.mark.parametrize("name", NAMES)
def test_names_that_look_like_protocols(here, name):
    write_video(name)
    assert [path.name for path in here.iterdir()] == [name]
    (sequence,) = open_source(name)
    assert (sequence.name, sequence.length, len(list(sequence))) == (name.removesuffix(".mp4"), 3, 3)


def test_missing_names_that_look_like_protocols(here):
    with pytest.raises(UserError, match="no such file"):
        open_video("10:32:07.mp4")
    with pytest.raises(UserError, match=r"no such file or folder: 10:32:07\.mp4"):
        open_source("10:32:07.mp4")


def test_addresses(here):
    assert all(is_address(text) for text in ("rtsp://host/live", "file:a.mp4"))
    (here / "rtsp:").mkdir()
    (here / "rtsp:" / "host").touch()
    assert not is_address("rtsp://host")  # it exists
    assert [ffmpeg_address(a) for a in ("rtsp://a/b", "c:d.mp4", here)] == [
        "rtsp://a/b",
        "file:c:d.mp4",
        f"file:{here}",
    ]


@contextmanager
def server(content: bytes):
    """A web server that claims a file of twice that size, sends `content` and falls silent. Yields its address."""
    stopping = threading.Event()

    def answer(connection):
        with connection:
            if content:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * len(content)) + content)
            stopping.wait()

    def accept():
        while not stopping.is_set():
            try:
                connection = listener.accept()[0]
            except TimeoutError:
                continue
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stopping.set()
            thread.join()


@pytest.mark.parametrize("scheme", ["http", "https", "rtsp", "rtmp"])
def test_a_server_that_accepts_and_is_silent(monkeypatch, scheme):
    monkeypatch.setattr(ffmpeg, "NETWORK_TIMEOUT", 0.2)
    with server(b"") as host, pytest.raises(UserError, match=r"cannot open .*/a\.mp4: no answer within 0\.2 s"):
        open_video(f"{scheme}://user:secret@{host}/a.mp4")


@pytest.mark.parametrize("scheme", ["http", "rtsp", "rtmp", "tcp", "udp", "rtp"])
def test_a_silent_stream(scheme):
    settings = CameraSettings(timeout=0.2)
    with (
        server(b"") as host,
        pytest.raises(UserError, match=r"gives no images: cannot open .*: no answer within 0\.2 s"),
    ):
        next(iter(open_camera(f"{scheme}://{host}", settings)))


def test_a_server_that_falls_silent_half_way(here, monkeypatch, caplog):
    monkeypatch.setattr(ffmpeg, "NETWORK_TIMEOUT", 4.0)  # the first half comes in time on a busy machine, too
    content = write_video(here / "a.mp4", 60, 128).read_bytes()
    with server(content[: len(content) // 2]) as host, caplog.at_level(logging.WARNING, "idfree"):
        frames = list(open_video(f"http://user:secret@{host}/a.mp4"))
    assert 10 < len(frames) < 50
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        f"http://{host}/a.mp4 broke off: no more data in time",
        f"a.mp4: {60 - len(frames)} of 60 frames could not be decoded",
    ]


@contextmanager
def pipe_with(content: bytes):
    """A named pipe into which somebody writes `content`, once."""
    os.mkfifo("film.pipe")

    def write():
        with open("film.pipe", "wb") as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    yield "film.pipe"
    thread.join()
    os.unlink("film.pipe")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "libx264"), ("a.ts", "libx264"), ("a.avi", "mpeg4")])
def test_a_video_through_a_pipe_is_the_same(here, write_stamped, name, codec):
    path = write_stamped(name, codec, np.arange(60) + np.arange(60) // 7, ticks=25)
    expected = open_video(path)
    with pipe_with(path.read_bytes()) as pipe:
        (sequence,) = open_source(pipe)
        assert (sequence.name, sequence.length, sequence.is_irregular) == ("film", None, True)
        for frame, other in zip(sequence, expected, strict=True):
            assert (frame.number, frame.time) == (other.number, pytest.approx(other.time))
            assert np.array_equal(frame.image, other.image)
        with pytest.raises(UserError, match=r"film\.pipe is a pipe, which can be read only once"):
            next(iter(sequence))
    assert sequence.frame_rate == pytest.approx(expected.frame_rate, rel=0.05)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("content", [b"", b"hello world" * 1000])
def test_a_pipe_without_a_video(here, content):
    with pipe_with(content) as pipe, pytest.raises(UserError, match=r"film\.pipe is not a video"):
        open_source(pipe)
