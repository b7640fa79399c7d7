"""Search space of `idfree tune`: axes from the ranges in each tracker's file (SEARCH).

Ranges are ours, around the published defaults, as wide as a tracker may still work. The type of their ends, integer,
boolean or float, is that of the setting; those of scores are for detectors that give 0…1.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Floats
from idfree.trackers.registry import TRACKERS


@dataclass(frozen=True)
class Axis:
    """One setting to search, from low to high. An infinite default is represented by the nearer end."""

    name: str
    low: float
    high: float
    default: float

    @property
    def start(self) -> float:
        """The default, within the range."""
        return min(max(self.default, self.low), self.high)

    def suggest(self, trial: Any) -> float:
        """Value suggested by an Optuna trial; floats have four significant digits, so that files stay readable."""
        if isinstance(self.low, bool):
            return bool(trial.suggest_categorical(self.name, [self.low, self.high]))
        if isinstance(self.low, int):
            return int(trial.suggest_int(self.name, self.low, self.high))
        value = trial.suggest_float(self.name, self.low, self.high)
        return self.default if value == self.start else float(f"{value:.4g}")


def axes(tracker: str, fixed: Collection[str], scores: Floats) -> list[Axis]:
    """Axes of a tracker's settings, except those in `fixed`.

    scores: (N,), of the detections. If they are not all in 0…1, the ends of the range of each setting `…_score` are
    quantiles of them, extended to the default. Raises UserError for an unknown tracker, or if no axis is left.
    """
    if tracker not in TRACKERS:
        raise UserError(f"--tracker {tracker}: there are ranges to search for {', '.join(TRACKERS)}")
    entry = TRACKERS[tracker]
    defaults = entry.settings()
    found = [
        make_axis(name, ends, getattr(defaults, name), scores)
        for name, ends in entry.search.items()
        if name not in fixed
    ]
    if not found:
        raise UserError(f"--set fixes every setting of {tracker} that could be searched")
    return found


def make_axis(name: str, ends: tuple[float, float], default: float, scores: Floats) -> Axis:
    """Axis of one setting, with the range of a score adapted to the detections' scores (see `axes`)."""
    low, high = ends
    is_other_scale = len(scores) > 0 and (scores.min() < 0 or scores.max() > 1)
    if is_other_scale and name.endswith("_score"):
        low, high = (float(q) for q in np.quantile(scores, (low, high)))
        if math.isfinite(default):
            low, high = min(low, default), max(high, default)
    return Axis(name, low, high, default)
