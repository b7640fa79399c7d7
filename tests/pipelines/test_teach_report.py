"""What the report on the teaching of a detector concludes from the rates of held-out tracklets."""

import pytest

from idfree.commands.teach import format_summary
from idfree.pipelines.teaching.report import give_verdict, is_better, next_commands


def rates(head, colour, both, tracklets=100, **other):
    named = {"head": head, "colour": colour, "both": both}
    figures = {name: {"error": error, "d_prime": 2.0} for name, error in named.items()}
    return {"held_out": True, "colour_weight": 0.5, "tracklets": tracklets, **figures, **other}


@pytest.mark.parametrize(
    ("report", "start"),
    [
        (rates(0.1, 0.1, 0.05), "Head and colour together tell held-out objects apart better"),
        (rates(0.1, 0.1, 0.12), "The head adds nothing to colour here: equal error rate (lower is better) head 10"),
        (rates(0.1, 0.1, 0.12, tracklets=12), "Too few tracklets to say whether the head adds to colour"),
        (rates(0.1, 0.1, 0.12, colour_weight=0.0), "On people that the head was not learnt from: equal error rate"),
        (rates(0.1, 0.1, 0.12, held_out=False), "Too few tracklets coexist to judge the head"),
    ],
)
def test_verdict(report, start):
    verdict = give_verdict(report)
    assert verdict.startswith(start)
    assert not report["held_out"] or "d′ (higher is better) head 2.0, colour 2.0, both 2.0" in verdict


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (rates(0.1, 0.1, 0.05), True),
        (rates(0.1, 0.1, 0.1), False),
        (rates(0.1, 0.1, 0.05, held_out=False), False),
        (rates(0.05, 0.1, 0.12, colour_weight=0.0), True),
        (rates(0.1, 0.1, 0.05, colour_weight=0.0), False),
    ],
)
def test_the_next_command_is_the_safer_one_unless_a_gain_over_colour_is_shown(report, expected):
    assert is_better(report) == expected
    report = {**report, "model": "run/taught.onnx"}
    commands = next_commands(report, ["my street.mp4"], "yolox.onnx", "person", settings=["max_iou=0.5"])
    safer = "idfree track 'my street.mp4' --detector yolox.onnx --classes person --set detector.max_iou=0.5"
    taught = "idfree track 'my street.mp4' --detector run/taught.onnx"
    assert commands == ([taught] if expected else [safer, taught])


@pytest.mark.parametrize(
    ("commands", "last"),
    [
        (["safe", "taught"], ["Safer: safe", "To try the taught detector: taught"]),
        (["taught"], ["To try the taught detector: taught"]),
    ],
)
def test_each_command_is_said_what_it_is_for(commands, last, tmp_path):
    report = {"identical": True, "boxes": 2, "tracklets": 1, "videos": {"a": {}}, "verdict": "", "advice": []}
    report |= {"model": "taught.onnx", "choice": "chosen", "next": commands}
    assert format_summary(report, tmp_path).splitlines()[-len(last) - 1 :] == ["chosen", *last]
