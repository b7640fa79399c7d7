"""What is said on screen of a tracked sequence."""

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


@pytest.mark.parametrize(
    ("tracker", "min_score", "said"),
    [
        ("Sort", 0.4, ", scores from 0.4"),
        ("Sort", "-inf", ""),
        ("FairMOT", 0.4, ""),  # which has this threshold by default
    ],
)
def test_the_summary_on_screen(tracker, min_score, said, capsys, tmp_path):
    summary = {"tracks": 1, "boxes": 2, "frames": 3, "frames_per_second": {"all": 0.4}, "frames_lost": 0}
    summary |= {"tracker": tracker, "settings": {"min_score": min_score}, "skipped": False}
    print_summary(tmp_path / "a.txt", summary)
    assert capsys.readouterr().out.endswith(f"a.txt: 1 tracks, 2 boxes in 3 frames (0.4 frames/s){said}\n")
