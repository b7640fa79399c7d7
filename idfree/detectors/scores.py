"""Scales of scores in files of detections: probabilities, per cent, 0…255, or logits; trackers expect 0…1."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Floats

Range = tuple[float, float]
ScoreScale = Literal["auto", "raw", "percent", "255", "logit"]  # as the option --scores
SCORE_SCALES: tuple[ScoreScale, ...] = ("auto", "raw", "percent", "255", "logit")
RANGES: dict[str, Range] = {"percent": (0.0, 100.0), "255": (0.0, 255.0)}
UNIT: Range = (0.0, 1.0)

LOW_QUANTILE = 0.05  # of logits: scaled to 0
HIGH_QUANTILE = 0.5  # of logits: scaled to 1

UNKNOWN = -1.0  # MOTChallenge's mark of a score that is not known
SLACK = 0.01  # by which a scale may be exceeded, relative to its length: rounding, and sums of probabilities
MAX_OUTSIDE = 0.05  # fraction of probabilities that may be anything
MIN_COUNT = 50  # scores from which on one of them may exceed per cent and 0…255


@dataclass(frozen=True)
class ScaledScores:
    """The scores that stand for 0 and 1, None to keep them as they are; message: what was recognised, "" if nothing."""

    range: Range | None = None
    message: str = ""


def check_scale(scale: str) -> None:
    """Raises UserError if it is not one of SCORE_SCALES."""
    if scale not in SCORE_SCALES:
        raise UserError(f"--scores {scale}: expected one of {', '.join(SCORE_SCALES)}")


def scale_scores(score: Floats, scale: ScoreScale = "auto") -> ScaledScores:
    """The range of scores (N,) of one file. "auto" recognises the scale, with a message unless all lie in 0…1.

    Clipped to 0…1 if nearly all lie there. Divided by 100 or 255 if `is_percent` or `is_byte`. Other scores, most of
    them with negative values, are logits or margins: see `measure_logit_range`.
    """
    if scale != "auto":
        return ScaledScores(RANGES.get(scale) or (measure_logit_range(score) if scale == "logit" else None))
    finite = score[np.isfinite(score)]
    known = np.sort(finite[finite != UNKNOWN])
    if not len(finite) or (finite.min() >= 0 and finite.max() <= 1):
        return ScaledScores()
    if not len(known):
        return ScaledScores(measure_logit_range(finite), "no score is known, all are -1: they count as 1")
    extent = f"scores from {finite.min():g} to {finite.max():g}"
    is_outside = (known < -SLACK) | (known > 1 + SLACK)
    if is_outside.mean() <= MAX_OUTSIDE:
        return ScaledScores(UNIT, f"{extent}: clipped to 0…1")
    within = known[:-1] if len(known) >= MIN_COUNT else known  # one may be odd
    for name, is_of_scale in (("percent", is_percent), ("255", is_byte)):
        if known[0] >= 0 and is_of_scale(within):
            low, high = RANGES[name]
            return ScaledScores((low, high), f"{extent}, taken for {describe(name)}: divided by {high:g}")
    low, high = measure_logit_range(finite)
    return ScaledScores((low, high), f"{extent}, taken for logits: {low:g} is scaled to 0, the median {high:g} to 1")


def to_unit_range(score: Floats, score_range: Range) -> Floats:
    """The scores with the ends of the range mapped to 0 and 1, and clipped there."""
    low, high = score_range
    return np.asarray(np.clip((score - low) / (high - low), 0, 1))


def is_percent(score: Floats) -> bool:
    """Whether ascending scores, not negative, some above 1, are per cent.

    They may also be margins of a classifier that gives no negative ones, such as those of MOT15's detections: 0.1 to
    85, most of them around 40. Per cent are often rounded, begin at a threshold, are mostly small without one, or
    reach 100.
    """
    least, median, greatest = score[0], score[len(score) // 2], score[-1]
    is_rounded = bool((np.abs(100 * score - np.rint(100 * score)) < 1e-3).all())
    return bool(10 < greatest <= 100 * (1 + SLACK)) and (is_rounded or least >= 5 or median < 10 or greatest >= 97)


def is_byte(score: Floats) -> bool:
    """Whether ascending scores, not negative, some above 100, are 0…255: whole, or reaching the upper part of it."""
    is_whole = bool((score == np.rint(score)).all())
    return bool(score[-1] <= 255 * (1 + SLACK)) and score[-1] > 100 and (is_whole or bool(score[-1] >= 200))


def describe(name: str) -> str:
    """Text for the name of a scale."""
    return "per cent" if name == "percent" else f"0…{name}"


def measure_logit_range(score: Floats) -> Range:
    """LOW_QUANTILE and HIGH_QUANTILE of the finite scores; 0 and 1 if there are none."""
    finite = score[np.isfinite(score)]
    if not len(finite):
        return UNIT
    low, high = np.quantile(finite, [LOW_QUANTILE, HIGH_QUANTILE]).tolist()
    return (low, high) if high > low else (low - 1, low)
