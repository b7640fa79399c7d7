"""Scales of scores in files of detections: recognised, or given by --scores."""

import json

import numpy as np
import pytest

from idfree.cli import main
from idfree.core.errors import UserError
from idfree.detectors.scores import UNIT, scale_scores
from idfree.pipelines.detection.open_detector import DetectorConfig

PROBABILITY = np.tile([0.9, 0.3, 0.3], 40)
MARGINS = np.random.default_rng(0).gamma(4, 10, 500).clip(0.1, 94)  # like those of MOT15, none below 0


def with_one(score, value):
    changed = score.copy()
    changed[7] = value
    return changed


@pytest.mark.parametrize(
    ("score", "expected", "message"),
    [
        (PROBABILITY, None, ""),
        (np.zeros(0), None, ""),
        (np.full(3, np.nan), None, ""),
        (with_one(PROBABILITY, 1.0001), UNIT, "scores from 0.3 to 1.0001: clipped to 0…1"),
        (with_one(PROBABILITY, -0.0001), UNIT, "clipped"),
        (with_one(PROBABILITY, 37), UNIT, "clipped"),
        (with_one(PROBABILITY, -1), UNIT, "clipped"),  # an unknown score
        (np.array([0.9, 1.0001]), UNIT, "clipped"),
        (100 * PROBABILITY, (0, 100), "scores from 30 to 90, taken for per cent: divided by 100"),
        (with_one(100 * PROBABILITY, 100.02), (0, 100), "per cent"),
        (with_one(100 * PROBABILITY, 250), (0, 100), "per cent"),
        (100 * np.random.default_rng(0).uniform(0.2, 0.8, 99), (0, 100), "per cent"),
        (100 * np.random.default_rng(0).beta(0.3, 2, 999), (0, 100), "per cent"),  # without a threshold
        (255 * PROBABILITY, (0, 255), "taken for 0…255: divided by 255"),
        (np.array([120, 76, 110]), (0, 255), "0…255"),
        (np.array([-0.5, 0.2, 3.1]), (-0.43, 0.2), "taken for logits: -0.43 is scaled to 0, the median 0.2 to 1"),
        (np.array([0.5, 2, 3.1]), (0.65, 2), "logits"),
        (np.arange(1, 11.0), (1.45, 5.5), "logits"),  # a scale of ten
        (MARGINS, tuple(np.quantile(MARGINS, [0.05, 0.5])), "logits"),
        (with_one(MARGINS, -0.5), tuple(np.quantile(with_one(MARGINS, -0.5), [0.05, 0.5])), "logits"),
        (np.append(MARGINS, [118, 130]), tuple(np.quantile(np.append(MARGINS, [118, 130]), [0.05, 0.5])), "logits"),
        (np.full(4, -1.0), (-2, -1), "no score is known, all are -1: they count as 1"),
    ],
)
def test_recognised_scales(score, expected, message):
    scaled = scale_scores(score)
    assert scaled.range == (expected if expected is None else pytest.approx(expected))
    assert message in scaled.message
    assert bool(message) == bool(scaled.message)


def test_given_scales():
    assert scale_scores(100 * PROBABILITY, "raw").range is None
    assert scale_scores(PROBABILITY, "percent").range == (0, 100)
    assert scale_scores(PROBABILITY, "255").range == (0, 255)
    assert scale_scores(np.array([0.1, 0.2, np.inf, 0.3]), "logit").range == pytest.approx((0.11, 0.2))
    assert scale_scores(np.zeros(0), "logit").range == UNIT


def test_scales_are_for_files():
    with pytest.raises(UserError, match=r"--scores percent: is for detections in files; those of a.onnx lie in 0…1"):
        DetectorConfig("a.onnx", scores="percent")
    with pytest.raises(UserError, match="--scores sigmoid: expected one of auto, raw, percent, 255, logit"):
        DetectorConfig("a.txt", scores="sigmoid")
    assert DetectorConfig("people", scores="raw")


@pytest.fixture
def folder(tmp_path):
    """A sequence of 40 frames: one box of score 0.9 and two of 0.3."""
    (tmp_path / "seq" / "det").mkdir(parents=True)
    (tmp_path / "seq" / "seqinfo.ini").write_text("[Sequence]\nseqLength=40\nimWidth=640\nimHeight=480\n")

    def write(scale, odd=None):
        scores = (scale * PROBABILITY if odd is None else with_one(scale * PROBABILITY, odd)).tolist()
        rows = [f"{1 + n // 3},-1,{100 + 150 * (n % 3)},100,40,100,{score:g}\n" for n, score in enumerate(scores)]
        (tmp_path / "seq" / "det" / "det.txt").write_text("".join(rows))
        return tmp_path / "seq"

    return write


@pytest.mark.parametrize(
    ("scale", "odd", "options", "tracks", "score_range"),
    [
        (1, None, [], 1, None),
        (1, 1.0001, [], 1, [0, 1]),
        (100, None, [], 1, [0, 100]),
        (255, None, [], 1, [0, 255]),
        (100, None, ["--scores", "raw"], 3, None),
        (100, None, ["--scores", "255"], 0, [0, 255]),
        (100, None, ["--scores", "logit"], 3, [29, 30]),  # of equal quantiles
    ],
)
def test_scales_of_tracked_files(folder, tmp_path, capsys, scale, odd, options, tracks, score_range):
    out = tmp_path / "out"
    command = ["track", str(folder(scale, odd)), "--detector", "det", "--tracker", "bytetrack", "-q", "-o", str(out)]
    assert main([*command, *options]) == 0
    (summary,) = json.loads((out / "summary.json").read_text())["sequences"]
    assert (summary["tracks"], summary["score_range"]) == (tracks, score_range)
    said = [line for line in capsys.readouterr().err.splitlines() if "--scores" in line]
    assert len(said) == (score_range is not None and not options)
    assert all("seq/det/det.txt: scores from " in message for message in said)


def test_the_scale_is_kept_with_the_detections(folder, tmp_path):
    kept, out = tmp_path / "kept", tmp_path / "out"
    sequence, detect = str(folder(100)), ["detect", str(folder(100)), "--detector", "det", "-q", "-o", str(kept)]
    track = ["track", sequence, "--detector", str(kept), "--tracker", "bytetrack", "-q", "-o", str(out)]
    for options, detected, then in (([], [0, 100], [0, 100]), (["--scores", "255"], [0, 255], [0, 255])):
        assert main([*detect, *options]) == 0
        assert json.loads((kept / "seq.json").read_text())["report"]["score_range"] == detected
        assert main(track) == 0
        assert json.loads((out / "summary.json").read_text())["sequences"][0]["score_range"] == then
    assert main([*track, "--scores", "percent"]) == 0
    assert json.loads((out / "summary.json").read_text())["sequences"][0]["score_range"] == [0, 100]


@pytest.mark.parametrize("command", ["track", "detect", "label", "adapt", "tune"])
def test_every_command_with_a_detector_has_the_option(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "--scores {auto,raw,percent,255,logit}" in capsys.readouterr().out
