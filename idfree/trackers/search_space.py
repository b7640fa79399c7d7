"""Where `idfree tune` searches: of each tracker the settings that may change, and from where to where."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from idfree.core.errors import UserError
from idfree.core.types import Floats
from idfree.trackers.registry import TRACKERS

Space = dict[str, tuple[float, float]]

# The least and the greatest value that are tried. They are ours: around the published defaults, as far as a tracker
# may still work. Whole numbers and booleans stay what they are; scores are of a detector that gives 0…1, see `axes`.
LIFE: Space = {
    "max_iou_distance_unconfirmed": (0.4, 0.95),
    "duplicate_iou_distance": (0.0, 0.4),
    "buffer": (5, 150),
    "min_area": (0.0, 1000.0),
    "max_aspect": (0.8, 5.0),
}
BYTETRACK: Space = {
    **LIFE,
    "high_score": (0.3, 0.8),
    "low_score": (0.0, 0.3),
    "new_score": (0.3, 0.9),
    "max_distance": (0.6, 0.98),
    "max_iou_distance_low": (0.2, 0.9),
}
SORT: Space = {"min_iou": (0.05, 0.7), "max_age": (0, 90), "min_hits": (1, 5), "min_score": (0.0, 0.8)}
SPACE: dict[str, Space] = {
    "sort": SORT,
    "iou": SORT,
    "deepsort": {
        "min_score": (0.0, 0.8),
        "max_cosine": (0.05, 0.6),
        "max_iou_distance": (0.3, 0.95),
        "max_age": (5, 150),
        "min_hits": (1, 5),
        "budget": (10, 200),
    },
    "bytetrack": BYTETRACK,
    "fairmot": {
        **LIFE,
        "smoothing": (0.5, 0.99),
        "min_score": (0.1, 0.8),
        "max_cosine": (0.1, 0.8),
        "max_iou_distance": (0.2, 0.9),
        "appearance_weight": (0.8, 1.0),
    },
    "fused": {
        **BYTETRACK,
        "smoothing": (0.5, 0.99),
        "max_cosine": (0.1, 0.8),
        "appearance_weight": (0.8, 1.0),
        "veto": (1.0, 3.0),
        "undisputed": (0.0, 0.9),
        "memory": (30, 300),
        "distinct": (0.5, 1.0),
    },
    "ocsort": {**SORT, "delta_t": (1, 6), "inertia": (0.0, 0.5), "use_byte": (False, True), "low_score": (0.0, 0.4)},
    "botsort": {
        **BYTETRACK,
        "smoothing": (0.5, 0.99),
        "proximity": (0.2, 0.9),
        "max_appearance": (0.05, 0.5),
        "fuse_score": (False, True),
    },
}


@dataclass(frozen=True)
class Axis:
    """One setting to search, from low to high. A default that is infinite stands at the nearer end."""

    name: str
    low: float
    high: float
    default: float

    @property
    def start(self) -> float:
        """Where the default stands."""
        return min(max(self.default, self.low), self.high)

    def suggest(self, trial: Any) -> float:
        """The value that an Optuna trial is to have; four digits of it, so that a settings file can be read."""
        if isinstance(self.low, bool):
            return bool(trial.suggest_categorical(self.name, [self.low, self.high]))
        if isinstance(self.low, int):
            return int(trial.suggest_int(self.name, self.low, self.high))
        value = trial.suggest_float(self.name, self.low, self.high)
        return self.default if value == self.start else float(f"{value:.4g}")


def axes(tracker: str, fixed: Collection[str], scores: Floats) -> list[Axis]:
    """What there is to search for a tracker, but for the settings that are `fixed`.

    scores (N,): of the detections. Where they are not all in 0…1, the ends of the range of each setting `…_score` are
    quantiles of them, moved out to the default if it lies beyond. Raises UserError where nothing is to be searched.
    """
    if tracker not in SPACE:
        raise UserError(f"--tracker {tracker}: there are ranges to search for {', '.join(SPACE)}")
    kind, found = TRACKERS[tracker][1], []
    foreign = len(scores) > 0 and (scores.min() < 0 or scores.max() > 1)
    for name, (low, high) in SPACE[tracker].items():
        default = getattr(kind(), name)
        if foreign and name.endswith("_score"):
            low, high = (float(q) for q in np.quantile(scores, (low, high)))
            if math.isfinite(default):
                low, high = min(low, default), max(high, default)
        found.append(Axis(name, low, high, default))
    found = [axis for axis in found if axis.name not in fixed]
    if not found:
        raise UserError(f"--set fixes every setting of {tracker} that could be searched")
    return found
