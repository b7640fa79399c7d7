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
