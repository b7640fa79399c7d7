"""What is said on screen of the default detector, and of the speed."""

import logging

import pytest

from idfree.commands.track import describe_rate, print_summary
from idfree.pipelines.open_detector import DetectorConfig


def test_the_weak_default_detector_is_told(caplog):
    with caplog.at_level(logging.WARNING, logger="idfree"):
        DetectorConfig.from_options("det")
        DetectorConfig.from_options("m.onnx")
        assert not caplog.text
        DetectorConfig.from_options("hog")
    assert "the detector is hog, the default, which is slow and misses most people" in caplog.text
    assert "add --detector MODEL.onnx" in caplog.text


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
