"""Cameras, with a made-up source: the newest frame, frames dropped, connections broken, and the thread that ends."""

import logging
import socket
import threading

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.sequences.camera import CameraSettings, camera_name, open_camera

QUICK = CameraSettings(timeout=5, attempts=3, wait=0.001)
PATIENCE = 5  # seconds before a test gives up on a thread


def picture(level: int) -> np.ndarray:
    return np.full((2, 2, 3), level, np.uint8)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("camera")]


class Source:
    """A camera in steps: gives an image each time the test says so, and tells when it was closed."""

    def __init__(self):
        self.steps = threading.Semaphore(0)
        self.asked = threading.Semaphore(0)
        self.closed = threading.Event()

    def connect(self):
        try:
            for level in range(1, 1000):
                self.asked.release()
                if not self.steps.acquire(timeout=PATIENCE):
                    return
                yield None if level % 100 == 0 else picture(level)
        finally:
            self.closed.set()

    def show(self, count: int) -> None:
        """Lets the camera give `count` images and waits until the reader has taken them all."""
        for _ in range(count):
            assert self.asked.acquire(timeout=PATIENCE)
            self.steps.release()
        assert self.asked.acquire(timeout=PATIENCE)
        self.asked.release()


def test_frames_are_dropped_rather_than_late():
    source = Source()
    frames = iter(open_camera(0, QUICK, source.connect))
    source.steps.release()
    first = next(frames)
    assert (first.number, first.image[0, 0, 0]) == (1, 1)
    assert source.asked.acquire(timeout=PATIENCE)
    source.show(5)
    second = next(frames)
    assert (second.number, second.image[0, 0, 0]) == (6, 6)
    assert second.time >= first.time >= 0
    threading.Timer(0.05, source.steps.release).start()  # the reader hears of the end when the camera gives an image
    frames.close()
    assert source.closed.is_set()
    assert not threads()


def test_a_lost_frame_counts():
    def connect():
        yield from (picture(1), None, None)
        yield picture(4)
        raise UserError("the end")

    settings = CameraSettings(attempts=0)
    assert [frame.number for frame in open_camera(0, settings, connect)][-1] == 4


def test_a_stream_that_breaks_is_connected_again(caplog):
    given = [iter([1, 2, 3]), OSError("cable out"), iter([]), iter([4, 5])]
    taken = threading.Semaphore(0)

    def connect():
        step = given.pop(0) if given else UserError("gone")
        if isinstance(step, Exception):
            raise step
        for level in step:
            yield picture(level)
            taken.acquire(timeout=PATIENCE)  # so that no frame is dropped in this test

    numbers, levels = [], []
    with caplog.at_level(logging.WARNING, "idfree"):
        for frame in open_camera(3, QUICK, connect):
            numbers.append(frame.number)
            levels.append(int(frame.image[0, 0, 0]))
            taken.release()
    assert numbers == levels == [1, 2, 3, 4, 5]
    said = [record.getMessage() for record in caplog.records]
    assert said[:3] == [
        "camera3 broke off after frame 3: it ended; connecting again",
        "camera3 broke off after frame 3: cable out; connecting again",
        "camera3 broke off after frame 3: it ended; connecting again",
    ]
    assert said[3:] == [
        "camera3 broke off after frame 5: it ended; connecting again",
        *["camera3 broke off after frame 5: gone; connecting again"] * 2,
        "camera3 broke off after frame 5 and did not come back: gone",
    ]
    assert not threads()


@pytest.mark.parametrize(
    ("step", "said"),
    [(UserError("no such camera"), "no such camera"), (OSError("refused"), "refused"), (None, "it ended")],
)
def test_a_first_connection_that_fails_is_an_error(step, said):
    def connect():
        if step is not None:
            raise step
        yield from ()

    with pytest.raises(UserError, match=f"camera0 gives no images: {said}"):
        next(iter(open_camera(0, QUICK, connect)))
    assert not threads()


def test_a_fault_in_the_thread_is_raised_where_frames_are_taken():
    def connect():
        yield picture(1)
        raise ZeroDivisionError

    frames = iter(open_camera(0, QUICK, connect))
    with pytest.raises(ZeroDivisionError):
        list(frames)
    assert not threads()


def test_the_thread_ends_while_it_waits_to_connect_again():
    def connect():
        yield picture(1)

    frames = iter(open_camera(0, CameraSettings(wait=60), connect))
    assert next(frames).number == 1
    frames.close()
    assert not threads()


def test_nothing_is_opened_before_the_first_frame_is_asked_for():
    sequence = open_camera(0, QUICK, lambda: pytest.fail("opened"))
    assert (sequence.name, sequence.length, sequence.size_hw) == ("camera0", None, None)
    with pytest.raises(UserError, match="its number of frames is unknown"):
        sequence.without_images()


def test_names_are_fit_for_files_and_keep_secrets():
    assert camera_name(2) == "camera2"
    assert camera_name("rtsp://user:secret@10.0.0.7:554/live/ch1?key=x") == "10-0-0-7-live-ch1"
    assert camera_name("udp://@:1234") == "stream"


def test_real_sources_that_are_not_there():
    with pytest.raises(UserError, match="camera99 gives no images: no camera with index 99 can be opened"):
        next(iter(open_camera(99)))
    with pytest.raises(UserError, match=r"gives no images: cannot open rtsp://127.0.0.1:9/live: ") as caught:
        next(iter(open_camera("rtsp://user:sec@ret@127.0.0.1:9/live")))
    assert "ret" not in str(caught.value)


def test_an_address_that_does_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/live"
        with pytest.raises(UserError, match=r"gives no images: cannot open .*: no answer within 0\.2 s"):
            next(iter(open_camera(address, CameraSettings(timeout=0.2))))
    assert not threads()


def test_a_stream_by_its_address(tmp_path):
    """A file stands in for the network: the same code decodes it."""
    from idfree.sequences.camera import read_stream
    from idfree.show.video_writer import VideoWriter

    with VideoWriter(tmp_path / "a.mp4", 25, (16, 16)) as video:
        for _ in range(4):
            video.write(np.zeros((16, 16, 3), np.uint8))
    images = list(read_stream(f"file:{tmp_path / 'a.mp4'}", 5))
    assert [image.shape for image in images] == [(16, 16, 3)] * 4
