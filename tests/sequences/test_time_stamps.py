"""Frame rate and times of videos: measured on time stamps, and the same whether images are read or not."""

import logging

import av
import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.core.types import Frame, Sequence
from idfree.sequences.motchallenge import open_sequence
from idfree.sequences.time_stamps import FrameClock, StampTable, Timing, find_timing, measured_rates
from idfree.sequences.video import open_video

JITTER = np.concatenate([[0], np.cumsum(np.random.default_rng(0).integers(30, 37, 59))])  # ms


def check_times(path, seconds, caplog, opener=open_video):
    """Frames have these times with and without images, and nothing is lost. Returns the sequence."""
    with caplog.at_level(logging.WARNING, "idfree"):
        sequence = opener(path)
        frames = list(sequence)
    unread = list(sequence.without_images())
    assert [frame.number for frame in frames] == [frame.number for frame in unread] == list(range(1, len(seconds) + 1))
    assert np.allclose([frame.time for frame in frames], seconds, atol=1e-6)
    assert np.allclose([frame.time for frame in unread], seconds, atol=1e-6)
    assert not any("decoded" in record.getMessage() for record in caplog.records)
    return sequence


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.webm", "libvpx", {}),
        ("a.mkv", "libx264", {}),
        ("a.mkv", "libx264", {"bf": "0"}),
        ("a.wmv", "wmv2", {}),
        ("a.ts", "libx264", {}),
        ("a.flv", "flv", {}),
        ("a.mp4", "libx264", {}),
        ("a.mov", "mpeg4", {}),
    ],
)
def test_variable_frame_rate(write_stamped, caplog, name, codec, options):
    """60 frames with a tick of 1 ms and steps of 30 to 36 ms."""
    sequence = check_times(write_stamped(name, codec, JITTER, **options), JITTER / 1000, caplog)
    assert sequence.frame_rate == pytest.approx(59 / JITTER[-1] * 1000, rel=0.02)


def test_a_wrong_declared_rate_is_named(write_stamped, caplog):
    path = write_stamped("film.webm", "libvpx", JITTER)
    check_times(path, JITTER / 1000, caplog)
    open_video(path)  # once only
    assert [record.getMessage() for record in caplog.records] == [
        "film.webm declares 1000 frames/s, its time stamps say 30.33: used; --fps overrules"
    ]


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.mp4"])
def test_a_constant_rate_is_exact_and_needs_no_word(write_stamped, caplog, name):
    """A third of a second in milliseconds is 333, but the frames are at thirds."""
    path = write_stamped(name, "libx264", range(40), ticks=3, rate=3)
    sequence = check_times(path, np.arange(40) / 3, caplog)
    assert (sequence.frame_rate, sequence.times) == (3.0, None)
    assert not caplog.records


def test_rates_below_one(write_stamped, caplog):
    sequence = check_times(write_stamped("a.mkv", "libx264", range(0, 600, 20), ticks=1), np.arange(30) * 20, caplog)
    assert sequence.frame_rate == pytest.approx(0.05)


@pytest.mark.parametrize("codec", ["mpeg4", "msmpeg4"])
def test_repeated_frames_of_avi_are_no_lost_ones(write_stamped, caplog, codec):
    """AVI has an empty chunk for a frame that is shown again; here after every fourth one."""
    stamps = np.arange(40) + np.arange(40) // 4
    sequence = check_times(write_stamped("a.avi", codec, stamps, ticks=25), stamps / 25, caplog)
    assert (sequence.length, sequence.frame_rate) == (40, 25)
    assert not caplog.records


def test_an_avi_in_milliseconds(write_stamped, caplog):
    """Converted without re-encoding from a variable rate: 1000 frames/s, of which most are empty."""
    sequence = check_times(write_stamped("a.avi", "mpeg4", JITTER), JITTER / 1000, caplog)
    assert (sequence.length, round(sequence.frame_rate, 1)) == (60, 30.3)


def test_a_truncated_avi_lacks_frames(write_stamped, caplog):
    path = write_stamped("a.avi", "mpeg4", range(60), ticks=25)
    content = path.read_bytes()
    path.write_bytes(content[: (content.index(b"movi") + content.index(b"idx1")) // 2])
    with caplog.at_level(logging.WARNING, "idfree"):
        sequence = open_video(path)
        decoded = len(list(sequence))
    assert 10 < decoded < 50
    assert (sequence.length, sequence.frame_rate) == (60, 25)
    assert [r.getMessage() for r in caplog.records] == [f"a.avi: {60 - decoded} of 60 frames could not be decoded"]


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "mpeg4"), ("a.webm", "libvpx"), ("a.flv", "flv")])
def test_a_truncated_file_without_a_number_of_frames_ends_early(write_stamped, caplog, name, codec):
    path = write_stamped(name, codec, range(0, 5000, 50), g="5")
    with caplog.at_level(logging.WARNING, "idfree"):
        assert open_video(path).length == 100
        assert "cut off" not in caplog.text
        cut = path.with_name(f"cut-{name}")
        cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert 0 < open_video(cut).length < 80
    assert f"cut-{name} declares 4.951 s, but its last frame is at " in caplog.text
    assert "s: was it cut off?" in caplog.text


def test_avi_with_bidirectional_frames(write_stamped, caplog):
    """It has times of decoding only."""
    sequence = check_times(write_stamped("a.avi", "mpeg4", range(30), ticks=25, bf="2"), np.arange(30) / 25, caplog)
    assert sequence.frame_rate == 25


def test_hidden_reference_frames_of_vp8_are_no_lost_ones(write_stamped, caplog):
    path = write_stamped("a.webm", "libvpx", range(0, 400, 40))
    with av.open(str(path)) as source, av.open(str(path.with_name("hidden.webm")), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux(video=0) if p.size):
            if number == 5:  # as an encoder's alternate reference frame
                content = bytearray(bytes(packet))
                content[0] &= ~0x10
                packet.update(bytes(content)) if hasattr(packet, "update") else pytest.skip("packets cannot be changed")
            packet.stream = stream
            target.mux(packet)
    with caplog.at_level(logging.WARNING, "idfree"):
        sequence = open_video(path.with_name("hidden.webm"))
        assert len(list(sequence)) == sequence.length == 9
    assert not caplog.records


def test_files_strung_together(write_stamped, caplog):
    """The clock of the second one begins anew; its frames follow those of the first."""
    path = write_stamped("a.ts", "mpeg2video", range(20), ticks=25)
    path.write_bytes(path.read_bytes() * 2)
    sequence = check_times(path, np.arange(40) / 25, caplog)
    assert sequence.frame_rate == 25


def test_a_pause_does_not_slow_the_rate(write_stamped, caplog):
    stamps = np.arange(60) * 40 + 60_000 * (np.arange(60) >= 30)
    sequence = check_times(write_stamped("a.mkv", "libx264", stamps), stamps / 1000, caplog)
    assert sequence.frame_rate == pytest.approx(25)


def test_without_time_stamps(write_stamped, caplog):
    path = write_stamped("a.h264", "libx264", range(30), ticks=50, bf="0")
    sequence = check_times(path, np.arange(30) / 50, caplog)  # the codec's own header says 50
    assert sequence.frame_rate == 50


def test_absurd_rates(write_stamped, caplog):
    path = write_stamped("a.avi", "mpeg4", range(10), ticks=25)
    content = path.read_bytes()
    header = content.index(b"strh") + 8 + 20  # scale, rate
    assert content[header : header + 8] == (1).to_bytes(4, "little") + (25).to_bytes(4, "little")
    path.write_bytes(
        content[:header] + (1).to_bytes(4, "little") + (10**9).to_bytes(4, "little") + content[header + 8 :]
    )
    sequence = check_times(path, np.arange(10) / 25, caplog)  # as the codec's header says
    assert sequence.frame_rate == 25
    assert [r.getMessage() for r in caplog.records] == [
        "a.avi declares 1e+09 frames/s: taken as 25 frames/s; --fps overrules"
    ]


def stamps(*seconds, tick=0.001):
    return StampTable(np.array(seconds, dtype=float), tick, len(seconds))


def test_what_is_believed(caplog):
    even = np.arange(50) * 0.04
    assert find_timing(stamps(*even), None, 1000.0, "a").frame_rate == pytest.approx(25)
    assert find_timing(stamps(*even), None, 25.0, "a").frame_rate == 25
    assert find_timing(stamps(*even), 25.01, 1000.0, "a").frame_rate == 25.01
    assert not caplog.records
    assert find_timing(stamps(*even), float("nan"), None, "b").frame_rate == pytest.approx(25)
    assert find_timing(stamps(*even), 1e9, None, "c").frame_rate == pytest.approx(25)
    assert "c declares 1e+09 frames/s, its time stamps say 25: used" in caplog.text


def test_what_cannot_be_measured(caplog):
    assert find_timing(stamps(0.0), 24.0, None, "a") == Timing(24.0)
    assert find_timing(stamps(0.0), None, None, "a") == Timing(30.0)
    assert find_timing(stamps(0, 0, 0), 24.0, None, "a") == Timing(24.0)
    assert not caplog.records
    assert find_timing(stamps(0, 0, 0), None, None, "d") == Timing(30.0)
    assert "d has neither a frame rate nor time stamps: taken as 30 frames/s; --fps overrules" in caplog.text
    assert find_timing(stamps(0, 1e9, 2e9), 24.0, None, "e") == Timing(24.0)
    assert measured_rates(np.array([])) == []


def test_a_clock_that_is_set_back_goes_on():
    clock = FrameClock(Timing(10.0, np.array([0, 0.1, 0.2]), True))
    assert [round(clock(n, t), 6) for n, t in enumerate([5, 5.1, 5.3, 0, 0.1, None], 1)] == [0, 0.1, 0.3, 0.4, 0.5, 0.5]


def test_another_rate_overrules_the_stamps(write_stamped):
    sequence = open_video(write_stamped("a.webm", "libvpx", JITTER[:5])).at_rate(10)
    assert sequence.frame_rate == 10
    for frames in (sequence, sequence.without_images()):
        assert [frame.time for frame in frames] == [0, 0.1, 0.2, 0.3, 0.4]


def test_another_rate_leaves_the_clock_of_a_live_camera():
    live = Sequence("camera", lambda: iter([Frame(1, None, 0.0), Frame(9, None, 2.5)])).at_rate(10)
    assert (live.frame_rate, [frame.time for frame in live]) == (10, [0.0, 2.5])


def write_seqinfo(folder, text):
    (folder / "seqinfo.ini").write_text(f"[Sequence]\n{text}\n")


def test_a_sequence_folder_has_the_times_of_its_video(write_stamped, tmp_path, caplog):
    write_stamped("film.webm", "libvpx", JITTER, rate=30)
    write_seqinfo(tmp_path, "name=a")
    sequence = check_times(tmp_path, JITTER / 1000, caplog, open_sequence)
    assert sequence.frame_rate == 30  # as declared, and nearly as measured


def test_the_rate_of_a_seqinfo_wins_over_that_of_the_video_beside_it(write_stamped, tmp_path, caplog):
    write_stamped("film.mp4", "libx264", range(40), ticks=25, rate=25)
    write_seqinfo(tmp_path, "frameRate=10")
    check_times(tmp_path, np.arange(40) / 10, caplog, open_sequence)
    assert "says 10 frames/s, the video beside it 25; the former is taken, --fps overrules" in caplog.text


@pytest.mark.parametrize("rate", ["1e9", "1e-300", "nan", "0", "-5", "inf"])
def test_rates_of_a_seqinfo_that_cannot_be(tmp_path, rate):
    write_seqinfo(tmp_path, f"seqLength=5\nframeRate={rate}")
    with pytest.raises(UserError, match=r"seqinfo\.ini: frameRate is .*, expected"):
        open_sequence(tmp_path)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf"), 1e9, 1e-9])
def test_rates_of_users_that_cannot_be(rate):
    with pytest.raises(UserError, match=r"--fps .*: expected frames per second, more than 0, 10000 at most"):
        Sequence("a", lambda: iter([])).at_rate(rate)
