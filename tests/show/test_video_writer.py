"""H.264 written and decoded again."""

from fractions import Fraction

import av
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.sequences.video import open_video
from idfree.show.video_writer import VideoWriter, VideoWriterSettings

COLOURS = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
    (30, 200, 120),
    (200, 100, 50),
    (90, 90, 200),
]


def stripes(height: int, width: int) -> np.ndarray:
    """Eight upright stripes of plain colour."""
    columns = np.arange(width) * len(COLOURS) // width
    return np.broadcast_to(np.array(COLOURS, np.uint8)[columns], (height, width, 3))


def test_the_file_plays_in_a_browser(tmp_path):
    path = tmp_path / "new" / "a.mp4"
    with VideoWriter(path, 25, (96, 128), VideoWriterSettings(crf=18)) as video:
        for _ in range(12):
            video.write(stripes(96, 128))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.frames, stream.average_rate) == (12, 25)
        frames = list(container.decode(stream))
    assert len(frames) == 12
    data = path.read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat")
    assert [file.name for file in path.parent.iterdir()] == ["a.mp4"]


def test_colours_are_written_as_bt709_and_marked_so(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25, (96, 128), VideoWriterSettings(crf=18)) as video:
        video.write(stripes(96, 128))
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
    luma = frame.to_ndarray()[48, 8:128:16].astype(float)
    assert np.abs(luma - (16 + 219 / 255 * np.array(COLOURS) @ [0.0722, 0.7152, 0.2126])).max() < 2  # of B, G, R


@pytest.mark.skipif(int(av.__version__.split(".")[0]) < 18, reason="older PyAV decodes as BT.601 whatever the mark")
def test_colours_come_back(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25, (96, 128), VideoWriterSettings(crf=18)) as video:
        for _ in range(3):
            video.write(stripes(96, 128))
    for frame in open_video(tmp_path / "a.mp4"):
        middles = frame.image[48, 8::16].astype(int)
        assert np.abs(middles - COLOURS).max() <= 6


def test_an_odd_size_gets_one_more_row_and_column(tmp_path):
    image = stripes(47, 63)
    with VideoWriter(tmp_path / "a.mp4", 25, (47, 63), VideoWriterSettings(crf=10)) as video:
        for _ in range(2):
            video.write(image)
    sequence = open_video(tmp_path / "a.mp4")
    assert sequence.size_hw == (48, 64)
    first = next(iter(sequence)).image.astype(int)
    assert np.abs(first[:47, :63] - image).mean() < 8  # colour has half the resolution: stripes bleed at their edges
    assert np.abs(first[47] - first[46]).mean() < 3
    assert np.abs(first[:, 63] - first[:, 62]).mean() < 3


@pytest.mark.parametrize(
    ("rate", "fraction"),
    [(29.97002997002997, Fraction(30000, 1001)), (12.5, Fraction(25, 2)), (7, 7), (0.5, Fraction(1, 2))],
)
def test_frame_rates_need_not_be_whole(tmp_path, rate, fraction):
    with VideoWriter(tmp_path / "a.mp4", rate, (16, 16)) as video:
        for _ in range(5):
            video.write(np.zeros((16, 16, 3), np.uint8))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].average_rate == fraction


def test_crf_is_a_setting(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    sizes = []
    for crf in (10, 40):
        with VideoWriter(tmp_path / "a.mp4", 25, (64, 64), VideoWriterSettings(crf=crf)) as video:
            video.write(noise)
        sizes.append((tmp_path / "a.mp4").stat().st_size)
    assert sizes[0] > 2 * sizes[1]


def test_an_exception_leaves_no_file(tmp_path):
    def write():
        with VideoWriter(tmp_path / "a.mp4", 25, (16, 16)) as video:
            video.write(np.zeros((16, 16, 3), np.uint8))
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        write()
    assert not list(tmp_path.iterdir())


def test_a_frame_of_another_size_is_refused(tmp_path):
    with (
        pytest.raises(UserError, match="a frame of 20×16 in a video of 16×16"),
        VideoWriter(tmp_path / "a.mp4", 25, (16, 16)) as video,
    ):
        video.write(np.zeros((16, 20, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_no_frame_is_no_video(tmp_path):
    with pytest.raises(UserError, match="there was no frame to write"), VideoWriter(tmp_path / "a.mp4", 25, (16, 16)):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "a").touch()
    with (
        pytest.raises(UserError, match="cannot make the folder"),
        VideoWriter(tmp_path / "a" / "b" / "c.mp4", 25, (16, 16)),
    ):
        pass


def shown_at(path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def write_timed(path, frame_rate, times, timed=True):
    with VideoWriter(path, frame_rate, (16, 16), timed=timed) as video:
        for time in times:
            video.write(np.zeros((16, 16, 3), np.uint8), time)
    return path


def test_frames_are_shown_at_their_times(tmp_path):
    """40 frames of a camera over 20 s, with jitter."""
    times = np.sort(np.random.default_rng(0).uniform(3, 23, 40))
    path = write_timed(tmp_path / "a.mp4", 30, times)
    assert np.abs(shown_at(path) - (times - times[0])).max() <= 1 / 90_000
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(times[-1] - times[0] + 1 / 30, abs=0.001)


def test_a_constant_rate_keeps_its_steps_and_its_gaps(tmp_path):
    path = write_timed(tmp_path / "a.mp4", 25, [4, 4.04, None, 4.1199, 4.4], timed=False)
    assert np.allclose(shown_at(path), [0, 0.04, 0.08, 0.12, 0.4])


def test_times_that_do_not_rise(tmp_path):
    times = shown_at(write_timed(tmp_path / "a.mp4", 30, [0, 0, 0.5, 0.2, 1]))
    assert len(times) == 5
    assert times == sorted(set(times))
    assert (times[2], times[4]) == (0.5, 1.0)


def test_pauses_of_days_are_shortened(tmp_path):
    times = shown_at(write_timed(tmp_path / "a.mp4", 30, [0, 0.5, 1e6, 1e6 + 0.5]))
    assert len(times) == 4
    assert (times[1], times[3] - times[2]) == (0.5, 0.5)
    assert times[2] - times[1] <= 3600


@pytest.mark.parametrize("frame_rate", [1 / 86400, 0.001, 0.3, 30.334190231362467, 999.9, 9999.5])
@pytest.mark.parametrize("timed", [False, True])
def test_unusual_frame_rates(tmp_path, frame_rate, timed):
    times = shown_at(write_timed(tmp_path / "a.mp4", frame_rate, np.arange(8) / frame_rate, timed))
    assert np.allclose(times, np.arange(8) * min(3600, 1 / frame_rate), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("frame_rate", [0, -1, float("nan"), float("inf"), 1e9])
def test_frame_rates_that_cannot_be(tmp_path, frame_rate):
    with pytest.raises(UserError, match="frames per second: expected 0 to 10000"):
        VideoWriter(tmp_path / "a.mp4", frame_rate, (16, 16))


def test_names_that_look_like_protocols(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_timed("2024-05-01T10:32:07.mp4", 25, [0])
    assert [path.name for path in tmp_path.iterdir()] == ["2024-05-01T10:32:07.mp4"]
