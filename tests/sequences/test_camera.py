"""Cameras with a simulated source: newest frame, dropped frames, broken connections, end of the thread."""

import logging
import socket
import threading

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.sequences.camera import CameraSettings, camera_name, open_camera

PATIENCE = 300  # seconds before a test fails because a thread does not respond
QUICK = CameraSettings(timeout=PATIENCE, attempts=3, wait=0.001)


def grey_image(level: int) -> np.ndarray:
    return np.full((2, 2, 3), level, np.uint8)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("camera")]


class SteppedSource:
    """A camera that yields an image each time the test releases it, and records that it was closed."""

    def __init__(self):
        self.steps = threading.Semaphore(0)
        self.requested = threading.Semaphore(0)
        self.closed = threading.Event()

    def connect(self):
        try:
            for level in range(1, 1000):
                self.requested.release()
                if not self.steps.acquire(timeout=PATIENCE):
                    return
                yield None if level % 100 == 0 else grey_image(level)
        finally:
            self.closed.set()

    def emit(self, count: int) -> None:
        """Emit `count` images and wait until the reader has received all of them."""
        for _ in range(count):
            assert self.requested.acquire(timeout=PATIENCE)
            self.steps.release()
        assert self.requested.acquire(timeout=PATIENCE)
        self.requested.release()

    def emit_until_closed(self) -> None:
        while not self.closed.wait(0.01):
            self.steps.release()


def test_frames_are_dropped_if_the_consumer_is_slow():
    source = SteppedSource()
    frames = iter(open_camera(0, QUICK, source.connect))
    source.steps.release()
    first = next(frames)
    assert (first.number, first.image[0, 0, 0]) == (1, 1)
    assert source.requested.acquire(timeout=PATIENCE)
    source.emit(5)
    second = next(frames)
    assert (second.number, second.image[0, 0, 0]) == (6, 6)
    assert second.time >= first.time >= 0
    threading.Thread(target=source.emit_until_closed).start()  # the reader checks `stopping` at the next image
    frames.close()
    assert source.closed.is_set()
    assert not threads()


def test_frames_that_cannot_be_decoded_are_numbered():
    def connect():
        yield from (grey_image(1), None, None)
        yield grey_image(4)
        raise UserError("the end")

    settings = CameraSettings(attempts=0)
    assert [frame.number for frame in open_camera(0, settings, connect)][-1] == 4


def test_a_broken_stream_is_reconnected(caplog):
    connections = [iter([1, 2, 3]), OSError("cable out"), iter([]), iter([4, 5])]
    consumed = threading.Semaphore(0)

    def connect():
        step = connections.pop(0) if connections else UserError("gone")
        if isinstance(step, Exception):
            raise step
        for level in step:
            yield grey_image(level)
            consumed.acquire(timeout=PATIENCE)  # so that no frame is dropped in this test

    numbers, levels = [], []
    with caplog.at_level(logging.WARNING, "idfree"):
        for frame in open_camera(3, QUICK, connect):
            numbers.append(frame.number)
            levels.append(int(frame.image[0, 0, 0]))
            consumed.release()
    assert numbers == levels == [1, 2, 3, 4, 5]
    messages = [record.getMessage() for record in caplog.records]
    assert messages[:3] == [
        "camera3 broke off after frame 3: it ended; connecting again",
        "camera3 broke off after frame 3: cable out; connecting again",
        "camera3 broke off after frame 3: it ended; connecting again",
    ]
    assert messages[3:] == [
        "camera3 broke off after frame 5: it ended; connecting again",
        *["camera3 broke off after frame 5: gone; connecting again"] * 2,
        "camera3 broke off after frame 5 and did not come back: gone",
    ]
    assert not threads()


@pytest.mark.parametrize(
    ("step", "cause"),
    [(UserError("no such camera"), "no such camera"), (OSError("refused"), "refused"), (None, "it ended")],
)
def test_a_failure_of_the_first_connection_is_an_error(step, cause):
    def connect():
        if step is not None:
            raise step
        yield from ()

    with pytest.raises(UserError, match=f"camera0 gives no images: {cause}"):
        next(iter(open_camera(0, QUICK, connect)))
    assert not threads()


def test_exceptions_of_the_thread_are_raised_in_the_consumer():
    def connect():
        yield grey_image(1)
        raise ZeroDivisionError

    frames = iter(open_camera(0, QUICK, connect))
    with pytest.raises(ZeroDivisionError):
        list(frames)
    assert not threads()


def test_the_thread_ends_while_waiting_to_reconnect():
    def connect():
        yield grey_image(1)

    frames = iter(open_camera(0, CameraSettings(wait=60), connect))
    assert next(frames).number == 1
    frames.close()
    assert not threads()


def test_nothing_is_opened_before_iteration():
    sequence = open_camera(0, QUICK, lambda: pytest.fail("opened"))
    assert (sequence.name, sequence.length, sequence.size_hw) == ("camera0", None, None)
    with pytest.raises(UserError, match="its number of frames is unknown"):
        sequence.without_images()


def test_names_are_valid_file_names_without_passwords():
    assert camera_name(2) == "camera2"
    assert camera_name("rtsp://user:secret@10.0.0.7:554/live/ch1?key=x") == "10-0-0-7-live-ch1"
    assert camera_name("udp://@:1234") == "stream"


def test_missing_cameras_and_servers():
    with pytest.raises(UserError, match="camera99 gives no images: no camera with index 99 can be opened"):
        next(iter(open_camera(99)))
    with pytest.raises(UserError, match=r"gives no images: cannot open rtsp://127.0.0.1:9/live: ") as caught:
        next(iter(open_camera("rtsp://user:sec@ret@127.0.0.1:9/live")))
    assert "ret" not in str(caught.value)


def test_connection_timeout():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/live"
        with pytest.raises(UserError, match=r"gives no images: cannot open .*: no answer within 0\.2 s"):
            next(iter(open_camera(address, CameraSettings(timeout=0.2))))
    assert not threads()


def test_reading_a_stream(tmp_path):
    """The stream is a file, which is decoded by the same code."""
    from idfree.sequences.camera import read_stream
    from idfree.show.video_writer import VideoWriter

    with VideoWriter(tmp_path / "a.mp4", 25, (16, 16)) as video:
        for _ in range(4):
            video.write(np.zeros((16, 16, 3), np.uint8))
    images = list(read_stream(f"file:{tmp_path / 'a.mp4'}", PATIENCE))
    assert [image.shape for image in images] == [(16, 16, 3)] * 4
