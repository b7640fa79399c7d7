"""Search space of `idfree tune`: axes of a tracker's settings, and the values that they suggest."""

import dataclasses
import math

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.trackers.registry import TRACKERS
from idfree.trackers.search_space import Axis, axes

SEARCHED = [(tracker, name) for tracker, entry in TRACKERS.items() for name in entry.search]


@pytest.mark.parametrize(("tracker", "name"), SEARCHED)
def test_ranges_are_of_settings_and_contain_their_defaults(tracker, name):
    entry = TRACKERS[tracker]
    fields = {field.name: field.default for field in dataclasses.fields(entry.settings)}
    assert name in fields, f"SEARCH of {tracker} has {name!r}, which is no setting of {entry.settings.__name__}"
    low, high = entry.search[name]
    default = fields[name]
    assert type(low) is type(high) is type(default), f"SEARCH of {tracker}: {name} is of type {type(default).__name__}"
    assert low < high
    assert low <= default <= high or math.isinf(default), (
        f"SEARCH of {tracker}: {name} is without its default {default}"
    )
    for value in (low, high):
        entry.tracker(entry.settings(**{name: value}))


@pytest.mark.parametrize("tracker", TRACKERS)
def test_every_effective_number_is_searched(tracker):
    entry = TRACKERS[tracker]
    numbers = {f.name for f in dataclasses.fields(entry.settings) if isinstance(f.default, (int, float))}
    without_effect = {"smoothing"} if tracker == "bytetrack" else set()  # of embeddings, which it does not use
    missing = numbers - without_effect - set(entry.search)
    assert not missing, f"SEARCH of {tracker} has no range for {missing}"
    assert set(entry.search) == numbers - without_effect


def test_scores_of_another_scale():
    """If scores are not in 0…1, the ends of a range are quantiles; the default is inside all the same."""
    scores = np.linspace(-1, 3, 101)
    by_name = {axis.name: axis for axis in axes("bytetrack", (), scores)}
    assert (by_name["low_score"].low, by_name["low_score"].high) == pytest.approx((-1, 0.2))  # quantiles 0 and 0.3
    assert (by_name["high_score"].low, by_name["high_score"].high) == pytest.approx((0.2, 2.2))
    assert by_name["max_distance"] == {a.name: a for a in axes("bytetrack", (), scores / 4 + 0.25)}["max_distance"]
    far = {axis.name: axis for axis in axes("bytetrack", (), 10 * scores + 100)}["new_score"]
    assert (far.low, far.start) == (0.7, 0.7)
    floor = next(axis for axis in axes("sort", (), scores) if axis.name == "min_score")
    assert (floor.low, floor.start, floor.default) == (-1, -1, -np.inf)


def test_fixed_settings_are_not_searched():
    assert "patience" not in {axis.name for axis in axes("sort", {"patience"}, np.zeros(0))}
    with pytest.raises(UserError, match="fixes every setting of sort"):
        axes("sort", set(TRACKERS["sort"].search), np.zeros(0))
    with pytest.raises(UserError, match="there are ranges to search for sort"):
        axes("best", (), np.zeros(0))


class FakeTrial:
    """Optuna trial that always suggests `value`."""

    def __init__(self, value: float):
        self.value = value

    def suggest_float(self, name: str, low: float, high: float) -> float:
        return self.value

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return int(self.value)

    def suggest_categorical(self, name: str, choices: list[bool]) -> bool:
        return bool(self.value)


def test_suggested_values_have_the_type_of_the_setting():
    assert Axis("min_score", 0.0, 0.8, -np.inf).suggest(FakeTrial(0.0)) == -np.inf
    assert Axis("min_score", 0.0, 0.8, -np.inf).suggest(FakeTrial(0.123456)) == 0.1235
    assert Axis("max_aspect", 0.8, 5.0, np.inf).suggest(FakeTrial(5.0)) == np.inf
    assert Axis("min_hits", 1, 90, 3).suggest(FakeTrial(7)) == 7
    assert Axis("use_byte", False, True, False).suggest(FakeTrial(1)) is True
