"""Frames drawn and written by threads: size, errors, interruptions."""

import errno
import logging

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Frame, Tracks
from idfree.sequences.video import open_video
from idfree.show.outlines import Outline
from idfree.show.video_output import VideoOutput
from idfree.show.video_writer import VideoWriter


def frame(number, height=120, width=160, grey=90):
    return Frame(number, np.full((height, width, 3), grey, dtype=np.uint8), (number - 1) / 10)


def one(*xyxy):
    return Tracks(np.array([xyxy], dtype=np.float64), np.array([1]), np.ones(1), np.zeros(1, dtype=np.int64))


def test_every_frame_is_written_in_order(tmp_path):
    with VideoOutput(tmp_path / "a.mp4", 10) as output:
        for number in range(1, 31):
            output.add(frame(number, grey=8 * number), one(20, 20, 60, 100))
    written = list(open_video(tmp_path / "a.mp4"))
    levels = np.array([int(each.image[110, 150, 0]) for each in written])
    assert np.abs(levels - 8 * np.arange(1, 31)).max() <= 4
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_the_images_given_stay_as_they_are(tmp_path):
    given = frame(1)
    with VideoOutput(tmp_path / "a.mp4", 10) as output:
        output.add(given, one(20, 20, 60, 100))
    assert (given.image == 90).all()


def test_height(tmp_path):
    """Half the size; marks are where they would be in the whole picture."""
    zone = Outline(np.array([[80, 20], [140, 20], [140, 100], [80, 100]], dtype=np.float64), True, (0, 0, 255))
    with VideoOutput(tmp_path / "a.mp4", 10, height=60) as output:
        output.add(frame(1), one(0, 0, 2, 2), outlines=[zone])
    (written,) = open_video(tmp_path / "a.mp4")
    assert written.image.shape == (60, 80, 3)
    assert written.image[30, 55, 2] > written.image[30, 20, 2] + 10  # inside, it is redder
    camera, points = np.array([[1.0, 0, 8], [0, 1, 4]]), np.array([[10.0, 20, 0.5]])
    from idfree.show.video_output import AnnotatedFrame

    scaled = AnnotatedFrame(frame(1), one(2, 4, 6, 8), camera, points, [zone]).scaled(0.5)
    assert scaled.tracks.xyxy.tolist() == [[1, 2, 3, 4]]
    assert scaled.camera.tolist() == [[1, 0, 4], [0, 1, 2]]
    assert scaled.points[:, :2].tolist() == [[5, 10]]


def test_height_enlarges_nothing(tmp_path):
    with VideoOutput(tmp_path / "a.mp4", 10, height=2000) as output:
        output.add(frame(1), one(0, 0, 2, 2))
    assert open_video(tmp_path / "a.mp4").size_hw == (120, 160)


def test_another_size_is_fitted(tmp_path, caplog):
    with VideoOutput(tmp_path / "a.mp4", 10) as output, caplog.at_level(logging.WARNING):
        output.add(frame(1), one(0, 0, 2, 2))
        output.add(frame(2, height=160, width=120), one(0, 0, 2, 2))
        output.add(frame(3, height=240, width=320), one(0, 0, 2, 2))  # of the same proportions: no bars
    assert caplog.text.count("the size of the images changes (120×160 from frame 2 on, 160×120 before)") == 1
    assert [each.image.shape[:2] for each in open_video(tmp_path / "a.mp4")] == [(120, 160)] * 3


def fill_disk(monkeypatch, at):
    """The disk is full from the n-th image on."""
    write = VideoWriter.write

    def fail(self, bgr, time=None):
        if self.written == at:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, bgr, time)

    monkeypatch.setattr(VideoWriter, "write", fail)


def add_all(output, count):
    for number in range(1, count + 1):
        output.add(frame(number), one(0, 0, 9, 9))


@pytest.mark.parametrize("count", [4, 40])
def test_a_full_disk_is_told_in_a_sentence_and_leaves_no_file(tmp_path, monkeypatch, count):
    fill_disk(monkeypatch, at=3)
    with (
        pytest.raises(UserError, match=r"cannot write .*a\.mp4: No space left on device"),
        VideoOutput(tmp_path / "a.mp4", 10) as output,
    ):
        add_all(output, count)
    assert not list(tmp_path.iterdir())


def test_an_error_of_drawing_is_raised_too(tmp_path):
    damaged = Tracks(np.zeros((1, 4)), np.array([1, 2]), np.ones(1), np.zeros(1, dtype=np.int64))
    with pytest.raises((ValueError, IndexError)), VideoOutput(tmp_path / "a.mp4", 10) as output:
        output.add(frame(1), damaged)
    assert not list(tmp_path.iterdir())


def interrupt(output):
    add_all(output, 5)
    raise KeyboardInterrupt


def test_an_interruption_leaves_no_file(tmp_path):
    with pytest.raises(KeyboardInterrupt), VideoOutput(tmp_path / "a.mp4", 10) as output:
        interrupt(output)
    assert not list(tmp_path.iterdir())


def test_no_frame_no_file(tmp_path):
    with VideoOutput(tmp_path / "a.mp4", 10) as output:
        output.add(Frame(1), one(0, 0, 2, 2))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(UserError, match="cannot make the folder"), VideoOutput(tmp_path / "a" / "b.mp4", 10) as output:
        add_all(output, 1)


def test_stages_are_timed(tmp_path):
    from idfree.pipelines.tracking.run_counts import StageTimer

    timer = StageTimer()
    timer.seconds |= {"drawing": 0.0, "encoding": 0.0}
    with VideoOutput(tmp_path / "a.mp4", 10, time=timer.time) as output:
        add_all(output, 3)
    assert timer.seconds["drawing"] > 0
    assert timer.seconds["encoding"] > 0
