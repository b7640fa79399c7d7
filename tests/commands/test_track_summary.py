"""What is said on screen of the speed."""

import pytest

from idfree.commands.track import describe_rate, print_summary


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (123.4, " (123 frames/s)"),
        (10.0, " (10 frames/s)"),
        (9.8, " (9.8 frames/s)"),
        (0.4, " (0.4 frames/s)"),
        (0.0, " (under 0.1 frames/s)"),
        (None, ""),
    ],
)
def test_a_slow_speed_has_a_decimal(rate, text):
    assert describe_rate(rate) == text


def test_the_summary_on_screen(capsys, tmp_path):
    summary = {"tracks": 1, "boxes": 2, "frames": 3, "frames_per_second": {"all": 0.4}, "frames_lost": 0}
    print_summary(tmp_path / "a.txt", {**summary, "skipped": False})
    assert capsys.readouterr().out.endswith("a.txt: 1 tracks, 2 boxes in 3 frames (0.4 frames/s)\n")
