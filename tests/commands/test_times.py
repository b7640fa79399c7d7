"""Time stamps from the video to the results and the annotated film; named pipes as videos and detections."""

import json
import logging
import os
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from idfree.cli import main
from idfree.core import pipes
from idfree.core.types import Frame, Sequence
from idfree.pipelines.detection.open_detector import DetectorConfig
from idfree.pipelines.tracking.make_tracking_run import make_tracking_run
from idfree.pipelines.tracking.write_tracks import Outputs, write_tracks
from idfree.sequences.motchallenge import read_results

TIMES = np.concatenate([[0], np.cumsum(np.random.default_rng(0).integers(30, 37, 39))]) / 1000  # 40 steps of 30…36 ms


@pytest.fixture(autouse=True)
def quiet_log():
    yield
    logging.getLogger().handlers.clear()  # the command line logs to this test's stderr, which is about to close


@pytest.fixture
def boxes(tmp_path) -> Path:
    """Detections of one object in 40 frames."""
    path = tmp_path / "boxes.txt"
    path.write_text("".join(f"{n},-1,{5 + n / 2},10,20,30,0.9\n" for n in range(1, 41)))
    return path


@pytest.fixture
def film(tmp_path) -> Path:
    """A WebM video of 40 frames at TIMES, which declares its tick of 1000 per second."""
    with av.open(str(tmp_path / "film.webm"), "w") as container:
        stream = container.add_stream("libvpx", rate=1000, options={"deadline": "realtime"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time in TIMES:
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return tmp_path / "film.webm"


def shown_at(path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def track(source, detections, out, *options):
    return main(["track", str(source), "--detector", str(detections), "-o", str(out), "-q", *options])


@pytest.mark.parametrize("options", [[], ["--video"]])
def test_times_in_results_are_those_of_the_video(film, boxes, tmp_path, options):
    assert track(film, boxes, tmp_path / "out", "--format", "json", *options) == 0
    rows = json.loads((tmp_path / "out" / "film.json").read_text())
    assert [row["time"] for row in rows] == pytest.approx([TIMES[row["frame"] - 1] for row in rows])
    assert len({row["id"] for row in rows}) == 1
    if options:
        assert np.abs(shown_at(tmp_path / "out" / "film.mp4") - TIMES).max() < 1e-4


def test_selected_frames_keep_their_times(film, boxes, tmp_path):
    assert track(film, boxes, tmp_path, "--format", "csv", "--video", "--start", "5", "--every", "2") == 0
    rows = np.genfromtxt(tmp_path / "film.csv", delimiter=",", names=True)
    assert np.allclose(rows["time"], TIMES[rows["frame"].astype(int) - 1], atol=1e-6)
    assert np.allclose(shown_at(tmp_path / "film.mp4"), TIMES[4::2] - TIMES[4], atol=1e-4)


def test_fps_overrules(film, boxes, tmp_path):
    assert track(film, boxes, tmp_path, "--format", "csv", "--video", "--fps", "10") == 0
    rows = np.genfromtxt(tmp_path / "film.csv", delimiter=",", names=True)
    assert np.allclose(rows["time"], (rows["frame"] - 1) / 10)
    assert np.allclose(shown_at(tmp_path / "film.mp4"), np.arange(40) / 10)


def test_show_keeps_the_times_of_the_video(film, boxes, tmp_path):
    assert track(film, boxes, tmp_path) == 0
    assert main(["show", str(tmp_path / "film.txt"), str(film), "-o", str(tmp_path / "shown.mp4"), "-q"]) == 0
    assert np.abs(shown_at(tmp_path / "shown.mp4") - TIMES).max() < 1e-4


def test_motchallenge_rows_have_no_times(film, boxes, tmp_path):
    assert track(film, boxes, tmp_path) == 0
    assert {line.count(",") for line in (tmp_path / "film.txt").read_text().splitlines()} == {9}


def test_a_live_film_lasts_as_long_as_it_took(boxes, tmp_path):
    """40 frames over 20 s, at irregular times."""
    times = np.sort(np.random.default_rng(0).uniform(0, 20, 40))
    image = np.zeros((48, 64, 3), np.uint8)
    live = Sequence("camera0", lambda: (Frame(n, image, time) for n, time in enumerate(times.tolist(), 1)))
    run = make_tracking_run(live, DetectorConfig(str(boxes)).open()(live))
    _, failure = write_tracks(run, Outputs(tmp_path, "csv", video=True))
    assert failure is None
    assert np.abs(shown_at(tmp_path / "camera0.mp4") - (times - times[0])).max() < 1e-4
    rows = np.genfromtxt(tmp_path / "camera0.csv", delimiter=",", names=True)
    assert np.allclose(rows["time"], times[rows["frame"].astype(int) - 1], atol=1e-6)


def feed(path: Path, content: bytes) -> threading.Thread:
    """Write `content` into a new named pipe, as soon as somebody reads it."""
    os.mkfifo(path)
    thread = threading.Thread(target=path.write_bytes, args=(content,))
    thread.start()
    return thread


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("options", [[], ["--video"]])
def test_video_and_detections_through_pipes(film, boxes, tmp_path, options):
    assert track(film, boxes, tmp_path / "files") == 0
    writers = [feed(tmp_path / "film.pipe", film.read_bytes()), feed(tmp_path / "boxes.pipe", boxes.read_bytes())]
    assert track(tmp_path / "film.pipe", tmp_path / "boxes.pipe", tmp_path / "pipes", *options) == 0
    for writer in writers:
        writer.join()
    piped, expected = (read_results(tmp_path / out / "film.txt") for out in ("pipes", "files"))
    assert piped.id.tolist() == expected.id.tolist()
    assert np.abs(piped.xyxy - expected.xyxy).max() < 0.1  # the frame rate is measured on the first frames


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("arguments", [("wait.pipe", "boxes.txt"), ("film.webm", "wait.pipe")])
def test_a_pipe_without_a_writer_is_waited_for_aloud(film, boxes, tmp_path, monkeypatch, capsys, arguments):
    """Ctrl-C ends the waiting."""

    class Poll:
        def register(self, *_):
            pass

        def poll(self, timeout=None):
            if timeout is None:
                raise KeyboardInterrupt
            return []

    monkeypatch.setattr(pipes.select, "poll", Poll)
    os.mkfifo(tmp_path / "wait.pipe")
    source, detections = (tmp_path / name for name in arguments)
    assert track(source, detections, tmp_path / "out") == 130
    assert "wait.pipe is a pipe: waiting for somebody to write into it" in capsys.readouterr().err


@pytest.mark.parametrize("rate", ["0", "-3", "nan", "inf", "1e9"])
@pytest.mark.parametrize("command", ["track", "show"])
def test_rates_that_cannot_be(film, boxes, tmp_path, capsys, command, rate):
    boxes.write_text(boxes.read_text().replace(",-1,", ",1,"))  # tracks, for show
    words = {"track": [film, "--detector", boxes], "show": [boxes, film]}[command]
    assert main([command, *map(str, words), f"--fps={rate}", "-o", str(tmp_path / "out")]) == 2
    assert "expected frames per second" in capsys.readouterr().err
    assert not list(tmp_path.glob("**/*.mp4"))
